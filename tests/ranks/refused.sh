#!/usr/bin/env bash
# refused.sh MPIRUN PROGRAM PLUGIN RUN SHUNT SAMPLES TENSORS: ranks of different versions, recipes, data, networks, weights and options are
# refused before they begin, and the message says in what they differ. PROGRAM and RUN are the programs of ranks.c and run.c.
set -u
mpirun=$1 program=$(realpath "$2") run=$(realpath "$4") shunt=$(realpath "$5") samples=$6 tensors=$(realpath "$7")
SHUNT_COLLECTIVE=$(realpath "$3") && export SHUNT_COLLECTIVE SHUNT_DEVICE=scalar OMP_NUM_THREADS=1 SHUNT_RANKS_LIMIT=60
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
start() { "$mpirun" --allow-run-as-root --oversubscribe --bind-to none -n "$@"; }
fail() { echo "refused.sh: $*" >&2; exit 1; }
must() { local said; said=$("$@" 2>&1) || fail "$*: $said"; }
wants() { # TEXT COMMAND...: fails and says TEXT
  local text=$1 said
  shift
  said=$("$@" 2>&1) && fail "$*: succeeds"
  [[ $said == *"$text"* ]] || fail "$*: says $said"
}
cd "$place" && "$tensors" set data || fail 'the pictures'

# Rank 1 loads a library of another version: a copy of this one, with another number in its text.
library=$(ldd "$program" | awk '$1 ~ /^libshunt/ { print $3 }') && version=$("$shunt" --version) && version=${version#shunt }
other=9${version#?}
mkdir "$place/library" && LC_ALL=C sed "s/${version//./\\.}/$other/g" "$library" >"$place/library/$(basename "$library")" || fail 'a copy of the library'
cat >"$place/versions" <<EOF
#!/bin/sh
[ "\$OMPI_COMM_WORLD_RANK" = 1 ] && export LD_LIBRARY_PATH=$place/library
exec "$program"
EOF
chmod +x "$place/versions"
wants "differ in their version of Shunt: rank 0 has $version, rank 1 has $other" start 2 "$place/versions"

# Rank 1 gets other options than rank 0: refused, with the difference.
weights=$samples/../models/resnet20-cifar10.safetensors
cp "$weights" "$place/weights.safetensors" && chmod u+w "$place/weights.safetensors" || fail 'copying weights'
printf x | dd of="$place/weights.safetensors" bs=1 seek=$(($(stat -c %s "$weights") - 1)) conv=notrunc status=none
for picture in "$samples"/*.png; do
  name=$(basename "$picture" .png)
  mkdir -p "$place/set/$name" && cp "$picture" "$place/set/$name/" || fail 'copying the samples'
done
mkdir "$place/swapped" && cp -r "$place/set/." "$place/swapped" && cp "$place/set/cat/cat.png" "$place/swapped/dog/dog.png" || fail 'another set'
cat >"$place/evaluating" <<EOF
#!/bin/sh
data=$place/set weights=$weights
[ "\$OMPI_COMM_WORLD_RANK" = 1 ] && data=\${DATA-\$data} weights=\${WEIGHTS-\$weights} other=\$OTHER
exec "$shunt" eval --data "imagefolder:\$data" --weights "\$weights" \$other
EOF
chmod +x "$place/evaluating"
OTHER='--limit 3' wants 'the ranks differ in what they evaluate' start 2 "$place/evaluating"
DATA=$place/swapped wants '10 pictures, fingerprint' start 2 "$place/evaluating"
WEIGHTS=$place/weights.safetensors wants 'of rank 1 is not that of rank 0' start 2 "$place/evaluating"
OTHER='--mean 0.5' wants 'the ranks differ in the preprocessing' start 2 "$place/evaluating"

# Training.
wants "rate '0.25', not" start 2 "$run" cifar10:data refused 0 rate 0.25
wants 'a batch of 3 pictures for 4 ranks' start 4 "$run" cifar10:data refused 0 batch 3
cat >differ <<EOF
#!/bin/sh
where=data options=\$ONE
[ "\$OMPI_COMM_WORLD_RANK" = 1 ] && where=\$WHERE options=\$OTHER
exec "$shunt" train --model mini-resnet --holdout 0 --resize 8 --crop 8 --batch 4 --data "cifar10:\$where" --out refused \$options
EOF
chmod +x differ
differing() { WHERE=$2 ONE=$3 OTHER=$4 wants "$1" start 2 ./differ; } # TEXT: the options of rank 0 and those of rank 1
cp -r data other && printf '\377' | dd of=other/test_batch.bin bs=1 seek=1 conv=notrunc status=none || fail 'other pictures'
must "$shunt" train --model mini-resnet --holdout 0 --resize 8 --crop 8 --data cifar10:data --limit 8 --epochs 1 --batch 8 --out start
cp start/best.safetensors changed.safetensors
printf x | dd of=changed.safetensors bs=1 seek=$(($(stat -c %s changed.safetensors) - 1)) conv=notrunc status=none
differing "epochs '2', not '1'" data '--epochs 1' '--epochs 2'
differing "limit '8', not '0'" data '' '--limit 8'
differing 'differ in the data: rank 0 has 300 training pictures' other '' ''
differing 'differ in the network' data '--shortcut A' '--shortcut B'
differing 'differ in the preprocessing' data '' '--mean 0.4'
differing 'differ in how they train' data '' '--sync-bn'
differing 'of rank 1 is not that of rank 0' data '--init start/best.safetensors' '--init changed.safetensors'
ls refused/last.ckpt 2>/dev/null && fail 'a refused run has begun'
echo ok
