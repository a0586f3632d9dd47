#!/usr/bin/env bash
# ranks.sh MPIRUN PROGRAM PLUGIN: runs the program alone and as 2, 3 and 4 ranks, and in the ways that must be refused.
set -u
mpirun=$1 program=$2
export SHUNT_COLLECTIVE=$3
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
echo ok
