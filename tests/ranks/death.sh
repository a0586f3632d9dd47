#!/usr/bin/env bash
# death.sh MPIRUN PLUGIN SHUNT TENSORS: a rank that is killed at some moment, or stopped, ends the whole run, which is named and can be
# continued; what comes of it has the bits of a run that nothing happened to.
set -u
mpirun=$1 shunt=$(realpath "$3") tensors=$(realpath "$4")
SHUNT_COLLECTIVE=$(realpath "$2") && export SHUNT_COLLECTIVE SHUNT_DEVICE=scalar OMP_NUM_THREADS=1 SHUNT_RANKS_LIMIT=60
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
fail() { echo "death.sh: $*" >&2; exit 1; }
cd "$place" && "$tensors" set data || fail 'the pictures'
ranks() { # OUT: begins the run, or continues it
  local how=(--model mini-resnet --recipe fast --holdout 30 --resize 8 --crop 8 --batch 12 --epochs 3 --data cifar10:data)
  [[ -e $1/last.ckpt ]] && how=(--resume)
  exec "$mpirun" --allow-run-as-root --oversubscribe --bind-to none -n 2 "$shunt" train "${how[@]}" --sync-bn --save-every 1 --out "$1"
}
harm() { # SIGNAL SECONDS [FROM]: does it to one of the ranks, which must end all with a message, and within 30 s; FROM: counted from
  # where the ranks have said where they are
  local signal=$1 rank start
  : >said # what the run before has said must not be taken for this one's
  (ranks cut) >said 2>&1 &
  local run=$!
  until [[ -z ${3-} ]] || grep -q '^rank 1 of 2 on' said || ! kill -0 $run 2>/dev/null; do sleep 0.1; done
  sleep "$2"
  start=$SECONDS
  rank=$(pgrep -P $run | sed -n $((RANDOM % 2 + 1))p)
  [[ -n $rank ]] && kill -"$signal" "$rank" 2>/dev/null || { wait $run; return 1; } # it was at its end
  wait $run && return 1
  (( SECONDS - start < 30 )) || fail "it took $((SECONDS - start)) s: $(cat said)"
  grep -q '^rank 0 of 2 on .*: scalar' said && named=$((named + 1)) # or it had not got that far
  return 0
}
named=0 moments=('' begun begun)

(ranks whole) >said 2>&1 || fail "$(cat said)"
grep -q '% of it while computing' said || fail "$(cat said)"
for i in 1 2 3 4 5 6 7 8 9 10; do
  harm KILL "$((RANDOM % 3)).$((RANDOM % 10))" ${moments[i % 3]} || continue
  grep -q 'exited on signal 9\|no sign of life' said || fail "it says $(cat said)"
done
(( named )) || fail 'no run said which rank is where'
(ranks cut) >said 2>&1 || fail "it cannot be continued: $(cat said)"
"$tensors" same whole/last.ckpt cut/last.ckpt || fail 'it ends in other weights'
rm -rf cut
SHUNT_RANKS_LIMIT=3 harm STOP 0.3 begun && { grep -q 'rank [01], .*: scalar, .* has given no sign of life for 3 seconds' said || fail "it says $(cat said)"; }
(ranks cut) >said 2>&1 || fail "it cannot be continued: $(cat said)"
"$tensors" same whole/last.ckpt cut/last.ckpt || fail 'it ends in other weights'
echo ok
