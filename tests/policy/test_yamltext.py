"""YAML as policies have it: nothing is guessed, nothing is silently lost, everything has its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gslb.policy import yamltext
from gslb.policy.problems import Problem
from gslb.policy.yamltext import Limits, Reader, key_place, value_place

PATH = Path("p.yaml")


def read(text: str | bytes, **limits: int) -> tuple[Any, list[Problem]]:
    """Return the value (None if there is none) and the problems."""
    octets = text.encode() if isinstance(text, str) else text
    reader = Reader(Limits(**limits))
    parsed = reader.read(PATH, octets)
    return (None if parsed is None else parsed.data), reader.problems


def value(text: str | bytes) -> Any:
    found, problems = read(text)
    assert problems == []
    return found


def told(text: str | bytes, **limits: int) -> list[tuple[int, int, str]]:
    """Return line, column and code of each problem."""
    return [(p.where.line, p.where.column, p.code) for p in read(text, **limits)[1]]


@pytest.fixture(params=["C", "Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers of PyYAML; the one in Python stands in where libyaml is missing."""
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("PyYAML has no libyaml here")
    return str(request.param)


# values


@pytest.mark.parametrize("word", ["NO", "no", "No", "ON", "on", "off", "Off", "yes", "Y", "n"])
def test_norway_is_a_country(parser: str, word: str) -> None:
    assert value(f"- [DK, {word}, IS]") == [["DK", word, "IS"]]


@pytest.mark.parametrize(
    "word",
    [
        *("010", "0o10", "0x1f", "0b11", "1_000", "1:30", "190:20:30", "00", "-01", "+010"),
        *("1e3", "1.5e3", ".5", "1.", "-.5", ".inf", "-.INF", ".nan", "1,5", "1.2.3", "１"),
        *("2026-12-01", "2026-12-01T06:00Z", "12:00", "True", "TRUE", "False", "Null", "NULL"),
        *("nil", "none", "=", "1a", "--", "+", "12345678901234567890", "200-299", "2/3"),
    ],
)
def test_what_only_looks_like_a_number_or_a_word_stays_text(parser: str, word: str) -> None:
    assert value(f"a: {word}\nb: 0") == {"a": word, "b": 0}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("0", 0), ("-0", 0), ("7", 7), ("+7", 7), ("-7", -7)),
        *(("1234567890123456789", 1234567890123456789), ("1.5", 1.5), ("-0.25", -0.25)),
        *(("true", True), ("false", False), ("null", None), ("~", None), ("", None)),
        *(('"1"', "1"), ("'true'", "true"), ('"null"', "null"), ('"~"', "~"), ('""', "")),
        *(("'it''s'", "it's"), ('"a\\tb\\u00e9"', "a\tbé"), ("1#x", "1#x"), ("1 # x", 1)),
    ],
)
def test_the_few_words_that_are_more_than_text(parser: str, written: str, meant: object) -> None:
    found = value(f"a: {written}\n")["a"]
    assert found == meant
    assert type(found) is type(meant)


def test_block_scalars_are_text_whatever_they_hold(parser: str) -> None:
    text = "a: |\n  1\n  true\nb: >-\n  one\n  two\nc: |+\n  x\n\n"
    assert value(text) == {"a": "1\ntrue\n", "b": "one two", "c": "x\n\n"}


def test_keys_are_text_whatever_they_look_like(parser: str) -> None:
    assert value("{1: a, true: b, ~: c, 1.5: d, NO: e, '<<': f}") == {
        "1": "a", "true": "b", "~": "c", "1.5": "d", "NO": "e", "<<": "f",
    }  # fmt: skip


def test_ipv6_addresses_in_flow_lists_need_quotes(parser: str) -> None:
    assert value('["2001:db8::1", "::1"]') == ["2001:db8::1", "::1"]
    assert value("a: 2001:db8::1") == {"a": "2001:db8::1"}
    ((line, column, code),) = told("a: [2001:db8::1, ::1]\n")
    assert (line, code) == (1, "E003")
    assert column in {18, 19}


