#!/usr/bin/env bash
# A driver that claims matrix units and does not compute with them what it should is named by the doctor, and they are not used: a
# processor's driver that answers as such a GPU.
#   claimed_units.sh SHUNT POSE_LAYER
set -eu
cache=$(mktemp -d)
trap 'rm -r "$cache"' EXIT
export OPENCL_LAYERS=$2 POSE_EXTENSIONS="cl_intel_subgroups cl_intel_subgroup_matrix_multiply_accumulate" SHUNT_CACHE_DIR=$cache
for again in first cached; do
  said=$("$1" doctor 2>&1) || true
  if ! grep -q "opencl:0  *gpu" <<<"$said"; then
    echo "no OpenCL driver to pose with"
    exit 77
  fi
  grep -q "claims cl_intel_subgroup_matrix_multiply_accumulate, and does not compute" <<<"$said" ||
    { echo "$again: the claim is not named in: $said"; exit 1; }
done
