#!/usr/bin/env bash
# With 64 KiB of stack, for the main thread and for each of OpenMP's, networks run and train on the scalar backend.
# small_stack.sh SHUNT SOURCE LEAKS PLUGINS: the program test-leaks walks through the API with a small network.
set -u
shunt=$1 source=$2 leaks=$3 plugins=$4
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
fail() { echo "small_stack: $1" >&2; exit 1; }
export SHUNT_DEVICE=scalar SHUNT_CACHE_DIR=$place/cache SHUNT_PLUGIN_PATH=

picture=$source/examples/tracks.png
ulimit -s 64
"$shunt" classify "$picture" >"$place/out" 2>"$place/err" || fail "classify: exit status $?: $(cat "$place/err")"
grep -q '%' "$place/out" || fail "classify says nothing"
"$shunt" classify --threads 2 --model resnet50 --random-weights "$picture" >"$place/out" 2>"$place/err" ||
  fail "classify with two threads: exit status $?: $(cat "$place/err")"
"$leaks" "$plugins" scalar >"$place/out" 2>&1 || fail "test-leaks: exit status $?: $(cat "$place/out")"
exit 0