def test_json_is_read(parser: str) -> None:
    given = {"a": [1, 2.5, True, None, "x"], "b": {"c": {}}, "d": [], "e": 'q"\\/\n'}
    assert value(json.dumps(given)) == given
    assert value(json.dumps(given, indent=2)) == given


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_as_one(parser: str, end: str) -> None:
    text = end.join(["a: 1", "b:", "  - x", "c: 2", "c: 3", ""])
    assert told(text) == [(5, 1, "E006")]


def test_a_byte_order_mark_at_the_start_is_no_part_of_the_text(parser: str) -> None:
    assert value(b"\xef\xbb\xbfa: 1\n") == {"a": 1}
    assert told(b"\xef\xbb\xbfa: 1\na: 2\n") == [(2, 1, "E006")]


# keys


def test_every_repetition_of_a_key_is_told_with_the_line_of_the_first(parser: str) -> None:
    found, problems = read("a: 1\nb: {x: 1, x: 2}\na: 3\n'a': 4\n")
    assert [(p.where.line, p.where.column, p.code) for p in problems] == [
        (2, 11, "E006"),
        (3, 1, "E006"),
        (4, 1, "E006"),
    ]
    assert problems[0].text == 'key "x" stands twice; the first is in line 2'
    assert problems[1].text == problems[2].text == 'key "a" stands twice; the first is in line 1'
    assert found["a"] == 1


def test_equal_keys_of_different_mappings_are_no_repetition(parser: str) -> None:
    assert value("a: {x: 1}\nb: {x: 1, a: 2}\n") == {"a": {"x": 1}, "b": {"x": 1, "a": 2}}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("? [a]\n: 1\n", [(1, 3, "E008")]),
        ("? {a: b}\n: 1\n", [(1, 3, "E008")]),
        ("a: &x b\n*x : 1\n", [(2, 1, "E008")]),
        ("'': 1\nb: 2\n", [(1, 1, "E008")]),
        ("a: 1\n? " + "k" * 1025 + "\n: 1\nb: 2\n", [(2, 3, "E008")]),
        ("a:\n  <<: {b: 1}\n  c: 2\n", [(2, 3, "E009")]),
        ("a: [{<<: b}]\n", [(1, 6, "E009")]),
        ("!!str a: 1\n", [(1, 1, "E007")]),
    ],
)
def test_keys_are_plain_text(parser: str, text: str, places: list[tuple[int, int, str]]) -> None:
    assert told(text) == places


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a: !!str 1", 4),
        ("a: !!python/object:os.system x", 4),
        ("a: !<tag:example.com,2026:x> [1]", 4),
        ("a: !mine {b: 1}", 4),
        ("a: ! 1", 4),
        ("a: &x !!int 1", 4),
    ],
)
def test_tags_are_refused_and_never_constructed(parser: str, text: str, column: int) -> None:
    assert told(text) == [(1, column, "E007")]


def test_many_small_mistakes_are_told_at_once(parser: str) -> None:
    text = "a: !x 1\na: 2\nb: {<<: 1, '': 2}\nc: !y []\n"
    assert [code for _, _, code in told(text)] == ["E007", "E006", "E009", "E008", "E007"]


# documents


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "\ufeff", "  \n\n"])
def test_an_empty_file_is_told(parser: str, text: str) -> None:
    assert told(text) == [(0, 0, "E004")]


@pytest.mark.parametrize(
    "text", ["a: 1\n---\nb: 2\n", "a: 1\n---\n", "--- a\n--- b\n", "a: 1\n...\n---\n{}\n"]
)
def test_a_second_document_is_told_where_it_begins(parser: str, text: str) -> None:
    ((line, column, code),) = told(text)
    assert code == "E005"
    assert text.splitlines()[line - 1].startswith("---")
    assert column == 1


