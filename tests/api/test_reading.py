"""Queries and bodies: what is refused before any model sees it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gslb.api.drainmodels import DrainRequest
from gslb.api.models import ExplainQuery
from gslb.api.problems import ApiProblem
from gslb.api.reading import MAX_DEPTH, check_json, refuse, repeatable

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(VALUES)
def test_every_proper_json_passes_whatever_stands_in_its_strings(value: object) -> None:
    check_json(json.dumps(value).encode())
    check_json(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200))
def test_no_octets_make_anything_but_a_problem(octets: bytes) -> None:
    try:
        json.loads(octets.decode())
    except ValueError:
        with pytest.raises(ApiProblem, match="not JSON") as caught:
            check_json(octets)
        assert caught.value.status == 400


@given(st.integers(1, 80), st.sampled_from(["[]", '{"a":}']))
def test_depth_has_a_limit(depth: int, kind: str) -> None:
    value: object = 1
    for _ in range(depth):
        value = [value] if kind == "[]" else {"a": value}
    octets = json.dumps(value).encode()
    if depth <= MAX_DEPTH:
        check_json(octets)
    else:
        with pytest.raises(ApiProblem, match="levels deep"):
            check_json(octets)


def test_siblings_are_not_depth() -> None:
    check_json(b"[" + b"[]," * 1000 + b"[]]")


def test_a_string_that_does_not_end_takes_no_quadratic_time() -> None:
    """Minutes, if each quote were read to the end again: the time limit of tests would tell."""
    for octets in (b'"' + b"\\" * ((1 << 20) - 1), b'"' + b'\\"' * (1 << 19), b'"\\"[' * (1 << 18)):
        with pytest.raises(ApiProblem):
            check_json(octets)


def test_only_lists_may_be_repeated() -> None:
    assert repeatable(ExplainQuery, "what_if")
    assert not any(repeatable(ExplainQuery, name) for name in ("name", "client", "resolver", "x"))


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("seconds", 0, "at least 1"),
        ("seconds", 10**9, "at most 259200"),
        ("reason", "", "at least 1 character"),
        ("reason", "x" * 501, "at most 500 characters"),
        ("reason", "a\nb", "one line of printable text is wanted"),
        ("location", "aws//az1", '"aws//az1" is no location'),
        ("location", "", "a location is wanted, such as aws"),
        ("location", "a/b/c/d/e", '"a/b/c/d/e" is too deep'),
        ("new", 1, "there is no such field"),
    ],
)
def test_a_fault_is_told_in_words_of_ours(field: str, value: object, text: str) -> None:
    """Not in those of the validator."""
    sound = {"location": "aws", "reason": "update"}
    with pytest.raises(ValidationError) as wrong:
        DrainRequest.model_validate({**sound, field: value})
    with pytest.raises(ApiProblem) as refused:
        refuse("body", wrong.value)
    (fault,) = refused.value.faults
    assert fault.where == f"body.{field}"
    assert fault.text.startswith(text)
