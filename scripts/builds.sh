# shellcheck shell=bash disable=SC2154
# How a preset is configured and built, and what `./do test` builds in its minutes; sourced by ./do.

# Tests and benchmarks are part of the build where their library is installed. In a folder that was
# configured without them, they come with the first build that finds it.
with_tests() {
  if "${CXX:-c++}" -E -x c++ -o /dev/null - <<<'#include <doctest/doctest.h>' 2>/dev/null; then say ON; else say OFF; fi
}

# build_preset PRESET [TARGET…]: configures and builds; without targets builds all. The target
# `tocsin` needs no tests in the build, any other does. With build_limit_s set, a build that takes
# longer is stopped, which gives status 124; the next one goes on where it was.
build_preset() {
  local preset="$1" dir="$build_root/$1" tests=ON
  shift
  if [ "$*" = tocsin ]; then tests="$(with_tests)"; fi
  mkdir -p "$dir"
  (
    flock 9  # two builds in one folder would spoil each other
    configure_preset "$preset" "$dir" "$tests" 9>&-
    timed "build $preset${1:+ $*}" ${build_limit_s:+timeout -k 30 "$build_limit_s"} \
      cmake --build "$dir" -j "$jobs" ${1:+--target "$@"} 9>&-
  ) 9>"$dir/.lock"
}

# configure_preset PRESET FOLDER TESTS: TESTS is ON or OFF. TOCSIN_UNITY=N in the environment makes
# groups of N sources, except for the lint, which reads each source alone.
configure_preset() {
  local preset="$1" dir="$2" tests="$3" home more=()
  if [ -n "${TOCSIN_UNITY:-}" ] && [ "$preset" != lint ]; then more=("-DTOCSIN_UNITY=$TOCSIN_UNITY"); fi
  if [ -f "$dir/CMakeCache.txt" ]; then
    home="$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$dir/CMakeCache.txt")"
    # A repository that was moved or copied together with its build folder.
    [ "$home" = "$root" ] || rm -rf "$dir/CMakeCache.txt" "$dir/CMakeFiles"
  fi
  if ! cmake --preset "$preset" -B "$dir" -DTOCSIN_TESTS="$tests" "${more[@]}" >"$dir/configure.log" 2>&1; then
    cat "$dir/configure.log" >&2
    die "configuring failed; if something is missing, ./do setup all installs it"
  fi
}

known_preset() {
  case "$1" in release | dev | asan | tsan | fuzz) ;; *) die "no preset named: $1" ;; esac
}

# build_in_time: builds the targets of verb_test, or all, while more than a quarter of its minutes is
# left. Of all, some suites come first: `built` then names them if there was no time for more.
build_in_time() {
  local stages=("${targets[*]}") stage status left
  if [ ${#targets[@]} = 0 ]; then stages=("${built_first[*]/%/_tests}" ""); fi
  for stage in "${stages[@]}"; do
    status=124 left=$((until_s - 15 * minutes - SECONDS))
    if [ "$left" -gt 0 ]; then
      status=0
      # shellcheck disable=SC2086
      (build_limit_s="$left" && build_preset "$preset" $stage) || status=$?
    fi
    if [ "$status" = 124 ]; then
      say "the build had no time left; it goes on when it is asked for again"
      return 0
    fi
    [ "$status" = 0 ] || return "$status"
    if [ -n "$stage" ] && [ ${#targets[@]} = 0 ]; then built=("${built_first[@]}"); else built=(all); fi
  done
}

# Whether verb_test built what a suite needs.
is_built() { [ "${built[*]}" = all ] || [[ " ${built[*]} " == *" $1 "* ]]; }
