#!/usr/bin/env bash
# pip builds a wheel of the sources, with the library and its plugins in it; installed into an environment of its own, it finds them by
# itself, and the programs of docs/python.md run. Without meson-python it is skipped (77). wheel.sh SOURCE PYTHON FIXTURE
set -eu
source=$1 python=$2 fixture=$3
"$python" -c 'import mesonpy' 2>/dev/null || { echo "skipped: no Python package meson-python"; exit 77; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
fail() { echo "wheel: $1" >&2; exit 1; }
"$python" -m pip wheel -q --no-build-isolation --no-deps --no-index -Cbuild-dir="$place/build" -w "$place" "$source" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
wheel=$(echo "$place"/shunt-*.whl)
case $wheel in *-py3-none-linux_*.whl) ;; *) fail "its tag is for other Pythons or machines: $wheel" ;; esac
(( $(stat -c %s "$wheel") < 5000000 )) || fail "it has $(stat -c %s "$wheel") bytes, more than 5 MB"
"$python" -m venv "$place/venv"
numpy=$("$python" -c 'import numpy, os; print(os.path.dirname(os.path.dirname(numpy.__file__)))')
"$place/venv/bin/python" -m pip install -q --no-deps --no-index "$wheel" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
unset SHUNT_LIBRARY SHUNT_PLUGIN_PATH PYTHONPATH LD_LIBRARY_PATH
export SHUNT_CACHE_DIR=$place/cache PYTHONPATH=$numpy
cd "$place"
"$place/venv/bin/python" -c 'import shunt; print(shunt.__file__)' | grep -q "^$place/venv/" || fail "another package is found"
"$place/venv/bin/python" "$source/tests/python/page.py" "$source" "$fixture" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
echo "$(basename "$wheel"), $(stat -c %s "$wheel") bytes, works"