@pytest.mark.parametrize("text", ["---\na: 1\n", "a: 1\n...\n", "%YAML 1.2\n---\na: 1\n"])
def test_marks_of_one_document_are_fine(parser: str, text: str) -> None:
    assert value(text) == {"a": 1}


# text that is not YAML, not text


@pytest.mark.parametrize(
    ("octets", "line", "column"),
    [
        (b"a: \xff\n", 1, 4),
        ("ä: ü\nö: ".encode() + b"\xe4\n", 2, 4),
        (b"\xef\xbb\xbfa: \xff", 1, 4),
        (b"\xef\xbb\xbf" + "ä: ".encode() + b"\xff", 1, 4),
        (b"\xef\xbb\xbfa: 1\nb: \xc3", 2, 4),
        ("a: 1\n".encode("utf-16"), 1, 1),
        ("a: é\n".encode("latin-1"), 1, 4),
        (b"a: \xed\xa0\x80", 1, 4),
        (b"a: 1\r\nb: \xff", 2, 4),
        (b"a: 1\rb: \xff", 2, 4),
    ],
)
def test_text_that_is_not_utf_8_is_told_where_it_stops_being(
    octets: bytes, line: int, column: int
) -> None:
    assert told(octets) == [(line, column, "E001")]


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x07", "\x7f", "\x9b", "\ufffe", "\uffff"])
def test_control_characters_are_told_where_they_are(parser: str, character: str) -> None:
    assert told(f"ä: 1\nb: é{character}x\n") == [(2, 5, "E003")]


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\ufeff"])
def test_what_editors_show_as_nothing_is_told(parser: str, character: str) -> None:
    """YAML and editors do not agree about these: lines would be counted differently."""
    assert told(f"a: 1\nb: x{character}y\n") == [(2, 5, "E003")]


@pytest.mark.parametrize(
    "escape", ["\\0", "\\e", "\\x1b[2J", "\\x9b", "\\u0085", "\\N", "\\u2028", "\\x7f", "\\ud800"]
)
def test_nothing_comes_in_by_an_escape_that_may_not_come_in_plainly(
    parser: str, escape: str
) -> None:
    ((line, _, code),) = told(f'a: 1\nb: "x{escape}"\n')
    assert (line, code) == (2, "E003")


BROKEN = [
    ("a: [1, 2\nb: 3\n", 2, "a list is not closed, or lacks a comma"),
    ("a: {b: 1\nc: 3\n", 2, "a mapping is not closed, or lacks a comma"),
    ("a: [1 2, {b: c]\n", 1, "a mapping is not closed, or lacks a comma"),
    ("a: 1\nb: 'x\nc: 2\n", 2, "a quote that is never closed"),
    ("a:\n\tb: 1\n", 2, "a tab where spaces are wanted"),
    ("a: b: c\n", 1, 'a second ":" in one line'),
    ("a: @x\n", 1, "a value cannot begin with @"),
    ("a: `x`\n", 1, "a value cannot begin with `"),
    ("a: %x\n", 1, "a value cannot begin with %"),
    ("*.example.com: 1\n", 1, "& and * want a name behind them"),
    ('a: "\\d"\n', 1, "a backslash with a letter that means nothing"),
    ("a: 1\nb\nc: 2\n", 2, 'neither a value nor a key with its ":"'),
    ("- a\nb: 1\n", 2, "a key among the entries of a list"),
    ("a:\n   b: 1\n  c: 2\n", 3, "this does not belong to what is before it"),
    ("a: |x\n  y\n", 1, "a block of text begins in the next line"),
    ("%YAML 3.0\n---\na: 1\n", 1, "a version of YAML that is not known"),
    ("a: [::1]\n", 1, "something is missing before this"),
]


