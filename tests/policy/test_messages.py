"""What a model refuses is told in an operator's words, once, where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from gslb.policy import model
from gslb.policy.messages import MAX_TOLD, PATTERNS, keys_at
from gslb.policy.problems import PolicyError, Problem
from gslb.policy.reading import read_model

HEAD = """\
version: 1
dns: {zone: example.com, nameservers: {ns1.example.com: 192.0.2.53}}
sites:
  aws/a: {zones: {a: {A: 192.0.2.1}}}
"""


def told(text: str) -> list[str]:
    """Return ``line:column: text (hint)`` of each problem that *text* has below the head."""
    with pytest.raises(PolicyError) as caught:
        read_model(Path("-"), octets=(HEAD + text).encode())
    return [str(p).removeprefix("-:").replace("error", "") for p in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recrods: {}", '5:1: [E101] unknown key "recrods" (did you mean "records"?)'),
        ("x-y: {}", '5:1: [E101] unknown key "x-y"'),
        ("records: {www: {polcy: p}}", '5:17: [E101] unknown key "polcy" (did you mean "policy"?)'),
        ("defaults: {panic: {serve: all}}", '5:12: [E102] "below" is missing'),
        ("defaults: {protect: {removal: {share: 25%}}}", '5:22: [E102] "per" is missing'),
        ("defaults: {ttl: no}", '5:17: [E103] ttl: expected a whole number, not "no"'),
        ("defaults: {ttl: 1.5}", "5:17: [E103] ttl: expected a whole number, not 1.5"),
        ("defaults: {ttl: ~}", None),
        ("defaults: []", "5:11: [E103] defaults: expected a mapping, not a list of 0"),
        ("defaults:", "5:10: [E103] defaults: expected a mapping, not nothing"),
        ("defaults: {ignore_ecs: yes}", '5:24: [E103] ignore_ecs: expected true or false, not "yes" (write true)'),
        ("defaults: {ignore_ecs: OFF}", '5:24: [E103] ignore_ecs: expected true or false, not "OFF" (write false)'),
        ("defaults: {check: 7}", "5:19: [E103] check: expected text or a mapping or false, not 7"),
        ("defaults: {check: true}", "5:19: [E103] check: expected text or a mapping or false, not true"),
        ("defaults: {check: {port: 0}}", "5:26: [E105] port: must be at least 1, not 0"),
        ("defaults: {check: {use: a, prot: 1}}", '5:28: [E101] unknown key "prot" (did you mean "port"?)'),
        ("defaults: {check: 'a b'}", '5:19: [E104] check: "a b" will not do: a name has letters, digits, and -, _, . inside'),
        ("defaults: {answer: {count: 9}}", "5:28: [E105] count: must be at most 8, not 9"),
        ("defaults: {families: both}", '5:22: [E104] families: "both" is not one of together, apart'),
        ("defaults: {families: togther}", '5:22: [E104] families: "togther" is not one of together, apart (did you mean "together"?)'),
        ("defaults: {protect: {damping: true}}", "5:31: [E104] damping: true is not one of on, off"),
        ("defaults: {protect: {slow_start: on}}", '5:34: [E104] slow_start: "on" is not a duration such as 5s, 500ms or 1m (or off)'),
        ("defaults: {protect: {removal: 25%}}", '5:31: [E103] removal: expected a mapping or off, not "25%"'),
        ("defaults: {families: [together]}", "5:22: [E104] families: a list of 1 is not one of together, apart"),
        ("defaults: {answer: two}", '5:20: [E103] answer: expected a mapping, not "two" (its keys are count, spread)'),
        ("defaults: {ttl 30}", '5:12: [E101] unknown key "ttl 30" (a colon is missing: ttl: 30)'),
        ("defaults: {https: true}", "5:19: [E103] https: expected a mapping, not true (write https: {alpn: [h2]})"),
        ("defaults:\n  ttl 30", '6:3: [E103] defaults: expected a mapping, not "ttl 30" (a colon is missing: ttl: 30)'),
        ("records: {www: {rules: [{to: {aws/a: 50%}}]}}",
         '5:38: [E103] aws/a: expected a whole number, not "50%" (shares are whole numbers from 0 to 1000, such as 50; what counts is their ratio)'),
        ("defaults: {ttl: 30%}", '5:17: [E103] ttl: expected a whole number, not "30%" (a number without %)'),
        ("records: {www: {rules: []}}", "5:24: [E105] rules: needs at least 1 entry, not a list of 0"),
        ("records: {www: {rules: {to: aws/a}}}", "5:24: [E103] rules: expected a list, not a mapping"),
        ("records: {www: {rules: [{to: 7}]}}", "5:30: [E103] to: expected text or a list or a mapping, not 7"),
        ("records: {www: {rules: [{to: A}]}}", '5:30: [E104] to: "A" will not do: a site is cloud/region, such as aws/us-east-1'),
        ("records: {www: {rules: [{to: [A]}]}}", '5:31: [E104] to: "A" will not do: a site is cloud/region, such as aws/us-east-1'),
        ("records: {www: {rules: [{to: {A: 1}}]}}", '5:31: [E104] "A" will not do: a site is cloud/region, such as aws/us-east-1'),
        ("records: {www: {rules: [{to: aws/a, when: {}}]}}", "5:43: [E104] when: an empty condition; leave `when` out for a rule that is for everybody"),
        ("records: {www: {rules: [{to: aws/a, when: {area: [NO, 47]}}]}}", "5:55: [E103] area: expected text, not 47 (put it in quotes to mean text)"),
        ("records: {www: {rules: [{to: aws/a, tie: 15}]}}", "5:42: [E104] tie: 15 is not a duration with its unit, such as 15ms"),
        ("records: {www: {}}", "5:16: [E104] www: a record needs rules, or a policy that has them"),
        ("checks: {c: {type: http, path: 'a b'}}", '5:32: [E104] path: "a b" will not do: a path begins with / and has no spaces'),
        ('checks: {c: {type: http, path: "/a\\r\\nHost: x"}}', '5:32: [E104] path: "/a??Host: x" will not do: a path begins with / and has no spaces'),
        ('checks: {c: {type: http, host: "x\\nX"}}', '5:32: [E104] host: "x?X" will not do: a host name has no spaces'),
        ("policies: {p: {rules: [{to: aws/a}], ttl: 99999}}", "5:43: [E105] ttl: must be at most 86400, not 99999"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_words(text: str, words: str | None) -> None:
    if words is None:
        assert read_model(Path("-"), octets=(HEAD + text).encode())
    else:
        assert told(text) == [words]


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("{A: 198.51.100.300}", '"198.51.100.300" is not an IPv4 address'),
        ("{AAAA: 192.0.2.1}", '"192.0.2.1" is not an IPv6 address'),
        ("{A: [192.0.2.1]}", "a list of 1 is not an IPv4 address"),
        ("{weight: 1}", "an endpoint needs A, AAAA, alias or CNAME"),
        ("{A: 192.0.2.1, CNAME: x.example.net}", "only one of the three"),
        ("{A: 192.0.2.1, weight: 1001}", "weight: must be at most 1000, not 1001"),
        ("{A: 192.0.2.1, weight: 1.5}", "weight: expected a whole number, not 1.5"),
        ("[]", "b: needs at least 1 entry, not a list of 0"),
        (
            "{A: 192.0.2.1, drained: true}",
            'drained: expected a mapping, not true (write drained: {why: "CHG-1234", until: ',
        ),
        ("203.0.113.11", 'expected a mapping, not "203.0.113.11" (write {A: 203.0.113.11})'),
        ("2001:db8::11", '(write {AAAA: "2001:db8::11"})'),
        ("[203.0.113.11]", "(write {A: 203.0.113.11})"),
        ("true", "expected a mapping, not true"),
        ("lb.example.net", "(write {alias: lb.example.net})"),
        (
            '{A: 192.0.2.1, drained: {why: x, until: "2026-01-01"}}',
            'write "2026-01-01T00:00Z" for UTC',
        ),
        ("{A: 192.0.2.1, drained: {until: 2026-12-01T06:00Z}}", '"why" is missing'),
        ("{A: 192.0.2.1, drained: {why: x, until: 2026-12-01T06:00}}", "has no time zone"),
        ("{A: 192.0.2.1, drained: {why: x, until: soon}}", '"soon" is not a moment'),
        ("{A: 192.0.2.1, drained: {why: x, until: 7}}", "give a moment such as"),
        ('{A: 192.0.2.1, drained: {why: "a\\nb"}}', "it must be one line of text"),
    ],
)
def test_endpoints_are_told_apart_from_each_other(zone: str, words: str) -> None:
    (text,) = told(f"  aws/b: {{zones: {{a: {{A: 192.0.2.2}}, b: {zone}}}}}")
    assert words in text
    assert text.startswith("5:")


def test_all_mistakes_are_told_and_each_once() -> None:
    text = """\
