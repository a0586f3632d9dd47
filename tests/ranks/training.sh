#!/usr/bin/env bash
# training.sh MPIRUN PLUGIN STEPS RUN TENSORS: training on several ranks is the run that one rank would do; the same ranks give the
# same bits; other ranks continue it. STEPS and RUN are the programs of steps.c and run.c.
set -u
mpirun=$1 steps=$(realpath "$3") run=$(realpath "$4") tensors=$(realpath "$5")
SHUNT_COLLECTIVE=$(realpath "$2") && export SHUNT_COLLECTIVE SHUNT_DEVICE=scalar OMP_NUM_THREADS=1 SHUNT_RANKS_LIMIT=60
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
start() { "$mpirun" --allow-run-as-root --oversubscribe --bind-to none -n "$@"; }
fail() { echo "training.sh: $*" >&2; exit 1; }
must() { local said; said=$("$@" 2>&1) || fail "$*: $said"; }
cd "$place" && "$tensors" set data || fail 'the pictures'

# One step, of uneven slices, with the statistics of all: the step of one rank.
for n in 2 3 4; do
  must start $n "$steps" scalar f64 1e-12
  must start $n "$steps" scalar f32 1e-5
done
must start 3 "$steps" scalar f64 1e-12 0.01
must start 2 "$steps" scalar f32 1e-5 0.01

# Fifty steps, twice, and once cut in two.
for out in once again cut; do
  [[ $out == cut ]] && must start 3 "$run" cifar10:data $out 17
  must start 3 "$run" cifar10:data $out
done
must "$tensors" same once/last.ckpt again/last.ckpt
must "$tensors" same once/last.ckpt cut/last.ckpt
LOCAL_STATISTICS=1 must start 2 "$run" cifar10:data local-cut 30
LOCAL_STATISTICS=1 must start 2 "$run" cifar10:data local-cut
LOCAL_STATISTICS=1 must start 2 "$run" cifar10:data local
must "$tensors" same local/last.ckpt local-cut/last.ckpt

# Steps of parts: those of as many ranks, bit for bit in plain C, and of ranks with parts.
export LOCAL_STATISTICS=1
ACCUMULATE=2 must start 1 "$run" cifar10:data parts
must "$tensors" same local/last.ckpt parts/last.ckpt
ACCUMULATE=3 must start 2 "$run" cifar10:data ranks-parts 4
must start 3 "$run" cifar10:data three 4
ACCUMULATE=2 must start 3 "$run" cifar10:data three-parts 4
must "$tensors" near ranks-parts/last.ckpt three-parts/last.ckpt 1e-5
"$tensors" near three/last.ckpt three-parts/last.ckpt 1e-5 >/dev/null 2>&1 && fail 'parts have the statistics of the whole slice'
ACCUMULATE=3 must start 2 "$run" cifar10:data ranks-cut 17
ACCUMULATE=3 must start 2 "$run" cifar10:data ranks-cut
ACCUMULATE=3 must start 2 "$run" cifar10:data ranks-whole
must "$tensors" same ranks-cut/last.ckpt ranks-whole/last.ckpt
unset LOCAL_STATISTICS
ACCUMULATE=2 start 2 "$run" cifar10:data refused 2>&1 | grep -q 'does not have the statistics of the others' ||
  fail '--sync-bn with parts is not refused'

# Gradients sent as bfloat16: within the rounding of that, the same bits each time, and others than in float32.
must start 3 "$steps" scalar bf16 0
for out in narrow narrow-again; do BF16_GRADIENTS=1 must start 3 "$run" cifar10:data $out; done
must "$tensors" same narrow/last.ckpt narrow-again/last.ckpt
"$tensors" same narrow/last.ckpt once/last.ckpt 2>/dev/null && fail 'gradients are not sent as bfloat16'

# Other numbers of ranks go on from where two stopped, as two would.
must start 2 "$run" cifar10:data two 3
for n in 2 4 1; do
  cp -r two on-$n && must start $n "$run" cifar10:data on-$n 4
done
must "$tensors" near on-2/last.ckpt on-4/last.ckpt 1e-5
must "$tensors" near on-2/last.ckpt on-1/last.ckpt 1e-5
echo ok
