"""What every model of the policy language is made of: its base, and kinds of text."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Texts that go into requests, logs and terminals have no characters that would end a line there.
HostName = Annotated[str, Field(min_length=1, max_length=254, pattern=r"^[^\x00-\x20\x7f-\x9f]*$")]
Word = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Argument = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9])?$")]


class Strict(BaseModel):
    """Refuses unknown keys and coerced types, and never changes once read."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True
    )
