"""Which geography a node uses: the ``geo:`` block of its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# Countries so large that a client's state or province changes which region is nearest; together
# they take the share of wrongly placed users from 3 to 15 % down to under 1 %.
DEFAULT_SUBDIVIDE = ("US", "CN", "IN", "CA", "RU", "BR", "MX", "AU", "KZ", "ID")


def _as_list(value: object) -> object:
    """Accept one path where several may stand."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str | Path) else value


Paths = Annotated[tuple[Path, ...], BeforeValidator(_as_list)]


class GeoSettings(BaseModel):
    """Where geography comes from. Nothing given: the table that the program carries.

    `table` is a built file and wins over the others, which are inputs that get compiled.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    country: Paths = Field(default=(), description="MMDB or CSV files; v4 and v6 may be apart")
    asn: Paths = Field(default=(), description="MMDB or CSV files of origin AS numbers")
    city: Paths = Field(default=(), description="MMDB or CSV files, for subdivisions")
    subdivide: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] = DEFAULT_SUBDIVIDE
    table: Path | None = Field(default=None, description="a file made by `gslb geo build`")
    whole_world: bool = Field(
        default=True,
        description="false: the file knows only some networks, so do not test it with well-known addresses of all countries",
    )

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Every input file that would have to be compiled."""
        return self.country + self.asn + self.city
