#!/usr/bin/env bash
# ResNet-20 with trained weights on CIFAR-10's 10,000 test pictures: 8.27 % error on OpenCL, and hardly a picture that scalar
# sees differently among the first 1,000; without OpenCL scalar sees all. Needs a folder of data (SHUNT_TEST_DATA, else shared/data beside the project) with
# models/resnet20-cifar10-akamaster.safetensors and unpack, which unpacks the pictures; where the .th file that its author
# published lies beside it, that one's predictions are the same to the last digit. And the network that comes with Shunt has
# the error that its file claims. cifar_shared.sh SHUNT SOURCE BUILD
set -u
shunt=$1 source=$2 build=$3
data=${SHUNT_TEST_DATA:-$source/../shared/data}
weights=$data/models/resnet20-cifar10-akamaster.safetensors
fail() { echo "cifar_shared: $1" >&2; exit 1; }
[[ -r $weights && -x $data/unpack ]] || { echo "skipped: no $weights"; exit 77; }

pictures=$("$data/unpack" "$build/data") || fail "the pictures cannot be unpacked"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# evaluate DEVICE PICTURES
evaluate() {
  "$shunt" eval --model resnet20 --weights "$weights" --data "cifar10:$pictures" --device "$1" --limit "$2" --json \
    --predictions "$place/$1.csv" >"$place/$1.json" || fail "eval fails on $1"
  grep -E '"(device|top1_error|images_per_second)"' "$place/$1.json"
}

fastest=scalar
if "$shunt" devices | grep -q '^opencl:'; then
  fastest=opencl
  evaluate scalar 1000
  evaluate opencl 10000
  different=$(diff <(cut -d, -f1-3 "$place/scalar.csv") <(head -n "$(wc -l <"$place/scalar.csv")" "$place/opencl.csv" | cut -d, -f1-3) |
    grep -c '^<')
  echo "$different predictions differ"
  (( different <= 1 )) || fail "scalar and opencl differ in $different predictions of 1,000"
else
  echo "no OpenCL device: scalar only"
  evaluate scalar 10000
fi
wrong=$(sed -n 's/.*"wrong": \([0-9]*\).*/\1/p' "$place/$fastest.json")
(( wrong >= 825 && wrong <= 829 )) || fail "$fastest: $wrong wrong, not 827 +- 2"
original=$data/models/resnet20-12fca82f.th
if [[ -r $original ]]; then
  "$shunt" eval --model resnet20 --weights "$original" --data "cifar10:$pictures" --device "$fastest" \
    --predictions "$place/original.csv" >/dev/null || fail "eval fails with $original"
  cmp -s "$place/$fastest.csv" "$place/original.csv" || fail "$original does not give the same predictions"
  echo "the .th file gives the same predictions"
fi
claimed=$("$shunt" inspect --json "$source/data/models/resnet20-cifar10.safetensors" | sed -n 's/.*test_wrong\\":\([0-9]*\).*/\1/p')
wrong=$("$shunt" eval --data "cifar10:$pictures" --device "$fastest" --json 2>/dev/null | sed -n 's/.*"wrong": \([0-9]*\).*/\1/p')
echo "the network that comes with Shunt: $wrong wrong, $claimed by its file"
(( claimed > 0 && wrong >= claimed - 2 && wrong <= claimed + 2 )) || fail "they disagree"
