#!/usr/bin/env bash
# Makes a Debian package of the program that was built: ./do package builds it first, and says where the package is. One program
# gives one set of bytes: the times in the package are those of the newest commit, or SOURCE_DATE_EPOCH.
set -euo pipefail

cd "$TOCSIN_ROOT"
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CMakeLists.txt)}"
export SOURCE_DATE_EPOCH
# A folder of its own, so that two do not get in each other's way.
folder="${TOCSIN_PACKAGE_DIR:-$TOCSIN_BUILD_DIR}"
mkdir -p "$folder"
cmake --build "$TOCSIN_BUILD_DIR" --target package_papers >"$folder/package.log" 2>&1 || { cat "$folder/package.log" >&2; exit 1; }
rm -f "$folder"/tocsin_*.deb
(umask 022 && cpack --config "$TOCSIN_BUILD_DIR/CPackConfig.cmake" -B "$folder" >>"$folder/package.log" 2>&1) \
  || { cat "$folder/package.log" >&2; exit 1; }
rm -rf "$folder/_CPack_Packages"
[ -f "$(echo "$folder"/tocsin_*.deb)" ] || { cat "$folder/package.log" >&2; exit 1; }
for package in "$folder"/tocsin_*.deb; do printf '%s\n' "$package"; done
