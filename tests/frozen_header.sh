#!/usr/bin/env bash
# A plugin built against the header of ABI 1.0 works in the library of today: frozen_header.sh SHUNT PLUGIN_FOLDER
set -eu
shunt=$1 folder=$2
fail() { echo "frozen_header: $1" >&2; exit 1; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export SHUNT_PLUGIN_PATH=$folder SHUNT_DEVICE=minimal SHUNT_CACHE_DIR=$place/cache SHUNT_FALLBACK=quiet
"$shunt" plugins >"$place/plugins"
grep -q '^minimal .* loaded ' "$place/plugins" || fail "it is not loaded: $(cat "$place/plugins")"
for check in linear queue errors; do
  "$shunt" verify --op "$check" --count 40 >"$place/out" || fail "$(cat "$place/out")"
done
"$shunt" inspect --model resnet8 >"$place/plan"
grep -Eq '^fc +linear\+bias +minimal:0 ' "$place/plan" || fail "a network does not run on it: $(cat "$place/plan")"
