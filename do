#!/usr/bin/env bash
# Everything one does with this repository; `./do help` lists it. Works from any directory.
set -euo pipefail

root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
caller="$PWD"
build_root="$(realpath -m "${TOCSIN_BUILD_ROOT:-$root/build}")"  # one folder per preset below it
jobs="${TOCSIN_JOBS:-$(nproc)}"
suite_limit_s=600  # of a suite; under the thread sanitizer four times that
cd "$root"
# The compiler cache then serves a clone in another folder too (cmake/cached_compile.sh), and need not
# preprocess a source that it does not know.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1 CCACHE_DEPEND="${CCACHE_DEPEND:-1}"

# verb|arguments|what it does|script it needs, if any
verbs=(
  "setup|[program, tests, bench, lint, fuzz, kafka, python, flink, package, editors, console, browser] or all [--without-browser]|install what the program needs, or the parts named (Debian 12, 13, Ubuntu 24.04)|"
  "build|[--preset P] [TARGET…]|configure and build all, or the targets named (tocsin: the program), into build/P (release, dev, asan, tsan)|"
  "demo|[--console]|build the program alone, then show an alert from start to end, or the web console|scripts/demo.sh"
  "test|[--asan, --tsan, --dev] [--quick] [--minutes N] [FILTER…]|build and run every test, or the suites and cases named (--minutes: builds for three quarters of that at most, begins no suite later, and says which are left out)|"
  "lint|[--all] [--minutes N]|formatting, scripts, unused includes; headers alone and clang-tidy of what changed since scripts/linted_commit (--all: of everything, and writes that file; --minutes: for so long at most)|"
  "format|[FILE…]|rewrite the sources as clang-format wants them|"
  "bench|[--compare A B, --flame NAME.svg, tools, journal, keys, budget, growth, busy, durable, serve, live, stages, editor, python, --instructions [--update], or rows]|build, then run the benchmarks|bench/run.sh"
  "fuzz|[TARGET…] [--time 60s]|build with clang, then run the fuzz targets (oracle alone: without clang)|tests/fuzz/run.sh"
  "crash|[--rounds N] [--seed S] [--kind run, servers] [--points]|build, then kill runs and servers under load, start them again and compare with the oracle|tests/crash/crash.sh"
  "contract|[--time 60s]|build the program, then send it random requests of its OpenAPI document, with a new seed each time|tests/contract/contract.sh"
  "attack|[--time 60s]|build the program, then let thousands of slow, idle and refused clients hold on to a server|tests/attack/attack.sh"
  "soak|[--time 30m]|build the program, then keep a server under load while people work with it, and watch what it holds|tests/soak/soak.sh"
  "shake|[--time 10m] [--rate PER_MILLE:MS] [SUITE…]|build, then run suites of the server with threads that are held up at random|tests/shake/shake.sh"
  "sim|[--seeds N] [--seed S]|build, then run whole nodes in simulated worlds where everything fails|tests/simulation/sim.sh"
  "stages|[--jobs N] [--seed S]|build, then play four times N random jobs of stages against one engine, with lists and rules that change|tests/property/stages.sh"
  "conformance|[--verbose] [FILE…]|build, then run the conformance cases|tests/conformance/run.sh"
  "flink|[--topics] [--round plain, changes] [--events N] [--kills N] [--parallelism N] [--backend rocksdb, hashmap], or --plans N|build, then run a job in a Flink cluster of processes that are killed; or N random packs in one process|runtime/flink/cluster.sh"
  "package|[--fresh SUITE]|build a Debian package of the program for this system, build/release/tocsin_VERSION_ARCH.deb, or for another release in a fresh root of it|scripts/package.sh"
  "time|[LOG]|say where the minutes of the last .ci/run went, by step and suite|"
  "help|[VERB]|list the verbs, or say more of one|"
)

. "$root/scripts/suites.sh"

