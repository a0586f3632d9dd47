#!/usr/bin/env bash
# The completion scripts offer each command and each option that --help has, and the words of an option's argument. bash, and fish
# where it is installed, are asked for completions; zsh, where it is installed, parses its script. completion.sh SHUNT
set -u
shunt=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
fail() { echo "completion: $1" >&2; exit 1; }
expect() { [[ $2 == "$3" ]] || fail "$1: '$2', not '$3'"; }

for shell in bash zsh fish; do "$shunt" help --completion $shell >"$place/$shell" || fail "no script for $shell"; done
"$shunt" help --completion csh >/dev/null 2>"$place/error" && fail "a script for csh"
expect csh "$(<"$place/error")" "shunt help: --completion csh: must be bash, zsh or fish"

# shellcheck source=/dev/null
source "$place/bash"
# The completions of the last of these words, in one line.
bash_completes() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _shunt; printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '; }
fish_completes() { fish --no-config -c "source $place/fish; complete -C \"$*\"" | cut -f1 | sort | tr '\n' ' '; }
# What a command's --help shows.
options() { "$shunt" "$1" --help | grep -oE '^  --[a-z0-9-]+' | tr -d ' ' | sort | tr '\n' ' '; }

shells=(bash)
command -v fish >/dev/null && shells+=(fish)
commands=$("$shunt" help | sed -nE 's/^  ([a-z]+) +[A-Z].*/\1/p' | sort | tr '\n' ' ')
mkdir "$place/empty" "$place/folders" "$place/folders/one"
touch "$place/folders/file"
cd "$place/empty" || exit 1
for shell in "${shells[@]}"; do
  expect "$shell: commands" "$(${shell}_completes shunt '')" "$commands"
  expect "$shell: cl" "$(${shell}_completes shunt cl)" "classify "
  expect "$shell: help" "$(${shell}_completes shunt help cl)" "classify "
  for command in $commands; do
    expect "$shell: $command" "$(${shell}_completes shunt "$command" --)" "$(options "$command")"
  done
  expect "$shell: words" "$(${shell}_completes shunt classify --shortcut '')" "A B C "
  expect "$shell: number" "$(${shell}_completes shunt classify --top '')" "$([[ $shell == bash ]] && echo ' ')"
  (cd ../folders && expect "$shell: folders" "$(${shell}_completes shunt train --out '' | tr -d /)" "one ") || exit 1
done
if command -v zsh >/dev/null; then
  zsh -n "$place/zsh" || fail "zsh cannot parse its script"
  shells+=(zsh)
fi
for command in $commands; do
  for option in $(options "$command"); do
    sed -n "/^    $command)/,/;;$/p" "$place/zsh" | grep -q -e "'$option=\?\[" || fail "zsh: $command has no $option"
  done
done
echo "completions for ${shells[*]}"