defaults: {ttl: x, answr: {}, headroom: 2}
records:
  a.example.com: {policy: p, ttl: -1}
  b.example.com: {rules: [{to: aws/a, pick: fastest, fence: 1}]}
"""
    assert [line.split("] ")[1] for line in told(text)] == [
        'ttl: expected a whole number, not "x"',
        'unknown key "answr" (did you mean "answer"?)',
        "headroom: 2 is not a share such as 50% or 0.5",
        "ttl: must be at least 0, not -1",
        'pick: "fastest" is not one of share, nearest, latency, hash',
        "fence: expected true or false, not 1",
    ]


def test_a_wrong_version_is_told_with_the_right_one() -> None:
    with pytest.raises(PolicyError) as caught:
        read_model(Path("-"), octets=HEAD.replace("version: 1", "version: 2").encode())
    assert [str(p) for p in caught.value.problems] == ["-:1:10: error[E104] version: 2 should be 1"]


def test_a_moment_that_is_suggested_is_taken() -> None:
    for written in ("2026-01-01", "2026-12-01T06:00", "2026-12-01 06:00:07"):
        drained = f'    drained: {{why: x, until: "{written}"}}\n'
        text = HEAD.replace(
            "aws/a: {zones: {a: {A: 192.0.2.1}}}",
            "aws/a:\n    zones: {a: {A: 192.0.2.1}}\n" + drained,
        )
        with pytest.raises(PolicyError) as caught:
            read_model(Path("-"), octets=text.encode())
        suggested = caught.value.problems[0].text.partition('write "')[2].partition('"')[0]
        assert read_model(Path("-"), octets=text.replace(written, suggested).encode())


@pytest.mark.parametrize("version", ["1", "v1", "01"])
def test_a_number_in_quotes_is_told_from_the_number(version: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_model(Path("-"), octets=HEAD.replace("version: 1", f'version: "{version}"').encode())
    (problem,) = caught.value.problems
    assert (problem.text, problem.hint) == (
        f'version: "{version}" should be 1',
        "write 1 without quotes",
    )


@pytest.mark.parametrize(
    ("steps", "some"),
    [
        ((), {"version", "records"}),
        (("records", "www.example.com"), {"policy", "rules", "ttl"}),
        (("sites", "aws/a", "zones", "a", 0), {"A", "CNAME", "weight"}),
        (("records", "x", "rules", 3, "when", "not", 0), {"area", "not"}),
        (("defaults", "check", "CheckUse"), {"use", "port", "from"}),
        (("defaults", "protect", "removal", "Removal"), {"share", "per"}),
    ],
)
def test_the_keys_at_a_place_are_those_of_its_model(
    steps: tuple[str | int, ...], some: set[str]
) -> None:
    assert some <= set(keys_at(model.PolicyFile, steps))


def patterns(kind: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    seen.add(kind)
    return {
        one["pattern"]
        for one in _dicts(kind.model_json_schema())
        if isinstance(one.get("pattern"), str)
    }


def _dicts(value: object) -> list[dict[str, object]]:
    if isinstance(value, dict):
        return [value, *(found for inner in value.values() for found in _dicts(inner))]
    if isinstance(value, list):
        return [found for inner in value for found in _dicts(inner)]
    return []


def test_every_pattern_of_the_model_has_words() -> None:
    assert patterns(model.PolicyFile, set()) <= set(PATTERNS)


def problems(text: str) -> list[Problem]:
    with pytest.raises(PolicyError) as caught:
        read_model(Path("-"), octets=(HEAD + text).encode())
    return caught.value.problems


def test_a_mistake_in_every_record_is_told_for_the_first_ones() -> None:
    records = "".join(f"  h{n}.example.com: {{polciy: p}}\n" for n in range(5000))
    found = problems("records:\n" + records)
    assert [problem.code for problem in found[:2]] == ["E106", "E101"]
    assert found[0].text.startswith("5,000 problems")
    assert 100 < len(found) <= MAX_TOLD + 1
    assert found[1].hint == 'did you mean "policy"?'


def test_mistakes_behind_many_good_records_are_told() -> None:
    good = "".join(f"  g{n}.example.com: {{policy: p}}\n" for n in range(3000))
    bad = "".join(f"  b{n}.example.com: {{polciy: p}}\n" for n in range(1500))
    found = problems("records:\n" + good + bad)
    assert found[1].where.line == 5 + 3000 + 1


def test_many_mistakes_elsewhere_are_bounded_too() -> None:
    found = problems("".join(f"key{n}: 1\n" for n in range(3000)))
    assert len(found) == MAX_TOLD + 1
    assert {problem.code for problem in found} == {"E101", "E106"}
