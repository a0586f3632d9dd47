#!/usr/bin/env bash
# A project that has this one as a Meson subproject: dependency('shunt') compiles, links and runs. subproject.sh SOURCE FIXTURE
set -eu
source=$1 fixture=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -p "$place/subprojects"
ln -s "$source" "$place/subprojects/shunt"
cp "$source/examples/embed.c" "$place"
cat >"$place/meson.build" <<'END'
project('application', 'c', default_options: 'optimization=0')
executable('embed', 'embed.c', dependencies: dependency('shunt', fallback: 'shunt'))
END
options=(-Dshunt:optimization=0)
for name in opencl onednn cairo pull; do options+=("-Dshunt:$name=disabled"); done
meson setup "$place/build" "$place" --wrap-mode=forcefallback "${options[@]}" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
ninja -C "$place/build" embed >"$place/log" 2>&1 || { tail -40 "$place/log"; exit 1; }
"$fixture" resnet20 "$place/w.safetensors"
SHUNT_DEVICE=scalar SHUNT_CACHE_DIR=$place/cache "$place/build/embed" "$place/w.safetensors" >"$place/out" || exit 1
grep -q '^64 numbers' "$place/out" || { cat "$place/out"; exit 1; }
