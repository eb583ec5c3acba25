"""The JSON Schema of the policy language, generated from the model that reads it.

Editors complete and check policies with it, by a first line such as
``# yaml-language-server: $schema=policy.schema.json``. ``python -m gslb.policy.schema`` writes it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gslb.policy.model import PolicyFile

SCHEMA_FILE = Path(__file__).with_name("policy.schema.json")


def policy_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12)."""
    schema = PolicyFile.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "GSLB policy",
    }


def schema_text() -> str:
    """Return the schema as the text that is shipped."""
    return json.dumps(policy_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
