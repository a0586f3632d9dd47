#!/usr/bin/env bash
# The examples of the public headers run, each with what it needs: examples.sh BUILD_FOLDER SOURCE FIXTURE
set -eu
build=$1 source=$2 fixture=$3
fail() { echo "header_examples: $1" >&2; exit 1; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export SHUNT_DEVICE=scalar SHUNT_CACHE_DIR=$place/cache
says() { # says TEXT EXAMPLE ARGUMENT...: it succeeds, and its output has TEXT
  local text=$1 name=$2
  shift 2
  "$build/example-$name" "$@" >"$place/out" 2>&1 || fail "$name: exit status $?: $(cat "$place/out")"
  [[ -z $text ]] || grep -q -- "$text" "$place/out" || fail "$name does not say \"$text\": $(cat "$place/out")"
}
"$fixture" resnet18 "$place/w.safetensors"
says '1204224 numbers, 4816896 bytes' types
says '' op
says 'runs on scalar' process
says 'layer1.0.conv1.weight' weights "$place/w.safetensors"
says '' graph
says '^scalar: ' run
says '' verify
says '' tune
says '' data "$source/examples/tracks.png"
says '^ *[0-9.]* %' model "$place/w.safetensors" "$source/examples/tracks.png"
says '^[-0-9.]* [-0-9.]*$' async "$place/w.safetensors"
says '^layer2.1$' look
says '' shunt
# Training needs a data set: without one it says what is missing.
"$build/example-train" "cifar10:$place/none" "$place/out" 2>"$place/said" && fail "train: no data set, and no failure"
grep -q "$place/none" "$place/said" || fail "train does not name the folder: $(cat "$place/said")"
