"""Tags of health checks and hosted zones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.doubles.route53.errors import bad_input

MAX_TAGS = 10  # of one resource
MAX_KEY = 128
MAX_VALUE = 256
_CHARACTERS = re.compile(r"[\w\s.:/=+\-@]*")

Tags = dict[tuple[str, str], dict[str, str]]  # by (resource type, identifier)


def change(tags: Tags, resource: tuple[str, str], given: Mapping[str, Any]) -> None:
    """Add and remove tags of a resource that exists."""
    if not given.get("AddTags") and not given.get("RemoveTagKeys"):
        raise bad_input("AddTags or RemoveTagKeys is required.")
    after = dict(tags.get(resource, {}))
    for key in given.get("RemoveTagKeys", []):
        after.pop(key, None)
    for tag in given.get("AddTags", []):
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= MAX_KEY or len(value) > MAX_VALUE:
            raise bad_input(f"Tag {key!r}: a key of 1 to {MAX_KEY}, a value up to {MAX_VALUE}.")
        if key.startswith("aws:"):
            raise bad_input(f"Tag {key!r}: aws: is reserved.")
        if not _CHARACTERS.fullmatch(key) or not _CHARACTERS.fullmatch(value):
            raise bad_input(f"Tag {key!r}: characters that tags do not take.")
        after[key] = value
    if len(after) > MAX_TAGS:
        raise bad_input(f"At most {MAX_TAGS} tags.")
    tags[resource] = after


def shown(tags: Tags, resource: tuple[str, str]) -> dict[str, Any]:
    """Return ``ResourceTagSet``."""
    kind, identifier = resource
    pairs = [{"Key": key, "Value": value} for key, value in tags.get(resource, {}).items()]
    return {"ResourceType": kind, "ResourceId": identifier, "Tags": pairs}
