#!/usr/bin/env bash
# A plugin built against another header works in the library of today: other_header.sh SHUNT PLUGIN_FOLDER DEVICE OP [refused]
# OP is a kind of op that the device does; "refused": the plugin overruns the structs that it is given, and is refused instead.
set -eu
shunt=$1 folder=$2 device=$3 op=$4 refused=${5:-}
fail() { echo "other_header: $1" >&2; exit 1; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export SHUNT_PLUGIN_PATH=$folder SHUNT_DEVICE=$device SHUNT_CACHE_DIR=$place/cache SHUNT_FALLBACK=quiet
"$shunt" plugins >"$place/plugins" || fail "shunt plugins: exit status $?"
if [[ $refused ]]; then
  "$shunt" devices >"$place/devices" 2>"$place/log" || fail "shunt devices: exit status $?"
  grep -q "^$device" "$place/devices" && fail "its device is listed: $(cat "$place/devices")"
  grep -q "device 0 refused: device_info wrote past the .* bytes that it was given" "$place/log" ||
    fail "no reason is given: $(cat "$place/log")"
  exit 0
fi
grep -q "^$device .* loaded " "$place/plugins" || fail "it is not loaded: $(cat "$place/plugins")"
for check in "$op" queue errors; do
  "$shunt" verify --op "$check" --count 40 >"$place/out" || fail "$(cat "$place/out")"
done
"$shunt" inspect --model resnet8 >"$place/plan"
grep -Eq "^fc +linear\+bias +$device(:0)? " "$place/plan" || fail "a network does not run on it: $(cat "$place/plan")"
