#!/usr/bin/env bash
# ranks.sh MPIRUN PROGRAM PLUGIN SHUNT SAMPLES: runs the program alone and as 2, 3 and 4 ranks, and in the ways that must be refused;
# and sees that shunt eval on several ranks finds what one finds.
set -u
mpirun=$1 program=$2 shunt=$4 samples=$5
export SHUNT_COLLECTIVE=$3 SHUNT_RANKS_LIMIT=60
start() { "$mpirun" --allow-run-as-root --oversubscribe --bind-to none -n "$@"; }
fail() { echo "ranks.sh: $*" >&2; exit 1; }
wants() { # TEXT COMMAND...: fails and says TEXT
  local text=$1 said
  shift
  said=$("$@" 2>&1) && fail "$*: succeeds"
  [[ $said == *"$text"* ]] || fail "$*: says $said"
}

[[ $("$program") == '1 ranks by none' ]] || fail 'one rank loads a transport'
for n in 2 3 4; do
  said=$(start $n "$program") || fail "$n ranks: $said"
  [[ $said == "$n ranks by mpi ("*')' ]] || fail "$n ranks: $said"
done
# The launcher of another MPI: this one finds a single rank.
wants 'the launcher belongs to another MPI' env OMPI_COMM_WORLD_SIZE=3 "$program"
wants 'no such file' env SHUNT_COLLECTIVE=/nowhere.so "$mpirun" --allow-run-as-root --oversubscribe -n 2 "$program"
SHUNT_COLLECTIVE= wants 'no collective/shunt-mpi.so' start 2 "$program"
# Others may write to the plugin: it is not loaded.
copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
cp "$3" "$copy/shunt-mpi.so" && chmod o+w "$copy/shunt-mpi.so"
SHUNT_COLLECTIVE=$copy/shunt-mpi.so wants 'others may write to it' start 2 "$program"

# 10 pictures in the folders of their classes, one of them in a wrong one: shared out, and more ranks than some shares.
for picture in "$samples"/*.png; do
  name=$(basename "$picture" .png)
  mkdir -p "$copy/set/$name" && cp "$picture" "$copy/set/$name/" || fail 'copying the samples'
done
cp "$samples/cat.png" "$copy/set/dog/"
evaluate() { # N: what N ranks find, without the speed
  SHUNT_DEVICE=scalar start "$1" "$shunt" eval --data "imagefolder:$copy/set" --per-class --confusions 3 \
    --predictions "$copy/$1.csv" 2>"$copy/$1.err" >"$copy/$1.all" || fail "eval on $1 ranks: $(cat "$copy/$1.err")"
  grep -v '^speed' "$copy/$1.all" >"$copy/$1.out"
}
evaluate 1
grep -q 'top-1 error  9.09 %  (1 wrong)' "$copy/1.out" || fail "eval: $(cat "$copy/1.out")"
for n in 2 4; do
  evaluate $n
  cmp "$copy/1.out" "$copy/$n.out" && cmp "$copy/1.csv" "$copy/$n.csv" || fail "$n ranks find something else: $(cat "$copy/$n.out")"
  [[ $(grep -c "^rank . of $n on .*: scalar" "$copy/$n.err") == "$n" ]] || fail "$n ranks say: $(cat "$copy/$n.err")"
done
# A rank that fails ends all of them, with its reason.
SHUNT_DEVICE=scalar wants 'nowhere' start 2 "$shunt" eval --data "imagefolder:$copy/nowhere"
echo ok
