"""``make fuzz``: the fuzz targets for a while, with what they found and how much they tried.

    python -m tests.fuzz [decode] [answer] [verifier] [--seconds S] [--keep FOLDER] [--memory]

A finding is printed as the sanitizer told it, its input stays in the folder, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz import build, run, verifier


def main() -> int:
    """Run what was asked for, or everything."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__.splitlines()[0]
    )
    parser.add_argument("what", nargs="*", choices=[*build.FUZZED, "verifier", []], default=[])
    parser.add_argument("--seconds", type=int, default=60, help="for each")
    parser.add_argument("--keep", type=Path, help="where inputs that reach something new stay")
    parser.add_argument("--number", type=int, default=1, help="another one, other damaged tables")
    parser.add_argument(
        "--memory", action="store_true", help="look for what is read before it is written, instead"
    )
    options = parser.parse_args()
    what = options.what or [*build.FUZZED, *([] if options.memory else ["verifier"])]
    with tempfile.TemporaryDirectory(prefix="gslb-fuzz-") as temporary:
        folder = options.keep or Path(temporary)
        targets = ["reader" if name == "verifier" else name for name in what]
        programs = build.build(folder, targets, "memory" if options.memory else "address")
        run.prepare(folder)
        for name in what:
            try:
                if name == "verifier":
                    found = verifier.judge(
                        programs["reader"], folder, options.seconds, options.number
                    )
                    print(f"verifier: {found}", flush=True)
                else:
                    print(
                        f"{name}: {run.fuzz(programs[name], folder, options.seconds)}", flush=True
                    )
            except run.Finding as finding:
                print(f"{name}: {finding}\nThe input is in {folder}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