say() { printf '%s\n' "$*"; }
# timed WHAT COMMAND…: runs the command and says how long it took, in the line that ./do time reads.
timed() {
  local what="$1" started status=0
  shift
  started="$(date +%s%N)"
  "$@" || status=$?
  printf '%s: took %.1f s\n' "$what" "$((($(date +%s%N) - started) / 1000000))e-3"
  return "$status"
}
die() { printf 'do: %s\n' "$*" >&2; exit 1; }

# --- setup ---------------------------------------------------------------------------------------

. "$root/scripts/packages.sh"

verb_setup() {
  local part parts=() missing as_root=() left_out=
  for part in "$@"; do
    if [ "$part" = --without-browser ]; then left_out=browser; else parts+=("$part"); fi
  done
  [ ${#parts[@]} != 0 ] || parts=(program)
  if [ "${parts[*]}" = all ]; then parts=("${setup_parts[@]}"); fi
  for part in "${!parts[@]}"; do [ "${parts[$part]}" != "$left_out" ] || unset "parts[$part]"; done
  for part in "${parts[@]}"; do
    [[ " ${setup_parts[*]} " == *" $part "* ]] || usage_error "setup has no part named: $part"
  done
  if ! packages "${parts[@]}" >/dev/null; then
    die "setup knows Debian 12, Debian 13 and Ubuntu 24.04, not $(distribution). Install by hand:" \
      "g++ 12 or newer, cmake 3.25, ninja, pkg-config, python3, and the development files of Boost" \
      "1.81, Hyperscan (or Vectorscan), tl-expected, fmt, xxHash, simdjson, RocksDB, zlib, zstd," \
      "OpenSSL 3, cpp-httplib, nlohmann-json, CLI11, toml++ and utf8proc; and the time zones" \
      "(tzdata). For the tests git, doctest, jq, curl and openssl; for the lint clang-format and clang-tidy;" \
      "for fuzzing clang"
  fi
  missing="$(missing_packages "${parts[@]}")"
  if [ -n "$missing" ]; then
    say "setup:" "${parts[@]}" "- installing" $missing
    if [ "$(id -u)" != 0 ]; then
      command -v sudo >/dev/null || die "setup needs root or sudo to install:" $missing
      as_root=(sudo)
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q)
    "${apt[@]}" update || say "setup: the lists of packages could not be read again"
    # shellcheck disable=SC2086
    "${apt[@]}" install -y --no-install-recommends $missing || true
    missing="$(missing_packages "${parts[@]}")"
    [ -z "$missing" ] || die "still missing after the installation:" $missing
  fi
  say "setup:" "${parts[@]}" "- everything is installed"
  if [[ " ${parts[*]} " == *" tests "* ]]; then fetch_promtool; fi
  if [[ " ${parts[*]} " == *" kafka "* ]]; then fetch_kafka_broker; fi
  if [[ " ${parts[*]} " == *" python "* ]]; then make_python_environment || true; fi
  if [[ " ${parts[*]} " == *" flink "* ]]; then fetch_flink || true; fi
  if [[ " ${parts[*]} " == *" console "* ]]; then fetch_console || true; fi
  if [[ " ${parts[*]} " == *" editors "* ]]; then fetch_editors || true; fi
}

# --- build ---------------------------------------------------------------------------------------

. "$root/scripts/builds.sh"

verb_build() {
  local preset=release targets=() parts=(program)
  while [ $# -gt 0 ]; do
    case "$1" in
      --preset) [ $# -ge 2 ] || usage_error "--preset needs a name"; preset="$2"; shift 2 ;;
      --preset=*) preset="${1#*=}"; shift ;;
      -*) usage_error "build does not take: $1" ;;
      *) targets+=("$1"); shift ;;
    esac
  done
  known_preset "$preset"
  [ "${targets[*]}" = tocsin ] || parts+=(tests)
  [ "$preset" != fuzz ] || parts+=(fuzz)
  ensure_setup "${parts[@]}"
  build_preset "$preset" "${targets[@]}"
}

# --- test ----------------------------------------------------------------------------------------

