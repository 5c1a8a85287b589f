#!/usr/bin/env bash
# `./do fuzz [TARGET…] [--time 60s]`: libFuzzer on each target (default: all, 20 s each). What crashed is kept in
# crashes/ of the build folder. With --replay, as the tests do it: the seeds and some thousand seeded mutations of them, by a
# driver that needs no clang. The target `oracle` is no fuzzer: the engine against the oracle on random plans, with seeds that
# no run before had, by the property tests of build/release, until the time is over. Last line: `N passed, N failed`, by target.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tests/fuzz
build=${TOCSIN_BUILD_DIR:-$root/build/fuzz}
seconds=20
replay=0
targets=()

usage() {
  echo "fuzz: $1; takes targets ($(known_targets)), --time 90s (or m, h; each target), --replay" >&2
  exit 2
}
known_targets() {
  local file names=()
  for file in "$here"/*_fuzz.cpp; do names+=("$(basename "$file" _fuzz.cpp)"); done
  echo "${names[*]} oracle"
}
. "$root/scripts/time_argument.sh"

while [ $# -gt 0 ]; do
  case "$1" in
    --time) [ $# -ge 2 ] || usage "--time needs a time"; seconds=$(seconds_of fuzz "$2"); shift 2 ;;
    --time=*) seconds=$(seconds_of fuzz "${1#*=}"); shift ;;
    --replay) replay=1; shift ;;
    -*) usage "unknown option $1" ;;
    *)
      [[ " $(known_targets) " == *" $1 "* ]] || usage "no such target: $1"
      targets+=("$1")
      shift
      ;;
  esac
done
[ "$seconds" -gt 0 ] || usage "not a time: 0"
[ ${#targets[@]} -gt 0 ] || read -r -a targets <<<"$(known_targets)"

crashes=$build/crashes
mkdir -p "$crashes"
passed=0
failed=0

# The dictionary of a target, in the build folder; empty where it has none. That of the rule language gets the aggregates.
dictionary_of() {
  local from=$here/$1.dict to=$build/logs/$1.dict
  [ -f "$from" ] || return 0
  cp "$from" "$to"
  if [ "$from" -ef "$here/rules.dict" ]; then
    sed -n 's/^TOCSIN_AGGREGATE(k[A-Za-z]*, "\([a-z_]*\)",.*/"\1("/p' "$root/cep/plan/aggregates.def" >>"$to"
  fi
  echo "$to"
}

# Sets `executions` and `crash` (empty: none).
fuzz_target() {
  local name=$1 corpus=$build/corpus/$1 log=$build/logs/fuzz-$1.log status=0 words dictionary=()
  mkdir -p "$corpus" "$build/logs"
  words=$(dictionary_of "$name")
  [ -z "$words" ] || dictionary=(-dict="$words")
  # -entropic=0: the bookkeeping of its schedule costs more than these targets.
  "$build/fuzz/${name}_fuzz" "$corpus" "$here/corpus/$name" "${dictionary[@]}" \
    -entropic=0 -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3072 -max_len=16384 -print_final_stats=1 -verbosity=1 \
    -artifact_prefix="$crashes/$name-" >"$log" 2>&1 </dev/null || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
  crash=
  [ "$status" = 0 ] && return
  crash=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  # What the target said before the stack, else the end of the log.
  grep -m 3 -E '^fuzz: |^tocsin: |ERROR: |runtime error: ' "$log" || tail -n 20 "$log"
  crash=${crash:-"no input kept; see $log"}
}

replay_target() {
  local name=$1 log=$build/logs/fuzz-$1.log status=0 words dictionary=() mutations=${TOCSIN_CASES_FUZZ:-5000}
  mkdir -p "$build/logs"
  words=$(dictionary_of "$name")
  [ -z "$words" ] || dictionary=(--dictionary "$words")
  "$build/tests/${name}_replay" --mutations "$mutations" --keep "$crashes/$name-replay" "${dictionary[@]}" \
    "$here/corpus/$name" >"$log" 2>&1 </dev/null || status=$?
  executions=$(sed -n 's/^\([0-9]*\) executions.*/\1/p' "$log" | tail -n 1)
  crash=
  [ "$status" = 0 ] && return
  tail -n 20 "$log"
  crash=$crashes/$name-replay
}

# Rounds of the property tests until the time is over; `oracle-seed` in the build folder remembers where the next run begins.
# A difference is kept in crashes/, and the round goes on behind its seed; after 50 of them it is enough.
oracle_target() {
  local tests seen=$build/oracle-seed log=$build/logs/fuzz-oracle.log round=500 from first end status seed differences=0 kept
  tests=$(dirname "$build")/release/tests/property_tests
  if [ ! -x "$tests" ]; then
    crash="there is no $tests; ./do build property_tests makes it"
    executions=0
    return
  fi
  mkdir -p "$build/logs"
  from=$(cat "$seen" 2>/dev/null || echo 100000)
  first=$from
  end=$((SECONDS + seconds))
  crash=
  while [ "$SECONDS" -lt "$end" ] && [ "$differences" -lt 50 ]; do
    status=0
    TOCSIN_SEED_FROM=$from TOCSIN_CASES_PROPERTY=$round "$tests" \
      --test-case='engine: gives the oracle*,metamorphic:*,rules: *random plan*,run: *' >"$log" 2>&1 </dev/null || status=$?
    from=$((from + round))
    if [ "$status" != 0 ]; then
      differences=$((differences + 1))
      # A test ends at its first difference: what follows the least of them is tried in the next round.
      seed=$(sed -n 's/.*TOCSIN_SEED=\([0-9]*\).*/\1/p' "$log" | sort -n | head -n 1)
      [ -z "$seed" ] || from=$((seed + 1))
      kept=$crashes/oracle-${seed:-$from}.log
      cp "$log" "$kept"
      echo "oracle: a difference, TOCSIN_SEED=${seed:-?}, in $kept"
      crash="$differences differences, see $crashes/oracle-*.log"
    fi
    echo "$from" >"$seen"
  done
  executions=$((from - first))
}

for name in "${targets[@]}"; do
  if [ "$name" = oracle ]; then
    [ "$replay" = 0 ] || continue  # the property suite does it
    oracle_target
  elif [ "$replay" = 1 ]; then replay_target "$name"; else fuzz_target "$name"; fi
  if [ -z "$crash" ]; then
    printf '%-10s %10s executions, no crash\n' "$name" "${executions:-?}"
    passed=$((passed + 1))
  else
    printf '%-10s %10s executions, FAILED: %s\n' "$name" "${executions:-?}" "$crash"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
