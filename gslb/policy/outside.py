"""Records that lie outside the zone: a mistake of each, or one of the zone's name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gslb.policy.names import OutsideZoneError, name_text
from gslb.policy.places import Places
from gslb.policy.problems import Problem

_FEWEST = 2  # records that may accuse the zone's name; one alone is wrong itself


def outside_problems(
    outside: Mapping[str, OutsideZoneError], whole: int, apex: bytes, places: Places
) -> Iterator[Problem]:
    """Yield one problem at ``zone:`` if most of *whole* records lie outside, else one for each.

    *outside* has the records' names as written. A name of one label is not outside: it lacks the
    zone's name, and is told so.
    """
    full = [text for text in outside if "." in text.rstrip(".")]
    accused = len(full) >= _FEWEST and 2 * len(full) > whole
    if accused:
        common = _common_end(full)
        text = f"{len(full)} of {whole} records are not in the zone {name_text(apex)}, such as {full[0]}"
        hint = f"did you mean zone: {common}?" if common else ""
        yield Problem(places.locate(("dns", "zone")), "E204", text, hint=hint)
    for text, error in outside.items():
        if not accused or text not in full:
            where = places.locate_key(("records", text))
            yield Problem(where, "E204", str(error), hint=error.hint)


def _common_end(names: Iterable[str]) -> str:
    """Return the labels that all of *names* end with, or nothing if it is less than two."""
    split = [name.rstrip(".").lower().split(".")[::-1] for name in names]
    common = []
    for labels in zip(*split, strict=False):
        if len(set(labels)) > 1:
            break
        common.append(labels[0])
    return ".".join(reversed(common)) if len(common) > 1 else ""
