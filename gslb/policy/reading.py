"""A policy's files as a checked model, with the places of everything in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gslb.policy.document import Document, read_document
from gslb.policy.messages import MAX_TOLD, problems_of
from gslb.policy.model import PolicyFile
from gslb.policy.problems import PolicyError
from gslb.policy.yamltext import DEFAULT_LIMITS, Limits


def read_model(
    path: Path, limits: Limits = DEFAULT_LIMITS, octets: bytes | None = None
) -> tuple[PolicyFile, Document]:
    """Read the policy in *path* as a model. Raises PolicyError with every problem found.

    *octets* stand for the file's own (standard input).
    """
    document = read_document(path, limits, octets)
    try:
        return PolicyFile.model_validate(document.data), document
    except ValidationError as error:
        few = _bearable(error, document.data)
        problems = problems_of(few, document, PolicyFile, error.error_count())
        raise PolicyError(sorted(problems)) from None


def _bearable(error: ValidationError, data: dict[str, Any]) -> ValidationError:
    """Return *error*, or, if it tells more than anybody reads, that of fewer records of *data*.

    A generator gone wrong makes the same mistake in a hundred thousand records.
    """
    records = data.get("records")
    while error.error_count() > MAX_TOLD and isinstance(records, dict) and len(records) > 1:
        entries = list(records.items())
        half = len(entries) // 2
        records = dict(entries[:half])
        fewer = _refusal({**data, "records": records})
        if fewer is None:  # then what is wrong is in the other half
            records = dict(entries[half:])
            fewer = _refusal({**data, "records": records})
        if fewer is None:
            break
        error = fewer
    return error


def _refusal(data: dict[str, Any]) -> ValidationError | None:
    try:
        PolicyFile.model_validate(data)
    except ValidationError as error:
        return error
    return None