# Exports TOCSIN_CASES_<SUITE> from tests/budgets.txt, unless the environment says how many.
export_budgets() {
  local quick="$1" suite cases quick_cases rest name
  while read -r suite cases quick_cases rest; do
    case "$suite" in '' | '#'*) continue ;; esac
    [[ "$cases$quick_cases" =~ ^[0-9]+$ && -z "$rest" ]] || die "tests/budgets.txt: bad line: $suite"
    [ "$quick" = 0 ] || cases="$quick_cases"
    suite="${suite//-/_}"
    name="TOCSIN_CASES_${suite^^}"
    [[ "${!name:-0}" =~ ^[0-9]+$ ]] || die "$name in the environment is a number of cases, not ${!name}"
    export "$name=${!name:-$cases}"
  done <tests/budgets.txt
}

# Whether the preset of verb_test leaves a suite to the build release.
is_left_to_release() { [ "$preset" != release ] && [[ " ${release_only[*]} " == *" $1 "* ]]; }

has_sources() { compgen -G "tests/$1/*.cpp" >/dev/null; }

# start_suite NAME KIND COMMAND…: runs a suite beside others, as many at a time as there are jobs.
start_suite() {
  local part=tests
  if [ "$2" = script ]; then part="${suite_part[$1]:-program}"; fi
  if [[ "$missing_parts" == *" $part "* ]]; then
    printf '%-14s skipped: ./do setup %s installs what it needs\n' "$1" "$part"
    return
  fi
  if is_left_to_release "$1"; then
    printf '%-14s skipped: it is tried with the build release\n' "$1"
    return
  fi
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
  if [ -n "$until_s" ] && { [ "$SECONDS" -ge "$until_s" ] || ! is_built "$1"; }; then
    left_out+=("$1")
    return
  fi
  run_suite "$@" &
}

# run_suite NAME KIND COMMAND…: runs one suite, says how it went, and leaves `PASSED FAILED` in
# its file of counts. KIND is doctest or script.
run_suite() {
  local name="$1" kind="$2" log="$dir/logs/$1.log" status=0 started ended counts passed=0 failed=0 note="" running
  shift 2
  printf '0 1\n' >"$dir/logs/$name.counts"  # should this end here
  started="$(date +%s%N)"
  timeout -k 10 "$suite_limit_s" "$@" >"$log" 2>&1 </dev/null &
  running=$!
  trap 'kill "$running"; exit 1' TERM
  wait "$running" || status=$?
  ended="$(date +%s%N)"
  if [ "$kind" = doctest ]; then
    counts="$(sed -n 's/^\[doctest\] test cases: *[0-9]* *| *\([0-9]*\) passed *| *\([0-9]*\) failed.*/\1 \2/p' "$log" | tail -n 1)"
  else
    counts="$(sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)"
  fi
  if [ -n "$counts" ]; then
    passed="${counts% *}" failed="${counts#* }"
  fi
  printf '%s %s\n' "$passed" "$failed" >"$dir/logs/$name.counts"
  # A filter may leave a suite without cases; it then has nothing to say.
  if [ "$status" = 0 ] && [ "$counts" = "0 0" ] && [ "$filtered" = 1 ]; then return; fi
  # A suite that needs data from outside the repository says so.
  if [ "$status" = 0 ] && [ "$counts" = "0 0" ] && grep -q '^skipped: ' "$log"; then
    printf '%-14s %s\n' "$name" "$(grep -m 1 '^skipped: ' "$log")"
    return
  fi
  if [ "$status" = 124 ] || [ "$status" = 137 ]; then
    failed=$((failed + 1)) note=", stopped after $suite_limit_s s"
  elif [ -z "$counts" ] || [ "$counts" = "0 0" ]; then
    failed=$((failed + 1)) note=", no test counted, status $status"
  elif [ "$status" != 0 ] && [ "$failed" = 0 ]; then
    failed=1 note=", ended with status $status"
  fi
  printf '%s %s\n' "$passed" "$failed" >"$dir/logs/$name.counts"
  if [ "$failed" != 0 ]; then
    say "---- $name: the end of $log"
    tail -n 300 "$log"
    say "----"
  fi
  printf '%-14s %7.1f s  %5d passed, %d failed%s\n' "$name" \
    "$(((ended - started) / 1000000))e-3" "$passed" "$failed" "$note"
}

