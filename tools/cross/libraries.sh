# shellcheck shell=bash disable=SC2154 # the script's variables, below
# The libraries that Shunt needs, built from Debian's source packages for a system that Debian does not have them for. Sourced after lib.sh,
# by a script with these variables: work, its folder; root, where the libraries go, with lib/pkgconfig and include in it; cc, ar: the
# compiler and the archiver for that system; toolchain: lines for CMake about it.

# source_package NAME: unpacks Debian's source package of this release to $work/sources/NAME, with Debian's patches.
source_package() {
  [[ ! -d $work/sources/$1 ]] || return 0
  debian_apt deb-src "$(dpkg --print-architecture)"
  echo "$0: $1"
  mkdir -p "$work/download" "$work/sources"
  (cd "$work/download" && quietly "source-$1" apt_get source --download-only "$1")
  quietly "unpack-$1" dpkg-source -x "$(ls "$work/download/$1"_*.dsc)" "$work/sources/$1.new"
  mv "$work/sources/$1.new" "$work/sources/$1"
}

# pkg_config NAME VERSION LIBS: what a library that does not say so itself needs.
pkg_config() {
  printf 'Name: %s\nDescription: %s\nVersion: %s\nLibs: -L%s %s\nCflags: -isystem %s\n' "$1" "$1" "$2" "$root/lib" "$3" "$root/include" \
    >"$root/lib/pkgconfig/$1.pc"
}

# with_cmake NAME ARGUMENT...
with_cmake() {
  local name=$1
  shift
  cat >"$work/toolchain.cmake" <<END
$toolchain
set(CMAKE_C_COMPILER $cc)
set(CMAKE_FIND_ROOT_PATH $root)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
END
  quietly "$name-setup" cmake -S "$work/sources/$name" -B "$work/$name" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$root" \
    -DCMAKE_INSTALL_LIBDIR="$root/lib" -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_TOOLCHAIN_FILE="$work/toolchain.cmake" -DBUILD_SHARED_LIBS=OFF "$@"
  quietly "$name-build" ninja -C "$work/$name" install
}

zlib() { # and what reads zip files, from its contrib folder
  source_package zlib
  local c objects=()
  for c in adler32 compress crc32 deflate inffast inflate inftrees trees uncompr zutil contrib/minizip/ioapi contrib/minizip/unzip; do
    objects+=("$work/zlib-$(basename $c).o")
    "$cc" -O2 -fPIC -DNDEBUG -DNOCRYPT -I"$work/sources/zlib" -c "$work/sources/zlib/$c.c" -o "${objects[-1]}"
  done
  rm -f "$root/lib/libz.a"
  "$ar" rcs "$root/lib/libz.a" "${objects[@]}"
  cp "$work"/sources/zlib/{zlib.h,zconf.h,contrib/minizip/ioapi.h,contrib/minizip/unzip.h} "$root/include/"
  pkg_config zlib 1.2.13 -lz
  pkg_config minizip 1.2.13 -lz
}

png() {
  source_package libpng1.6
  with_cmake libpng1.6 -DPNG_SHARED=OFF -DPNG_TESTS=OFF -DZLIB_LIBRARY="$root/lib/libz.a" -DZLIB_INCLUDE_DIR="$root/include"
  pkg_config libpng 1.6.39 '-lpng16 -lz'
}

jpeg() {
  source_package libjpeg-turbo
  local simd=OFF
  command -v nasm >/dev/null && simd=ON
  with_cmake libjpeg-turbo -DENABLE_SHARED=OFF -DWITH_SIMD=$simd -DWITH_JAVA=OFF
  pkg_config libturbojpeg 2.1.5 -lturbojpeg
}

jansson() {
  source_package jansson
  with_cmake jansson -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON -DJANSSON_EXAMPLES=OFF
  pkg_config jansson 2.14 -ljansson
}

# libraries NAME...: makes those that are not there yet.
libraries() {
  local name
  for name in "$@"; do
    [[ -e $work/$name.done ]] || $name
    touch "$work/$name.done"
  done
}
