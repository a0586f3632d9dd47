#!/usr/bin/env bash
# tools/wheel makes a wheel for any Linux with this glibc. Installed into an environment of its own, it finds its library, its plugins and
# what they stand on by itself, and the programs of docs/python.md run. As root also where the system has none of the libraries that the
# wheel carries. Without meson-python and auditwheel it is skipped (77). wheel.sh SOURCE PYTHON FIXTURE
set -eu
source=$1 python=$2 fixture=$3
"$python" -c 'import mesonpy, auditwheel' 2>/dev/null || { echo "skipped: no Python packages meson-python and auditwheel"; exit 77; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
fail() { echo "wheel: $1" >&2; exit 1; }
PYTHON=$python "$source/tools/wheel" "$place" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
wheel=$(echo "$place"/shunt-*.whl)
case $wheel in *-py3-none-manylinux_*.whl) ;; *) fail "its tag is for other Pythons or machines: $wheel" ;; esac
(( $(stat -c %s "$wheel") < 5000000 )) || fail "it has $(stat -c %s "$wheel") bytes, more than 5 MB"
"$python" -m venv "$place/venv"
numpy=$("$python" -c 'import numpy, os; print(os.path.dirname(os.path.dirname(numpy.__file__)))')
"$place/venv/bin/python" -m pip install -q --no-deps --no-index "$wheel" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
"$fixture" resnet20 "$place/resnet20.safetensors"
unset SHUNT_LIBRARY SHUNT_PLUGIN_PATH PYTHONPATH LD_LIBRARY_PATH
export SHUNT_CACHE_DIR=$place/cache PYTHONPATH=$numpy
cd "$place"
"$place/venv/bin/python" -c 'import shunt; print(shunt.__file__)' | grep -q "^$place/venv/" || fail "another package is found"
"$place/venv/bin/python" "$source/tests/python/page.py" "$source" "$fixture" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }

# hidden COMMAND...: with an empty file in the place of each library of the system that the wheel carries.
hidden() {
  unshare --mount bash -c 'for name in jansson turbojpeg png16 minizip gomp; do
      for file in $(ldconfig -p | sed -n "s|^[[:space:]]*lib$name\.so\..* => ||p"); do mount --bind /dev/null "$(readlink -f "$file")" || exit 1; done
    done; exec "$@"' bash "$@"
}
if (( EUID == 0 )) && unshare --mount true 2>/dev/null; then
  hidden env SHUNT_DEVICE=scalar "$place/venv/bin/python" -c 'import shunt, numpy
model = shunt.Model.open("resnet20.safetensors")
print(model.run(numpy.zeros((1, 3, 32, 32), numpy.float32), shunt.Device("scalar")).shape)' >"$place/said" 2>&1 || { cat "$place/said"; exit 1; }
  grep -qx '(1, 10)' "$place/said" || { cat "$place/said"; exit 1; }
  ! hidden python3 -c 'import ctypes; ctypes.CDLL("libjansson.so.4")' 2>/dev/null || fail "nothing was hidden"
fi
echo "$(basename "$wheel"), $(stat -c %s "$wheel") bytes, works"
