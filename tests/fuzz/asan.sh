#!/bin/sh
# The tests of the data plane with the extension built under gcc's address and undefined-behaviour sanitizers,
# in a copy of the sources. Arguments go to pytest; PYTHON: an interpreter with the development extras.
set -eu
cd "$(dirname "$0")/../.."
python=$(command -v "${PYTHON:-.venv-dev/bin/python}")
case $python in /*) ;; *) python=$PWD/$python ;; esac
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R gslb healthcheck tests policies geodata pyproject.toml "$copy"
cd "$copy"
rm -f gslb/dataplane/_fast.c gslb/dataplane/_fast.*.so
"$python" -m cython -3 gslb/dataplane/_fast.pyx
include=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
gcc -shared -fPIC -g -O1 -fwrapv -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined \
    -Wall -Wextra -Igslb/dataplane -I"$include" gslb/dataplane/_fast.c -o "gslb/dataplane/_fast$suffix"
# The interpreter itself leaks at its end, and keeps its objects in arenas of its own unless it is told not to.
[ $# -gt 0 ] || set -- tests/dataplane
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc PYTHONPATH="$copy"
"$python" -c "from gslb.dataplane import _fast; print(_fast.__file__)"
"$python" -m pytest -q -n0 -p no:cacheprovider -m "not system" --timeout=900 "$@"