verb_test() {
  local preset=release quick=0 minutes="" until_s="" left_out=() filtered=0 filters=() named=() patterns=() known=" "
  local total_passed=0 total_failed=0 dir suite entry filter command arguments targets=() passed failed missing_parts=""
  local built=(all)
  while [ $# -gt 0 ]; do
    case "$1" in
      --asan | --tsan | --dev) preset="${1#--}" ;;
      --quick) quick=1 ;;
      --minutes)
        [[ "${2:-}" =~ ^[0-9]+$ ]] || usage_error "--minutes takes a number"
        minutes="$2" until_s=$((SECONDS + 60 * $2))
        shift
        ;;
      --*) usage_error "test does not take: $1" ;;
      *) filters+=("$1") filtered=1 ;;
    esac
    shift
  done
  dir="$build_root/$preset"
  for suite in "${unit_suites[@]}"; do known+="$suite "; done
  for entry in "${script_suites[@]}"; do known+="${entry%%|*} "; done
  # A filter is the name of a suite, or else a part of the names of test cases.
  for filter in "${filters[@]}"; do
    if [[ "$known" == *" $filter "* ]]; then named+=("$filter"); else patterns+=("*$filter*"); fi
  done
  selected() { [ ${#named[@]} = 0 ] || [[ " ${named[*]} " == *" $1 "* ]]; }

  # Only what is asked for is built; scripts may use anything.
  if [ "$filtered" = 1 ]; then
    for suite in "${unit_suites[@]}"; do
      if has_sources "$suite" && selected "$suite" && ! is_left_to_release "$suite"; then targets+=("${suite}_tests"); fi
    done
    for entry in "${script_suites[@]}"; do
      if [ ${#patterns[@]} = 0 ] && selected "${entry%%|*}"; then targets=(all); fi
    done
    [ ${#targets[@]} != 0 ] || targets=(all)
  fi
  ensure_setup program
  if ! (ensure_setup tests) || ! has_part tests; then
    say "test: the part tests is not installed; suites that need it are skipped"
    missing_parts+=" tests " targets=(tocsin)
  fi
  if [ ${#patterns[@]} = 0 ] && selected instructions && ! (ensure_setup bench); then missing_parts+=" bench "; fi
  if [ ${#patterns[@]} = 0 ] && [ "$preset" = release ] && { selected python || selected contract; } && ! (ensure_setup python && make_python_environment); then
    missing_parts+=" python "
  fi
  if [ ${#patterns[@]} = 0 ] && { selected neovim || selected vscode || selected tree-sitter || selected lsp-types; } && ! (ensure_setup editors); then missing_parts+=" editors "; fi
  if [ ${#patterns[@]} = 0 ] && [ "$preset" = release ] && { selected vscode || selected tree-sitter || selected lsp-types; } && has_part editors; then (fetch_editors) || true; fi
  # Before the build, which makes the web console part of the program.
  if [ ${#patterns[@]} = 0 ] && [ "$preset" = release ] && { selected console || selected console-browser; } && ! (ensure_setup console && fetch_console); then
    missing_parts+=" console "
  fi
  if [ ${#patterns[@]} = 0 ] && [ "$preset" = release ] && selected console-browser && ! (ensure_setup browser); then missing_parts+=" browser "; fi
  # Before the build, which makes the library for Java where a JDK is.
  if [ ${#patterns[@]} = 0 ] && [ "$preset" = release ] && selected flink && ! (ensure_setup flink && fetch_flink); then missing_parts+=" flink "; fi
  # Before the build, which takes librdkafka where it is.
  if [ ${#patterns[@]} = 0 ] && (selected kafka || selected kafka-sink || selected kafka-formats) && ! (ensure_setup kafka); then missing_parts+=" kafka "; fi
  local status=0
  if [ -n "$until_s" ]; then
    built=()
    build_in_time || status=$?
  else
    (build_preset "$preset" "${targets[@]}") || status=$?
  fi
  if [ "$status" != 0 ]; then
    say "the build failed"
    say "0 passed, 1 failed"
    return 1
  fi

  export_budgets "$quick"
  export TOCSIN_BUILD_DIR="$dir" TOCSIN_BINARY="$dir/tocsin" TOCSIN_QUICK="$quick"
  export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}"
  export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
  [ "$preset" != tsan ] || suite_limit_s=$((4 * suite_limit_s))
  export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1:suppressions=$root/tests/tsan.supp}"
  mkdir -p "$dir/logs"
  rm -f "$dir"/logs/*.counts
  trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
  arguments=(--no-colors=true)
  if [ ${#patterns[@]} != 0 ]; then
    arguments+=("--test-case=$(IFS=,; printf '%s' "${patterns[*]}")")
  fi
  for suite in "${unit_suites[@]}"; do
    if has_sources "$suite" && selected "$suite"; then
      start_suite "$suite" doctest "$dir/tests/${suite}_tests" "${arguments[@]}"
    fi
  done
  local first=() last=()
  for entry in "${script_suites[@]}"; do
    if [ "$preset" != release ] && [[ " ${last_of_sanitizers[*]} " == *" ${entry%%|*} "* ]]; then last+=("$entry"); else first+=("$entry"); fi
  done
  for entry in "${first[@]}" "${last[@]}"; do
    suite="${entry%%|*}" command="${entry#*|}"
    if [ ${#patterns[@]} = 0 ] && selected "$suite"; then
      start_suite "$suite" script bash -c "$command"
    fi
  done
  wait
  trap - INT TERM
  while read -r passed failed; do
    total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed))
  done < <(cat "$dir"/logs/*.counts 2>/dev/null)
  [ ${#left_out[@]} = 0 ] || say "left out, as the $minutes minutes were over:" "${left_out[@]}"
  if [ $((total_passed + total_failed)) = 0 ] && [ ${#left_out[@]} = 0 ]; then
    say "no test was run"
    total_failed=1
  fi
  say "$total_passed passed, $total_failed failed"
  [ "$total_failed" = 0 ]
}

# --- lint, format --------------------------------------------------------------------------------

. "$root/scripts/sources.sh"

# keep_linted_commit: remembers that all sources are clean as they are committed.
keep_linted_commit() {
  local git=(git -c safe.directory="$root")
  if [ -n "$("${git[@]}" status --porcelain -- . ':!scripts/linted_commit' 2>&1)" ]; then
    say "lint: scripts/linted_commit stays, as not all files are committed"
    return
  fi
  "${git[@]}" rev-parse HEAD >scripts/linted_commit
  say "lint: scripts/linted_commit is now $(cat scripts/linted_commit); commit it"
}

lint_formatting() {
  repository_files .h .cpp | xargs -r -d '\n' -n 50 clang-format --dry-run -Werror
}

lint_scripts() {
  local file failed=0
  while IFS= read -r file; do bash -n "$file" || failed=1; done < <(shell_scripts)
  # What does not parse, names that nothing defines, imports that nothing uses.
  repository_files .py | xargs -r -d '\n' pyflakes3 || failed=1
  return "$failed"
}

verb_lint() {
  local all=0 since=(--since scripts/linted_commit) minutes="" headers_minutes=() tidy_minutes=() started=$SECONDS
  while [ $# -gt 0 ]; do
    case "$1" in
      --all) all=1 since=() ;;
      --minutes)
        [[ "${2:-}" =~ ^[0-9]+$ ]] || usage_error "--minutes takes a number"
        minutes="$2"
        shift
        ;;
      *) usage_error "lint does not take: $1" ;;
    esac
    shift
  done
  ensure_setup program tests lint
  local failed=0
  timed "lint: formatting" lint_formatting || failed=1
  timed "lint: scripts" lint_scripts || failed=1
  timed "lint: includes" python3 scripts/unused_includes.py || failed=1
  # Both read the commands that this build would compile each source and header with.
  mkdir -p "$build_root/lint"
  configure_preset lint "$build_root/lint" ON
  # The headers take half of the minutes at most, clang-tidy those that are left.
  if [ -n "$minutes" ]; then headers_minutes=(--minutes "$((minutes / 2))"); fi
  timed "lint: headers" python3 scripts/headers_alone.py --build "$build_root/lint" --jobs "$jobs" "${since[@]}" "${headers_minutes[@]}" || failed=1
  if [ -n "$minutes" ]; then
    local left=$((minutes - (SECONDS - started) / 60))
    tidy_minutes=(--minutes "$((left > 0 ? left : 0))")
  fi
  timed "lint: clang-tidy" python3 scripts/clang_tidy.py --build "$build_root/lint" --cache "$build_root/lint-cache" \
    --jobs "$jobs" "${since[@]}" "${tidy_minutes[@]}" || failed=1
  if [ "$failed" != 0 ]; then
    say "lint: failed"
    return 1
  fi
  say "lint: clean"
  [ "$all" = 0 ] || keep_linted_commit
}

verb_format() {
  ensure_setup lint
  local files=() file
  if [ $# = 0 ]; then
    mapfile -t files < <(repository_files .h .cpp)
  else
    for file in "$@"; do
      file="$(cd "$caller" && realpath -m -- "$file")"
      [ -f "$file" ] || die "no such file: $file"
      files+=("$file")
    done
  fi
  [ ${#files[@]} = 0 ] || clang-format -i "${files[@]}"
}

# --- verbs that are scripts ----------------------------------------------------------------------

. "$root/scripts/script_verbs.sh"

# --- time ---------------------------------------------------------------------------------------

verb_time() {
  [ $# -le 1 ] || usage_error "time takes one log"
  local log="$build_root/ci.log"
  [ $# = 0 ] || log="$(cd "$caller" && realpath -m -- "$1")"
  [ -f "$log" ] || die "no such log: $log (.ci/run writes $build_root/ci.log)"
  python3 scripts/ci_time.py "$log"
}

# --- help ----------------------------------------------------------------------------------------

verb_help() {
  local entry verb arguments text script
  if [ $# != 0 ]; then main "$1" --help; fi
  say "usage: ./do VERB [ARGUMENT…]"
  for entry in "${verbs[@]}"; do
    IFS='|' read -r verb arguments text script <<<"$entry"
    [ -z "$script" ] || [ -f "$root/$script" ] || continue
    printf '  %-12s %s%s\n' "$verb" "$text" "${arguments:+: $arguments}"
  done
  say "./do VERB --help says more of a verb."
}

# verb_usage ENTRY: one verb's arguments, and what its script says of them at its top.
verb_usage() {
  local verb arguments text script
  IFS='|' read -r verb arguments text script <<<"$1"
  say "usage: ./do $verb${arguments:+ $arguments}"
  say "  $text"
  [ -n "$script" ] && [ -f "$root/$script" ] || return 0
  awk 'NR > 1 && !/^#/ { exit } NR > 1 { if (NR == 2) print ""; sub(/^# ?/, ""); print }' "$root/$script"
}

usage_error() {
  printf 'do: %s\n' "$*" >&2
  verb_help >&2
  exit 2
}

main() {
  local verb="${1:-help}" entry argument
  [ $# = 0 ] || shift
  case "$verb" in -h | --help) verb=help ;; esac
  for entry in "${verbs[@]}"; do
    if [ "${entry%%|*}" = "$verb" ]; then
      for argument in "$@"; do
        case "$argument" in -h | --help) verb_usage "$entry"; exit ;; esac
      done
      "verb_$verb" "$@"
      exit
    fi
  done
  usage_error "no such verb: $verb"
}

main "$@"
