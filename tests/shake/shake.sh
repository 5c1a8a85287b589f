#!/usr/bin/env bash
# `./do shake [--time T] [--rate PER_MILLE:MS] [SUITE…]`: suites of the server and of followed files, one after the other until
# T (10m) is over and each once at least, with a program whose threads are held up at random (tests/shake/jitter.cpp). A race of
# the program, or of a test with it, shows itself. Prints each suite as it ends; the last line is `N passed, N failed`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binary="$(realpath -- "${TOCSIN_BINARY:-$root/build/release/tocsin}")"
limit_s=600  # of a suite
. "$root/scripts/time_argument.sh"
time=10m rate=3:30 suites=()
while [ $# -gt 0 ]; do
  case "$1" in
    --time) time=${2:?shake: --time takes a time such as 60s or 10m}; shift 2 ;;
    --rate) rate=${2:?shake: --rate takes a rate such as 3:30}; shift 2 ;;
    -*) echo "shake: unknown option $1; shake takes --time T, --rate PER_MILLE:MS and names of suites" >&2; exit 2 ;;
    *) suites+=("$1"); shift ;;
  esac
done
seconds=$(seconds_of shake "$time")
case "$rate" in
  *[!0-9:]* | :* | *: | *:*:*) echo "shake: --rate takes a rate such as 3:30, not $rate" >&2; exit 2 ;;
  *:*) ;;
  *) echo "shake: --rate takes a rate such as 3:30, not $rate" >&2; exit 2 ;;
esac

. "$root/scripts/suites.sh"
declare -A command_of
for suite in "${script_suites[@]}"; do command_of[${suite%%|*}]="${suite#*|}"; done
if [ ${#suites[@]} = 0 ]; then
  for suite in "${script_suites[@]}"; do
    case "${suite%%|*}" in
      serve-crash | serve-backups-s3) ;;  # they have their own campaigns, or need more than the program
      serve* | durable* | file-series | webhooks | deploy | operations | same-alerts) suites+=("${suite%%|*}") ;;
    esac
  done
fi
for suite in "${suites[@]}"; do
  [ -n "${command_of[$suite]:-}" ] || { echo "shake: no suite $suite; scripts/suites.sh has their names" >&2; exit 2; }
done

# Without it the suites would run undisturbed; a sanitizer must be the first library.
case "$binary" in
  */asan/* | */tsan/*) printf 'skipped: it is tried with the build release\n0 passed, 0 failed\n'; exit 0 ;;
esac
[ -f "$(dirname "$binary")/tests/libjitter.so" ] || { echo "shake: there is no tests/libjitter.so beside $binary; ./do build makes it" >&2; exit 3; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$(dirname "$binary")/tests" "$work/tests"
cat >"$work/tocsin" <<END
#!/bin/sh
LD_PRELOAD="$(dirname "$binary")/tests/libjitter.so\${LD_PRELOAD:+:\$LD_PRELOAD}" exec "$binary" "\$@"
END
chmod +x "$work/tocsin"

export TOCSIN_BINARY="$work/tocsin" TOCSIN_BUILD_DIR TOCSIN_QUICK=1 TOCSIN_JITTER="$rate"
TOCSIN_BUILD_DIR="$(dirname "$binary")"
passed=0 failed=0 rounds=0
cd "$root"
while [ "$rounds" = 0 ] || [ $SECONDS -lt "$seconds" ]; do
  for suite in "${suites[@]}"; do
    [ "$rounds" = 0 ] || [ $SECONDS -lt "$seconds" ] || break
    began=$SECONDS status=0
    timeout "$limit_s" bash -c "${command_of[$suite]}" >"$work/output" 2>&1 </dev/null || status=$?
    counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work/output" | tail -n 1)
    [ -n "$counts" ] || counts="0 1"
    if [ "$status" != 0 ] && [ "${counts#* }" = 0 ]; then counts="${counts% *} 1"; fi
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
    [ "${counts#* }" = 0 ] || cat "$work/output"
    printf '%-20s %4d s  %4d passed, %d failed\n' "$suite" $((SECONDS - began)) "${counts% *}" "${counts#* }"
  done
  rounds=$((rounds + 1))
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
