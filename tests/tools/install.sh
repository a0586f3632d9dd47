#!/usr/bin/env bash
# Installs the build into a folder and moves it; then builds the examples against that copy alone, as C and C++, by pkg-config and by
# CMake, with the shared and the static library, and runs them and the installed command:
# install.sh SOURCE BUILD CC FIXTURE (a program that writes a weight file)
set -eu
source=$1 build=$2 cc=$3 fixture=$4
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
fail() { echo "install: $1" >&2; exit 1; }

meson install -C "$build" --no-rebuild --destdir "$place/root" >"$place/log" || { cat "$place/log"; exit 1; }
prefix=$(dirname "$(dirname "$(find "$place/root" -name shunt.pc)")")
mv "${prefix%/lib*}" "$place/moved"
prefix=$place/moved
[[ -x $prefix/bin/shunt ]] || fail "no bin/shunt below $prefix"
[[ -s $(find "$prefix" -name shunt.1) ]] || fail "no manual page"
for file in bash-completion/completions/shunt zsh/site-functions/_shunt fish/vendor_completions.d/shunt.fish; do
  [[ -s $prefix/share/$file ]] || fail "no share/$file"
done
plugin=$(find "$prefix" -name 'shunt-opencl.so')

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name shunt.pc)")
library=$(dirname "$(find "$prefix" -name libshunt.so)")
lines=$(wc -l <"$source/examples/classify.c")
(( lines <= 40 )) || fail "the example has $lines lines, more than 40"
# shellcheck disable=SC2046 # several words
$cc -Wall -Wextra -Werror -o "$place/classify" "$source/examples/classify.c" $(pkg-config --cflags --libs shunt)
for header in "$prefix"/include/shunt/*.h; do
  include="#include <shunt/$(basename "$header")>"
  for standard in 'c -std=c99' 'c -std=c11' 'c++ -std=c++17'; do
    # shellcheck disable=SC2086 # two words
    echo "$include" | $cc -x$standard -Wall -Wextra -pedantic -Werror -fsyntax-only -I"$prefix/include" - ||
      fail "$(basename "$header") does not stand alone as $standard"
  done
done

"$fixture" resnet20 "$place/w.safetensors"
unset SHUNT_PLUGIN_PATH LD_LIBRARY_PATH
export SHUNT_DEVICE=scalar SHUNT_CACHE_DIR=$place/cache
LD_LIBRARY_PATH=$library "$place/classify" resnet20 "$place/w.safetensors" "$source/examples/tracks.png" >"$place/out"
[[ $(wc -l <"$place/out") == 5 ]] || fail "the example did not print five classes: $(cat "$place/out")"
# The command finds the library beside it, and says the same.
"$prefix/bin/shunt" classify --weights "$place/w.safetensors" "$source/examples/tracks.png" >"$place/said"
best=$(awk 'NR == 1 { print $1 }' "$place/out")
grep -q "$best %" "$place/said" || fail "the command and the example disagree: $best; $(cat "$place/said")"
# A backend made with backend.h alone: the network runs on it at once, what it refuses in plain C, and the report says so.
mkdir "$place/plugins"
# shellcheck disable=SC2046
$cc -Wall -Wextra -Werror -shared -fPIC -o "$place/plugins/minimal.so" "$source/examples/minimal-backend.c" \
  $(pkg-config --cflags shunt)
export SHUNT_PLUGIN_PATH=$place/plugins SHUNT_DEVICE=minimal SHUNT_FALLBACK=quiet
SHUNT_LOG=warn "$prefix/bin/shunt" classify --weights "$place/w.safetensors" "$source/examples/tracks.png" >"$place/minimal" 2>&1
diff "$place/said" "$place/minimal" || fail "the minimal backend and plain C disagree"
"$prefix/bin/shunt" inspect --weights "$place/w.safetensors" >"$place/plan"
grep -Eq '^fc +linear\+bias +minimal:0 +loops' "$place/plan" || fail "fc does not run on minimal: $(cat "$place/plan")"
grep -Eq 'transfer +minimal:0 .* 512 B' "$place/plan" || fail "the copy to minimal is not shown: $(cat "$place/plan")"
grep -q '^placement .*1 ops on minimal:0; .* -> scalar' "$place/plan" || fail "the placement is not shown"
"$prefix/bin/shunt" verify --op linear --count 30 >"$place/verified" || fail "$(cat "$place/verified")"

echo "the installed copy works${plugin:+, its plugin is ${plugin#"$place/root"}}"