@pytest.mark.parametrize(("text", "line", "words"), BROKEN)
def test_broken_text_is_explained_in_the_words_of_its_writer(
    parser: str, text: str, line: int, words: str
) -> None:
    (problem,) = read(text)[1]
    assert (problem.where.line, problem.code, problem.text) == (line, "E003", words)


@pytest.mark.parametrize("text", ["a: 1\nb: [1,\n  2\nc: 3\n", "a: 1\nb: {x: 1,\n  y: 2\nc: 3\n"])
def test_what_is_not_closed_is_told_with_the_line_that_opens_it(parser: str, text: str) -> None:
    (problem,) = read(text)[1]
    assert problem.hint == "it begins in line 2"


# anchors and aliases


def test_aliases_stand_for_what_was_anchored(parser: str) -> None:
    text = "a: &x [1, {b: 2}]\nc: *x\nd: &y text\ne: [*y, *y]\n&k f: *k\n"
    assert value(text) == {
        "a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": "text", "e": ["text", "text"], "f": "f",
    }  # fmt: skip


def test_an_anchor_may_be_set_again(parser: str) -> None:
    assert value("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == {"a": 1, "b": 1, "c": 2, "d": 2}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: *x\nb: &x 1\n", (1, 4, "E010")),
        ("a: &x [1, *x]\n", (1, 11, "E010")),
        ("a: &x {b: {c: *x}}\n", (1, 15, "E010")),
        ("a: *https}", (1, 4, "E010")),
    ],
)
def test_aliases_that_lead_nowhere_are_told(
    parser: str, text: str, place: tuple[int, int, str]
) -> None:
    assert told(text)[0] == place


# limits


def test_the_size_of_all_files_together_is_bounded() -> None:
    reader = Reader(Limits(octets=10))
    assert reader.read(PATH, b"a: 1\n") is not None
    assert reader.read(PATH, b"b: 2\n") is not None
    assert reader.read(PATH, b" ") is None
    assert [(p.code, str(p.where)) for p in reader.problems] == [("E002", "p.yaml:0:0")]


@pytest.mark.parametrize(
    ("text", "nodes"), [("a", 1), ("[a, b]", 3), ("{a: b}", 3), ("{a: [b, c], d: e}", 7)]
)
def test_keys_and_values_are_counted(parser: str, text: str, nodes: int) -> None:
    assert told(text, nodes=nodes) == []
    assert [code for _, _, code in told(text, nodes=nodes - 1)] == ["E002"]


def test_what_aliases_stand_for_is_counted_at_each_use(parser: str) -> None:
    text = "- &a [x, x, x]\n- [*a, *a]\n"
    assert told(text, nodes=16) == []
    assert told(text, nodes=13) == [(2, 8, "E002")]


def test_depth_is_bounded(parser: str) -> None:
    assert told("[[[a]]]", depth=3) == []
    assert told("[[[[a]]]]", depth=3) == [(1, 4, "E002")]
    assert told("a:\n b:\n  c: 1\n", depth=2) == [(3, 3, "E002")]


def test_the_number_of_aliases_is_bounded(parser: str) -> None:
    assert told("- &a 1\n- *a\n- *a\n", aliases=2) == []
    assert told("- &a 1\n- *a\n- *a\n", aliases=1) == [(3, 3, "E002")]


def test_a_file_of_nothing_but_mistakes_is_not_told_in_full(parser: str) -> None:
    problems = read("a: 1\n" * 3000)[1]
    assert len(problems) <= yamltext.MAX_TOLD + 1
    assert problems[-1].code == "E002"


# places


def test_keys_and_values_have_their_places(parser: str) -> None:
    reader = Reader()
    parsed = reader.read(PATH, "a: 1\nbé: {c: [x,  y]}\n".encode())
    assert parsed is not None
    own, inner = parsed.places
    assert str(reader.where(own)) == "p.yaml:1:1"
    assert str(reader.where(key_place(inner["a"]))) == "p.yaml:1:1"
    assert str(reader.where(value_place(inner["a"]))) == "p.yaml:1:4"
    assert str(reader.where(value_place(inner["bé"]))) == "p.yaml:2:5"
    listed = inner["bé"][1]["c"]
    assert str(reader.where(key_place(listed))) == "p.yaml:2:6"
    assert str(reader.where(value_place(listed[1][1]))) == "p.yaml:2:14"


