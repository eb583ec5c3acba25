"""A policy's files as one document: what is put together, what is refused, where everything stands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.policy import document
from gslb.policy.document import Document, read_document
from gslb.policy.problems import PolicyError, Problem
from gslb.policy.reading import read_model
from gslb.policy.yamltext import Limits

EXAMPLE = Path(__file__).with_name("data") / "example.com.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a policy, with another file outside of it."""
    (tmp_path / "elsewhere.yaml").write_text("checks: {}\n")
    home = tmp_path / "home"
    (home / "sites").mkdir(parents=True)
    return home


def write(folder: Path, **files: str) -> Path:
    """Write *files* (``sites__a`` is sites/a.yaml) and return main.yaml."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "main.yaml"


def refused(path: Path, limits: Limits | None = None, octets: bytes | None = None) -> list[Problem]:
    with pytest.raises(PolicyError) as caught:
        read_document(path, limits or Limits(), octets)
    assert str(caught.value).splitlines() == [str(one) for one in caught.value.problems]
    return caught.value.problems


def told(problems: list[Problem]) -> list[tuple[str, int, int, str]]:
    return [(p.where.path.name, p.where.line, p.where.column, p.code) for p in problems]


def at(found: Document, *steps: str | int) -> str:
    where = found.locate(steps)
    return f"{where.path.name}:{where.line}:{where.column}"


def at_key(found: Document, *steps: str | int) -> str:
    where = found.locate_key(steps)
    return f"{where.path.name}:{where.line}:{where.column}"


# one file


def test_the_example_of_the_specification_is_a_model() -> None:
    model, found = read_model(EXAMPLE)
    assert model.dns.zone == "example.com"
    assert list(model.records) == ["www.example.com", "api.example.com"]
    assert model.records["www.example.com"].rules is not None
    europe = model.records["www.example.com"].rules[2].when
    assert europe is not None
    assert europe.area == ["eu27", "GB", "CH", "NO", "IS"]
    assert found.files == (EXAMPLE,)


def test_a_file_that_is_not_there_is_told_by_name(folder: Path) -> None:
    (problem,) = refused(folder / "none.yaml")
    assert told([problem]) == [("none.yaml", 0, 0, "E011")]
    assert "no such file" in problem.text


def test_what_is_no_file_is_not_read(folder: Path) -> None:
    assert told(refused(folder)) == [("home", 0, 0, "E011")]
    pipe = folder / "pipe.yaml"
    os.mkfifo(pipe)
    assert told(refused(pipe)) == [("pipe.yaml", 0, 0, "E011")]
    assert told(refused(Path("/dev/zero"))) == [("zero", 0, 0, "E011")]


def test_a_file_is_read_no_further_than_the_limit(folder: Path) -> None:
    main = write(folder, main="a: " + "x" * 100)
    assert told(refused(main, Limits(octets=20))) == [("main.yaml", 0, 0, "E002")]


@pytest.mark.parametrize("text", ["- a\n", "text\n", "1\n", "null\n", "[]\n"])
def test_a_policy_is_a_mapping(folder: Path, text: str) -> None:
    assert told(refused(write(folder, main=text))) == [("main.yaml", 1, 1, "E012")]


def test_octets_given_stand_for_the_file(folder: Path) -> None:
    found = read_document(Path("-"), octets=b"a: 1\n")
    assert found.data == {"a": 1}
    assert at(found, "a") == "-:1:4"
    assert told(refused(Path("-"), octets=b"a: ["))[0][0::3] == ("-", "E003")


def test_the_digest_is_of_the_octets_of_all_files(folder: Path) -> None:
    main = write(folder, main="include: sites/*.yaml\na: 1\n", sites__one="checks: {}\n")
    first = read_document(main).digest
    assert read_document(main).digest == first
    write(folder, sites__one="checks: {} \n")
    assert read_document(main).digest != first
    write(folder, sites__one="checks: {}\n", sites__two="")
    (folder / "sites" / "two.yaml").unlink()
    assert read_document(main).digest == first


# several files


def test_included_entries_join_those_of_the_main_file(folder: Path) -> None:
    main = write(
        folder,
        main="include: [sites/*.yaml, more.yaml]\nsites: {a/a: 1}\nversion: 1\n",
        sites__b="sites: {b/b: 2}\nchecks: {x: 1}\n",
        sites__a="sites: {c/c: 3}\n",
        more="records: {r: 1}\n",
    )
    found = read_document(main)
    assert found.data == {
        "sites": {"a/a": 1, "c/c": 3, "b/b": 2}, "version": 1, "checks": {"x": 1}, "records": {"r": 1},
    }  # fmt: skip
    assert list(found.data["sites"]) == ["a/a", "c/c", "b/b"]
    assert [file.name for file in found.files] == ["main.yaml", "a.yaml", "b.yaml", "more.yaml"]
    assert at(found, "sites", "b/b") == "b.yaml:1:14"
    assert at_key(found, "sites", "c/c") == "a.yaml:1:9"
    assert at_key(found, "records") == "more.yaml:1:1"


def test_included_files_may_include_from_their_own_folder(folder: Path) -> None:
    main = write(
        folder,
        main="include: sites/all.yaml\n",
        sites__all="include: deep/*.yaml\n",
        sites__deep__x="checks: {x: 1}\n",
    )
    assert read_document(main).data == {"checks": {"x": 1}}


def test_an_include_of_nothing_at_all_is_fine(folder: Path) -> None:
    assert read_document(write(folder, main="include: []\na: 1\n")).data == {"a": 1}


def test_what_a_second_file_says_again_is_told_with_both_places(folder: Path) -> None:
    main = write(
        folder,
        main="include: more.yaml\nsites:\n  a/a: 1\ndefaults: {}\n",
        more="sites:\n  a/a: 2\ndefaults: {}\n",
    )
    problems = refused(main)
    assert told(problems) == [("more.yaml", 2, 3, "E013"), ("more.yaml", 3, 1, "E013")]
    assert problems[0].text == f'"sites: a/a" is already in {main}:3:3'
    assert problems[1].text == f'"defaults" is already in {main}:4:1'


def test_what_is_no_mapping_cannot_be_joined(folder: Path) -> None:
    main = write(folder, main="include: more.yaml\nsites: []\n", more="sites: {a/a: 1}\n")
    assert told(refused(main)) == [("more.yaml", 1, 1, "E013")]


def test_joining_does_not_reach_through_aliases(folder: Path) -> None:
    main = write(
        folder, main="include: more.yaml\nsites: &x {a: 1}\nchecks: *x\n", more="sites: {b: 2}\n"
    )
    assert read_document(main).data == {"sites": {"a": 1, "b": 2}, "checks": {"a": 1}}


@pytest.mark.parametrize(
    "pattern",
    ["../elsewhere.yaml", "sites/../../elsewhere.yaml", "/etc/*.yaml", "..", ".", "", "'**x'",
     "x" * 300, "sites/[", "~/x.yaml"],
)  # fmt: skip
def test_includes_lead_to_files_below_the_folder(folder: Path, pattern: str) -> None:
    problems = refused(write(folder, main=f'a: 1\ninclude:\n  - "{pattern}"\n'))
    ((name, line, column, code),) = told(problems)
    assert (name, line, column) == ("main.yaml", 3, 5)
    assert code == "E014"
    assert "Errno" not in problems[0].text


@pytest.mark.parametrize("what", ["1", "{a: b}", "[1]", "[[a]]", "true", "[null]"])
def test_an_include_that_is_no_text_is_told(folder: Path, what: str) -> None:
    assert told(refused(write(folder, main=f"include: {what}\n")))[0][3] == "E014"


def test_a_link_that_leads_outside_is_not_followed(folder: Path) -> None:
    (folder / "link.yaml").symlink_to(folder.parent / "elsewhere.yaml")
    problems = refused(write(folder, main="include: link.yaml\n"))
    assert told(problems) == [("main.yaml", 1, 10, "E014")]
    assert "outside" in problems[0].text


def test_a_link_that_leads_nowhere_or_to_itself_is_told(folder: Path) -> None:
    (folder / "sites" / "loop.yaml").symlink_to("loop.yaml")
    (folder / "sites" / "none.yaml").symlink_to("gone.yaml")
    problems = refused(write(folder, main="include: sites/*.yaml\n"))
    assert {one.code for one in problems} <= {"E011", "E014"}
    assert len(problems) == 2


def test_a_link_inside_the_folder_is_a_file_like_others(folder: Path) -> None:
    main = write(folder, main="include: sites/*.yaml\n", real="checks: {x: 1}\n")
    (folder / "sites" / "link.yaml").symlink_to("../real.yaml")
    assert read_document(main).data == {"checks": {"x": 1}}


@pytest.mark.parametrize(
    "include", ["main.yaml", "[more.yaml, more.yaml]", "[more.yaml, m*.yaml]", "sites/ring.yaml"]
)
def test_no_file_is_read_twice(folder: Path, include: str) -> None:
    main = write(
        folder,
        main=f"include: {include}\n",
        more="checks: {}\n",
        sites__ring="include: again.yaml\n",
        sites__again="include: ring.yaml\n",
    )
    problems = refused(main)
    assert {one.code for one in problems} == {"E014"}
    assert all("read twice" in one.text for one in problems)


def test_the_number_of_files_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_FILES", 3)
    files = {f"sites__{n}": "{}\n" for n in range(3)}
    main = write(folder, main="include: sites/*.yaml\n", **files)
    assert told(refused(main)) == [("main.yaml", 1, 10, "E014")]


def test_limits_are_of_all_files_together(folder: Path) -> None:
    files = {f"sites__{n}": "- [a, b]\n" for n in range(3)}
    main = write(folder, main="include: sites/*.yaml\n", **files)
    assert "E002" in {one.code for one in refused(main, Limits(nodes=10))}
    assert "E002" in {one.code for one in refused(main, Limits(octets=40))}


def test_a_folder_that_an_include_names_is_told_where_it_is_named(folder: Path) -> None:
    assert told(refused(write(folder, main="a: 1\ninclude: [sites]\n"))) == [
        ("main.yaml", 2, 11, "E011")
    ]


def test_problems_of_all_files_are_told_at_once_and_in_order(folder: Path) -> None:
    main = write(
        folder,
        main="include: [sites/*.yaml, none.yaml]\na: 1\na: 2\n",
        sites__a="b: [\n",
        sites__b="c: !x 1\n",
    )
    problems = refused(main)
    assert problems == sorted(problems)
    assert {(p.where.path.name, p.code) for p in problems} == {
        ("main.yaml", "E006"), ("main.yaml", "E014"), ("a.yaml", "E003"), ("b.yaml", "E007"),
    }  # fmt: skip


# places

PLACED = """\
version: 1
dns:
  zone: example.com
