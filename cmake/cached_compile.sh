#!/bin/sh
# cached_compile.sh CCACHE ROOT COMPILER ARGUMENT…: compiles by ccache. CMake names the sources of a
# group by their whole paths; here they are named from the root, as headers are, so that what one
# clone compiled serves another one in another folder.
set -eu
ccache="$1" root="$2"
shift 2
count=$#
while [ "$count" != 0 ]; do
  argument="$1"
  shift
  case "$argument" in
    */Unity/unity_*.cxx)
      group="${argument%/*}/from_root_${argument##*/}"
      text="$(sed "s|#include \"$root/|#include \"|" "$argument")"
      if [ "$(cat "$group" 2>/dev/null || true)" != "$text" ]; then
        printf '%s\n' "$text" >"$group.new"
        mv "$group.new" "$group"
      fi
      argument="$group"
      ;;
  esac
  set -- "$@" "$argument"
  count=$((count - 1))
done
# When g++ looks for memory to use again changes nothing of what it makes.
CCACHE_IGNOREOPTIONS="--param=ggc-min-heapsize=*"
export CCACHE_IGNOREOPTIONS
exec "$ccache" "$@"
