#!/usr/bin/env bash
# Fine-tunes the network that comes with Shunt on a small folder of pictures of other classes, animals and vehicles, and
# classifies with the result and nothing else. Needs CIFAR-10 (SHUNT_TEST_DATA, else shared/data beside the project, with
# unpack, which unpacks the pictures). finetune_shared.sh SHUNT SOURCE BUILD
set -u
shunt=$1 source=$2 build=$3
data=${SHUNT_TEST_DATA:-$source/../shared/data}
fail() { echo "finetune_shared: $1" >&2; exit 1; }
[[ -x $data/unpack ]] || { echo "skipped: no $data/unpack"; exit 77; }

pictures=$("$data/unpack" "$build/data") || fail "the pictures cannot be unpacked"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 "$source/examples/cifar_folder.py" "$pictures" "$place/folder" || fail "the folder cannot be made"

"$shunt" train --init "$source/data/models/resnet20-cifar10.safetensors" --freeze conv1,bn1,layer1 --epochs 4 \
  --data "imagefolder:$place/folder" --out "$place/run" --json >"$place/said" || fail "train fails: $(cat "$place/said")"
error=$(sed -n 's/.*"test_error": \([0-9.]*\).*/\1/p' "$place/said")
echo "animals and vehicles: $error % of 200 test pictures wrong, after 4 epochs of 400"
awk "BEGIN { exit !($error < 10) }" || fail "an error of $error %, at least 10"

right=0
for picture in "$place"/folder/val/*/000?.png; do
  kind=$(basename "$(dirname "$picture")")
  "$shunt" classify --weights "$place/run/best.safetensors" --top 1 "$picture" | grep -q " $kind\$" && (( right++ ))
done
echo "$right of 20 called by their names"
(( right >= 17 )) || fail "only $right of 20 are called by their names"
