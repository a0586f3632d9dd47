#!/usr/bin/env bash
# A machine without OpenCL: in a mount namespace of its own, the loader is an empty file and no driver is registered.
# Everything but OpenCL works, and shunt doctor says what to install. no_opencl.sh SHUNT SOURCE
set -u
shunt=$1 source=$2
fail() { echo "no_opencl: $1" >&2; exit 1; }

if [[ -z ${INSIDE:-} ]]; then
  unshare --user --map-root-user --mount true 2>/dev/null || { echo "skipped: namespaces are not permitted here"; exit 77; }
  INSIDE=$(mktemp -d)
  export INSIDE
  unshare --user --map-root-user --mount "$0" "$@"
  status=$?
  rm -rf "$INSIDE" # out here, where nothing is mounted on it
  exit "$status"
fi

place=$INSIDE
mkdir "$place/none"
: >"$place/empty"
for file in $(ldconfig -p | sed -n 's/.*libOpenCL\.so.*=> //p') /usr/lib/*/libOpenCL.so*; do
  if [[ -e $file ]]; then mount --bind "$place/empty" "$(realpath "$file")" || fail "cannot hide $file"; fi
done
if [[ -d /etc/OpenCL/vendors ]]; then mount --bind "$place/none" /etc/OpenCL/vendors || fail "cannot hide the drivers"; fi
unset SHUNT_DEVICE OCL_ICD_VENDORS OPENCL_VENDOR_PATH
export SHUNT_CACHE_DIR=$place/cache

devices=$("$shunt" devices --json) || fail "shunt devices fails"
grep -q '"scalar"' <<<"$devices" || fail "no scalar device: $devices"
grep -q '"opencl' <<<"$devices" && fail "an OpenCL device is there: it was not hidden"
"$shunt" classify --model resnet20 --random-weights "$source/examples/tracks.png" >"$place/out" 2>"$place/err" ||
  fail "classify fails: $(cat "$place/err")"
grep -q '%' "$place/out" || fail "classify says nothing"
"$shunt" plugins | grep -q 'shunt-opencl.so' || fail "shunt plugins does not name the plugin"

"$shunt" classify --device opencl --model resnet20 --random-weights "$source/examples/tracks.png" 2>"$place/err" &&
  fail "--device opencl works"
[[ $(wc -l <"$place/err") == 1 ]] || fail "not one line: $(cat "$place/err")"
grep -q scalar "$place/err" || fail "the devices there are, are not listed: $(cat "$place/err")"

"$shunt" doctor >"$place/out" 2>"$place/err"
[[ $? == 1 && ! -s $place/err ]] || fail "doctor: $(cat "$place/err")"
tail -n 2 "$place/out"
tail -n 2 "$place/out" | grep -q 'apt-get install.*ocl-icd-libopencl1' || fail "doctor does not say what to install"
tail -n 2 "$place/out" | grep -q 'pocl-opencl-icd' || fail "doctor names no driver to install"
exit 0