sites:
  aws/us-east-1:
    zones:
      a: {A: 192.0.2.1, weight: 2}
      b:
        - A: 192.0.2.2
        - {A: 192.0.2.3}
records:
  www.example.com:
    rules:
      - {to: [aws/us-east-1, x/y]}
"""


@pytest.fixture
def placed() -> Document:
    return read_document(Path("p.yaml"), octets=PLACED.encode())


@pytest.mark.parametrize(
    ("steps", "value", "key"),
    [
        ((), "1:1", "1:1"),
        (("version",), "1:10", "1:1"),
        (("dns",), "3:3", "2:1"),
        (("dns", "zone"), "3:9", "3:3"),
        (("sites", "aws/us-east-1"), "6:5", "5:3"),
        (("sites", "aws/us-east-1", "zones", "a"), "7:10", "7:7"),
        (("sites", "aws/us-east-1", "zones", "a", "weight"), "7:33", "7:25"),
        (("sites", "aws/us-east-1", "zones", "b", 1), "10:11", "10:11"),
        (("sites", "aws/us-east-1", "zones", "b", 0, "A"), "9:14", "9:11"),
        (("records", "www.example.com", "rules", 0, "to", 1), "14:30", "14:30"),
        # what is not there is where it would belong
        (("dns", "nameservers"), "3:3", "2:1"),
        (("records", "www.example.com", "rules", 7), "14:7", "13:5"),
        (("records", "www.example.com", "rules", 0, "then"), "14:9", "14:9"),
        (("nothing", "of", "this"), "1:1", "1:1"),
        # the steps of a model's variants are passed over
        (("records", "www.example.com", "rules", 0, "to", "list[str]", 1), "14:30", "14:30"),
        (("sites", "aws/us-east-1", "zones", "a", 0, "weight"), "7:33", "7:25"),
    ],
)
def test_every_step_leads_to_its_place(
    placed: Document, steps: tuple[str | int, ...], value: str, key: str
) -> None:
    assert at(placed, *steps) == f"p.yaml:{value}"
    assert at_key(placed, *steps) == f"p.yaml:{key}"


def test_holds_tells_which_steps_are_there(placed: Document) -> None:
    assert placed.holds(("dns", "str", "zone", 0)) == ("dns", "zone")
    assert placed.holds(("records", "www.example.com", "rules", 9)) == (
        "records", "www.example.com", "rules",
    )  # fmt: skip


def test_what_an_alias_stands_for_is_where_it_was_written() -> None:
    found = read_document(Path("p.yaml"), octets=b"a: &x {b: 1}\nc: *x\n")
    assert at(found, "c") == "p.yaml:1:4"
    assert at_key(found, "c") == "p.yaml:2:1"
    assert at(found, "c", "b") == "p.yaml:1:11"


def test_an_empty_mapping_has_the_place_of_its_file() -> None:
    found = read_document(Path("p.yaml"), octets=b"{}\n")
    assert at(found) == "p.yaml:0:0"


def walk(value: Any, steps: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [(steps, value), *(one for key, below in inner for one in walk(below, (*steps, key)))]


WORDS = st.text("abcdefgh", min_size=1, max_size=4)
TREES = st.dictionaries(
    WORDS, st.recursive(WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8),
    min_size=1, max_size=4,
).filter(lambda tree: "include" not in tree)  # fmt: skip


@given(TREES, st.booleans())
@settings(max_examples=100)
def test_every_value_is_found_at_its_place(tree: dict[str, Any], flow: bool) -> None:
    text = json.dumps(tree, indent=1) if flow else yaml.safe_dump(tree, sort_keys=False)
    found = read_document(Path("p.yaml"), octets=text.encode())
    lines = text.splitlines()
    for steps, value in walk(tree):
        if not steps:
            continue
        where = found.locate(steps)
        rest = lines[where.line - 1][where.column - 1 :]
        if isinstance(value, str):
            assert rest.lstrip("\"'").startswith(value)
        if isinstance(steps[-1], str):
            where = found.locate_key(steps)
            rest = lines[where.line - 1][where.column - 1 :]
            assert rest.lstrip("\"'").startswith(steps[-1])


# what everything that is written comes to


def problems_of(octets: bytes) -> list[Problem] | None:
    """Return the problems of a policy; None if it has none."""
    try:
        read_model(Path("p.yaml"), octets=octets)
    except PolicyError as error:
        return error.problems
    return None


@given(st.text(max_size=60) | st.binary(max_size=60))
@settings(max_examples=300)
def test_any_text_is_a_policy_or_refused_with_places(written: str | bytes) -> None:
    octets = written if isinstance(written, bytes) else written.encode("utf-8", "surrogatepass")
    problems = problems_of(octets)
    assert problems  # none of them is a policy
    assert all(str(problem).startswith("p.yaml:") for problem in problems)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2000) | st.sampled_from(
        ["", "off", "on", "https", "aws/us-east-1", "192.0.2.1", "::1", "50%", "5s", "x", "/", "*", "AS1"]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["A", "use", "to", "rules", "when", "not", "area", "zones", "check", "why", "x"]),
        inner, max_size=2,
    ),
    max_leaves=5,
)  # fmt: skip


@given(st.data())
@settings(max_examples=300)
def test_a_policy_with_anything_anywhere_is_read_or_refused_at_that_place(
    data: st.DataObject,
) -> None:
    tree = read_document(EXAMPLE).data
    steps, _ = data.draw(st.sampled_from(walk(tree)[1:]))
    inner = tree
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = data.draw(JUNK)
    problems = problems_of(json.dumps(tree, indent=1).encode()) or []
    assert len({(p.where, p.text) for p in problems}) == len(problems)
    for problem in problems:
        assert problem.where.line > 0
        assert "\n" not in problem.text
        assert len(problem.text) < 300
        assert "Input should" not in problem.text
        assert "validator" not in problem.text


def test_a_mapping_of_fixed_keys_is_bounded_before_anything_is_made_of_it(tmp_path: Path) -> None:
    """A million unknown keys are one problem, told while the text is read."""
    file = tmp_path / "p.yaml"
    many = "".join(f"k{n}: 1\n" for n in range(10_001))
    file.write_text(many)
    assert refusals(file) == ["10001:1 E002 more than 10,000 entries in one mapping"]
    inner = "".join(f"  k{n}: 1\n" for n in range(10_001))
    file.write_text("defaults:\n" + inner)
    assert refusals(file) == ["10002:3 E002 more than 10,000 entries in one mapping"]
    file.write_text("records:\n" + inner + "sites: {}\n")
    assert len(read_document(file).data["records"]) == 10_001
    file.write_text("records: &many\n" + inner + "sites: *many\ndefaults: *many\n")
    assert refusals(file) == ["10004:11 E002 more than 10,000 entries in one mapping"]


def refusals(file: Path) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        read_document(file)
    return [f"{p.where.line}:{p.where.column} {p.code} {p.text}" for p in caught.value.problems]
