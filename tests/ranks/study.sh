#!/usr/bin/env bash
# study.sh MPIRUN PLUGIN SHUNT TENSORS: a study on several ranks finds what it finds on one, whether the runs are independent or need each
# other; and is continued by another number of ranks.
set -u
mpirun=$1 shunt=$(realpath "$3") tensors=$(realpath "$4")
SHUNT_COLLECTIVE=$(realpath "$2") && export SHUNT_COLLECTIVE SHUNT_DEVICE=scalar OMP_NUM_THREADS=1 SHUNT_RANKS_LIMIT=60
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
start() { "$mpirun" --allow-run-as-root --oversubscribe --bind-to none -n "$@"; }
fail() { echo "study.sh: $*" >&2; exit 1; }
must() { local said; said=$("$@" 2>&1) || fail "$*: $said"; }
without_seconds() { sed 's/,[^,]*$//' "$1/results.csv"; }
same() { cmp <(without_seconds "$1") <(without_seconds "$2") || fail "$2 has other results than $1"; }
cd "$place" && "$tensors" set data 6 || fail 'the pictures'

options=(--data cifar10:data --recipe fast --epochs 1 --batch 10 --threads 1)
precision=("$shunt" study precision --models resnet8 --seeds 2 "${options[@]}")
must "${precision[@]}" --out alone
must start 3 "${precision[@]}" --out three
same alone three
# Six runs; one is begun by one rank, and the others by two.
must "$shunt" study precision --models resnet8 --seeds 1 "${options[@]}" --out grown
must start 2 "$shunt" study precision --seeds 2 --out grown
same alone grown

# Of a penalised network three runs wait for each other, and one rank makes them all.
prune=("$shunt" study prune --models resnet8,resnet14-p0.001 --seeds 1 "${options[@]}")
must "${prune[@]}" --out prune-alone
must start 2 "${prune[@]}" --out prune-two
same prune-alone prune-two

# A run that fails on one rank ends the study with that, and the others are there.
mkdir -p broken/runs/resnet8-f16-s1 && echo nonsense >broken/runs/resnet8-f16-s1/last.ckpt
start 3 "$shunt" study precision --models resnet8 --seeds 1 "${options[@]}" --out broken >said 2>&1 && fail 'a broken run is no failure'
[[ -e broken/runs/resnet8-bf16-s1/best.safetensors ]] || fail "the other runs are missing: $(cat said)"
start 2 "$shunt" study degradation --redraw --out three 2>&1 | grep -q 'without mpirun' || fail '--redraw is not refused'
echo ok
