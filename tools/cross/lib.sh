# shellcheck shell=bash disable=SC2154 # $work is the script's
# What the scripts share that build for other systems or make packages. They are sourced with the project's folder as the working folder.
# Functions that write use $work, an absolute folder of the script's own.

# missing PACKAGE...: those of Debian's packages that are not installed, one a line.
missing() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
}

# require PACKAGE...: ends the script if one is not installed.
require() {
  local lacks
  mapfile -t lacks < <(missing "$@")
  (( ${#lacks[@]} == 0 )) || { echo "$0: install first: apt-get install ${lacks[*]}" >&2; exit 1; }
}

# quietly NAME COMMAND...: the command's output goes to $work/NAME.log, and is shown if it fails.
quietly() {
  local log=$work/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; echo "$0: failed: $*" >&2; exit 1; }
}

debian_mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

# This release's name: bookworm, trixie.
debian_release() {
  # shellcheck disable=SC1091 # of this machine
  (. /etc/os-release && echo "$VERSION_CODENAME")
}

# debian_apt deb|deb-src ARCHITECTURE: lets apt_get ask for that architecture's packages, or for sources, without a word to this
# machine's own apt: its lists, and what it takes for installed (nothing), lie in $work/apt.
debian_apt() {
  apt=$work/apt
  [[ ! -e $apt/ready ]] || return 0
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
  echo "$1 [arch=$2 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $debian_mirror $(debian_release) main" >"$apt/sources.list"
  : >"$apt/status"
  cat >"$apt/apt.conf" <<END
#clear APT::Architectures;
APT::Architecture "$2";
APT::Architectures { "$2"; };
APT::Install-Recommends "false";
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
END
  quietly apt-update apt_get update
  touch "$apt/ready"
}
apt_get() { APT_CONFIG=$apt/apt.conf apt-get "$@"; }

# debian_sysroot FOLDER ARCHITECTURE PACKAGE...: unpacks these packages and all that they need; nothing of theirs is run.
debian_sysroot() {
  local root=$1 architecture=$2 deb link
  shift 2
  [[ "$(cat "$root.packages" 2>/dev/null)" != "$*" ]] || return 0
  rm -rf "${root:?}" "$root.packages"
  debian_apt deb "$architecture"
  quietly download apt_get -y --download-only install "$@"
  mkdir -p "$root"
  for deb in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$root" || exit 1; done
  # Links from the root lead to this machine otherwise.
  while IFS= read -r -d '' link; do ln -sfnr "$root$(readlink "$link")" "$link"; done < <(find "$root" -type l -lname '/*' -print0)
  echo "$*" >"$root.packages"
}

# listed_tests BUILD FILE: the tests of a build but the long ones and those whose patterns the file lists, one a line.
listed_tests() {
  local left_out
  left_out=$(sed '/^#/d; s/ /\n/g' "$2")
  meson test -C "$1" --list --no-suite long 2>/dev/null | sed -n 's/^\(shunt.* \/ \)\?\([a-z0-9_-]*\)$/\2/p' | grep -vxE "$left_out"
}

# debian_base RELEASE: $work/base.tar, a Debian of this release and nothing else, made once.
debian_base() {
  [[ ! -e $work/base.tar ]] || return 0
  rm -rf "${work:?}/base"
  quietly debootstrap debootstrap --variant=minbase "$1" "$work/base" "$debian_mirror"
  tar -cf "$work/base.tar" -C "$work/base" .
  rm -rf "${work:?}/base"
}

# enter ROOT COMMAND...: runs it in that system. What is mounted there ends with the command. PoCL needs /sys.
enter() {
  unshare --mount --pid --fork bash -c 'mount -t proc proc "$1/proc" && mount -t sysfs -o ro sysfs "$1/sys" && exec env -i HOME=/root \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot "$@"' bash "$@" </dev/null
}
