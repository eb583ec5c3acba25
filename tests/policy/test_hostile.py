"""Files that were made to hurt: refused or read, and within the memory and time that we allow.

They are read in a process of its own that may take no more than LIMIT octets of address space beyond
those of the program itself, and SECONDS of CPU: what passes either ends it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

LIMIT = 1 << 30  # octets: far above what these files take, far below what they expand to
SECONDS = 60  # of CPU, for all of one kind
READ = f"""
import json, resource, sys
from pathlib import Path
from gslb.policy.reading import read_model
from gslb.policy.problems import PolicyError
own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (own + {LIMIT}, own + {LIMIT}))
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
for file in sorted(Path(sys.argv[1]).iterdir()):
    print(file.name, end=":", flush=True)
    try:
        read_model(file)
    except PolicyError as error:
        print(json.dumps([(p.code, len(str(p))) for p in error.problems]))
    else:
        print("[]")
"""
PURE = "import yaml; del yaml.CSafeLoader\n"
HEAD = "version: 1\ndns: {zone: example.com, nameservers: {ns1.example.com: 192.0.2.53}}\n"
COLLECTIONS = {
    "lists": "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)),
    "mappings": "\n".join(
        f"a{n}: &a{n} {{{', '.join(f'{key}: *a{n - 1}' for key in 'bcdefghij')}}}"
        for n in range(1, 10)
    ),
}
BOMBS = {
    **{f"laughs in {kind}": f"a0: &a0 lol\n{text}\n" for kind, text in COLLECTIONS.items()},
    "an alias too many": "a: &a x\nb: [" + "*a, " * 10_001 + "]\n",
    "brackets": "a: " + "[" * 10_000,
    "closed brackets": "a: " + "[" * 10_000 + "]" * 10_000,
    "braces": "a: " + "{a: " * 10_000,
    "braces as keys": "a: " + "{" * 10_000,
    "dashes": "- " * 10_000,
    "questions": "? " * 10_000,
    "indentation": "\n".join(" " * n + "a:" for n in range(2000)),
    "anchors": "a: [" + "".join(f"&a{n} x, " for n in range(20_000)) + "*a0]\n",
}
LONG = {
    "scalar": "a: " + "x" * (10 << 20),
    "digits": "a: " + "9" * (10 << 20),
    "word": f"defaults: {{families: {'t' * (4 << 20)}}}\n",
    "key": "x" * (1 << 20) + ": 1\n",
    "explicit key": "? " + "x" * (1 << 20) + "\n: 1\n",
    "quoted": 'a: "' + "\\x41" * (2 << 20) + '"\n',
    "quote without an end": 'a: "' + "x\n" * (1 << 20),
    "comment": "# " + "x" * (10 << 20) + "\na: 1\n",
    "line ends": "\n" * (5 << 20),
    "spaces": "a:" + " " * (10 << 20) + "1\n",
    "tag": "a: !" + "x" * (1 << 20) + " 1\n",
    "anchor": "a: &" + "x" * (1 << 20) + " 1\n",
    "alias": "a: *" + "x" * (1 << 20) + "\n",
    "block": "a: |\n" + " x\n" * (1 << 20),
}
MANY = {
    "keys": "".join(f"k{n}: 1\n" for n in range(200_000)),
    "one key": "a: 1\n" * 200_000,
    "tags": "".join(f"k{n}: !x 1\n" for n in range(100_000)),
    "unknown sites": HEAD + "sites:\n" + "".join(f"  S{n}: 1\n" for n in range(50_000)),
    "bad records": HEAD
    + "records:\n"
    + "".join(f"  r{n}.example.com: {{rules: [{{too: x}}]}}\n" for n in range(50_000)),
    "bad rules": HEAD + "records:\n  r.example.com:\n    rules:\n" + "      - {to: X}\n" * 50_000,
    "words": HEAD
    + "records: {r.example.com: {rules: [{to: aws/a, when: {area: ["
    + "CN, " * 100_000
    + "]}}]}}\n",
}
NOT_TEXT = {"zeros": bytes(1 << 20), "ones": b"\xff" * (1 << 20), "bom": b"\xef\xbb\xbf" * 100_000}


def codes(folder: Path, files: Mapping[str, str | bytes], before: str = "") -> dict[str, list[str]]:
    """Return the codes that a child found in each of *files*; fail if it did not survive one."""
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    command = [sys.executable, "-c", before + READ, str(folder)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, f"at the last of these:\n{done.stdout[:2000]}{done.stderr[-2000:]}"
    found = {}
    for line in done.stdout.splitlines():
        name, _, told = line.partition(":")
        problems = json.loads(told)
        assert all(length < 1000 for _, length in problems), name
        assert len(problems) <= 1002, name
        found[name] = [code for code, _ in problems]
    assert found.keys() == files.keys()
    return found


def test_small_files_that_expand_are_refused(tmp_path: Path) -> None:
    for name, found in codes(tmp_path, BOMBS).items():
        assert found, name
        assert set(found) <= {"E002", "E003", "E008", "E101", "E102"}, name


def test_bombs_are_refused_for_what_they_would_expand_to(tmp_path: Path) -> None:
    found = codes(tmp_path, {name: text for name, text in BOMBS.items() if "laughs" in name})
    assert set(map(tuple, found.values())) == {("E002",)}


def test_the_parser_in_python_withstands_them_too(tmp_path: Path) -> None:
    for name, found in codes(tmp_path, BOMBS, PURE).items():
        assert found, name


def test_long_pieces_of_text_are_bearable(tmp_path: Path) -> None:
    for name, found in codes(tmp_path, LONG).items():
        assert found, name


def test_many_pieces_are_told_of_in_bearable_number(tmp_path: Path) -> None:
    for name, found in codes(tmp_path, MANY).items():
        assert found, name


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    for name, found in codes(tmp_path, NOT_TEXT).items():
        assert found in (["E001"], ["E003"]), name
