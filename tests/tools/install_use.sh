#!/usr/bin/env bash
# Installs the build, moves it, and uses the copy as applications do: one program as C99, C11 and C++17, with pkg-config and CMake, with
# the shared and the static library; the C++ header with and without exceptions. All print the same.
# install_use.sh SOURCE BUILD CC CXX FIXTURE (a program that writes a weight file)
set -eu
source=$1 build=$2 cc=$3 cxx=$4 fixture=$5
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
fail() { echo "install_use: $1" >&2; exit 1; }

meson install -C "$build" --no-rebuild --destdir "$place/root" >"$place/log" || { cat "$place/log"; exit 1; }
prefix=$(dirname "$(dirname "$(find "$place/root" -name shunt.pc)")")
mv "${prefix%/lib*}" "$place/moved"
prefix=$place/moved
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name shunt.pc)")
library=$(dirname "$(find "$prefix" -name libshunt.so)")
warnings='-Wall -Wextra -pedantic -Werror'
lines=$(wc -l <"$source/examples/embed.c")
(( lines <= 40 )) || fail "examples/embed.c has $lines lines, more than 40"

"$fixture" resnet20 "$place/w.safetensors"
unset SHUNT_PLUGIN_PATH LD_LIBRARY_PATH SHUNT_DATA_DIR
export SHUNT_DEVICE=scalar SHUNT_CACHE_DIR=$place/cache LD_LIBRARY_PATH=$library
runs() { # runs WHAT PROGRAM ARGUMENT...: it prints what the first one printed
  local what=$1
  shift
  "$@" >"$place/out" 2>&1 || fail "$what: exit status $?: $(cat "$place/out")"
  [[ -e $place/first ]] || cp "$place/out" "$place/first"
  cmp -s "$place/first" "$place/out" || fail "$what prints: $(cat "$place/out"), the first: $(cat "$place/first")"
}

# shellcheck disable=SC2086,SC2046 # several words
{
  for standard in c99 c11; do
    $cc $warnings -std=$standard -o "$place/embed-$standard" "$source/examples/embed.c" $(pkg-config --cflags --libs shunt)
    runs $standard "$place/embed-$standard" "$place/w.safetensors"
  done
  $cxx $warnings -std=c++17 -x c++ -o "$place/embed-cpp" "$source/examples/embed.c" -x none $(pkg-config --cflags --libs shunt)
  runs c++17 "$place/embed-cpp" "$place/w.safetensors"
  # The static library: nothing of libshunt is looked for when the program starts.
  static=$(pkg-config --static --libs shunt | sed 's/-lshunt/-l:libshunt.a/')
  $cc $warnings -std=c11 -o "$place/embed-static" "$source/examples/embed.c" $(pkg-config --cflags shunt) $static
  ! readelf -d "$place/embed-static" | grep -q libshunt || fail "the static program needs libshunt"
  runs static env -u LD_LIBRARY_PATH "$place/embed-static" "$place/w.safetensors"
}
grep -q '^64 numbers' "$place/first" || fail "no embedding of 64 numbers: $(cat "$place/first")"

# Folders are found from the library's own place; each exported symbol has a version.
for what in plugin_folders data_folder; do
  printf '#include <shunt/shunt.h>\n#include <stdio.h>\nint main(void) { puts(shunt_%s()); }\n' $what >"$place/where.c"
  # shellcheck disable=SC2046,SC2086
  $cc -o "$place/where" "$place/where.c" $(pkg-config --cflags --libs shunt)
  "$place/where" | grep -q "^$(realpath "$prefix")/" || fail "$what is not in the moved copy: $("$place/where")"
done
! nm -D --defined-only "$library/libshunt.so" | grep ' T shunt_' | grep -qv '@@SHUNT_1$' || fail "a symbol has no version"

# C++: the example; without exceptions; a public header of its own.
# shellcheck disable=SC2046,SC2086
{
  $cxx $warnings -std=c++17 -o "$place/classify" "$source/examples/classify.cpp" $(pkg-config --cflags --libs shunt)
  "$place/classify" "$place/w.safetensors" "$source/examples/tracks.png" >"$place/out" || fail "classify.cpp: exit status $?"
  grep -q '^64 numbers' "$place/out" || fail "classify.cpp gives no embedding: $(cat "$place/out")"
  grep -q '^as expected: nowhere.onnx: ' "$place/out" || fail "classify.cpp does not see the failure: $(cat "$place/out")"
  "$place/classify" nowhere "$place/w" 2>"$place/said" >"$place/out" && fail "classify.cpp opens what is not there"
  grep -q '^classify: nowhere: ' "$place/said" || fail "classify.cpp does not say why: $(cat "$place/said")"
  echo '#include <shunt/shunt.hpp>' | $cxx $warnings -std=c++17 -fno-exceptions -xc++ -fsyntax-only $(pkg-config --cflags shunt) - ||
    fail "shunt.hpp needs exceptions"
}

if command -v cmake >/dev/null; then
  for kind in OFF ON; do
    mkdir -p "$place/cmake"
    cp "$source/examples/embed.c" "$place/cmake"
    cat >"$place/cmake/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(embed C)
find_package(shunt 0.1 REQUIRED)
add_executable(embed embed.c)
target_link_libraries(embed shunt::shunt)
END
    cmake -S "$place/cmake" -B "$place/cmake/$kind" -DCMAKE_PREFIX_PATH="$prefix" -DSHUNT_STATIC=$kind -DCMAKE_C_COMPILER="${cc##* }" \
      >"$place/log" 2>&1 && cmake --build "$place/cmake/$kind" >"$place/log" 2>&1 || fail "CMake: $(cat "$place/log")"
    runs "CMake, static $kind" "$place/cmake/$kind/embed" "$place/w.safetensors"
  done
fi
echo "the moved copy works: $(head -c 200 "$place/first" | tr '\n' ' ')"