def test_places_know_their_file() -> None:
    reader = Reader()
    for name in ("one.yaml", "two.yaml"):
        parsed = reader.read(Path(name), b"\n  a: 1\n")
        assert parsed is not None
        assert str(reader.where(key_place(parsed.places[1]["a"]))) == f"{name}:2:3"


def test_places_beyond_what_they_can_hold_stop_at_the_last(parser: str) -> None:
    reader = Reader()
    parsed = reader.read(PATH, b"{a: 1," + b" " * 70_000 + b"b: 2}")
    assert parsed is not None
    assert reader.where(key_place(parsed.places[1]["b"])).column == 65_535
    assert reader.where(key_place(parsed.places[1]["b"])).line == 1


# properties


def yamltext_allows(character: str) -> bool:
    return character < "\ufff0" or character == "\ufffd" or character > "\uffff"


PRINTABLE = st.characters(
    exclude_categories=("Cs", "Cc"),
    exclude_characters="\x85\u2028\u2029\ufeff\ufffe\uffff",
    include_characters="\t\n",
).filter(yamltext_allows)
TEXT = st.text(PRINTABLE, max_size=20)


NUMBERS = st.integers(-(10**18), 10**18) | st.decimals(
    -1000, 1000, allow_nan=False, allow_infinity=False, places=3
).map(float).filter(lambda number: "e" not in repr(number))
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
KEYS = TEXT.filter(bool)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON.filter(lambda found: found is not None))
@settings(max_examples=150)
@example({"<<": 1})
@example(["NO", "on", "010", "1:30", "1e3", "", " ", "-", "2026-12-01", "0x1", ".5", "=", "~"])
def test_what_yaml_and_json_write_is_read_back(given_value: Any) -> None:
    for text in (
        yaml.safe_dump(given_value, allow_unicode=True),
        yaml.safe_dump(given_value, allow_unicode=True, default_flow_style=True),
        json.dumps(given_value, ensure_ascii=False),
        json.dumps(given_value, ensure_ascii=False, indent=1),
    ):
        assert value(text) == given_value, text


PIECES = st.sampled_from(
    ["a", "b", ":", ": ", "\n", "\n  ", "- ", "? ", "[", "]", "{", "}", ",", "#", " ", "&x ", "*x",
     "!", "!!int ", "|", ">", "'", '"', "%", "@", "`", "\t", "---", "...", "<<", "~", "é", "0", "\\",
     "\r", "\ufeff", "\x85", "\0", "1.5", "\U0001f600"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=40))
@settings(max_examples=400)
def test_any_text_is_read_or_told(text: str) -> None:
    octets = text.encode("utf-8", "surrogatepass")
    found, problems = read(octets)
    lines = octets.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in problems:
        assert problem.text
        assert problem.where.line <= len(lines) + 1
    if found is None and not problems:  # the value may be nothing itself
        assert Reader().read(PATH, octets) is not None


@given(st.binary(max_size=40))
@settings(max_examples=200)
def test_any_octets_are_read_or_told(octets: bytes) -> None:
    found, problems = read(octets)
    assert found is not None or problems or Reader().read(PATH, octets) is not None


@given(st.lists(PIECES, max_size=12).map("".join))
@settings(max_examples=200)
def test_what_both_parsers_read_is_the_same(text: str) -> None:
    """They differ in what they refuse (tabs, for one), never in what they understand."""
    compiled, _ = read(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(yaml, "CSafeLoader", raising=False)
        pure, problems = read(text)
    if compiled is not None and pure is not None and not problems:
        assert compiled == pure
