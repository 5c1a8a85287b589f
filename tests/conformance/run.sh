#!/usr/bin/env bash
# `./do conformance [--verbose] [--print] [--only ID] [FILE…]`: runs the conformance cases of the files,
# by default all that lie here. README.md beside this script describes them. Last line: `N passed, N failed`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${TOCSIN_BUILD_DIR:-$here/../../build/release}
arguments=("$@")
files=0
while [ $# -gt 0 ]; do
  case "$1" in
    --only) shift ;;
    --*) ;;
    *) files=$((files + 1)) ;;
  esac
  [ $# = 0 ] || shift
done
[ "$files" -gt 0 ] || arguments+=("$here/flinkcep.jsonl" "$here/derived.jsonl")
exec "$build/tests/conformance" "${arguments[@]}"
