#!/usr/bin/env bash
# `./do stages [--jobs N] [--seed S]`: four times N random jobs of stages from seed S on (20000, 0), each with a plan of its own: N
# without failures, N with, and as many of both whose rules change, on two cores. A job that differs from the engine is printed with
# its seed. Last line: `N passed, N failed`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${TOCSIN_BUILD_DIR:-$root/build/release}/tests/property_tests
jobs=20000
seed=0
while [ $# -gt 0 ]; do
  case "$1" in
    --jobs) jobs=${2:?stages: $1 takes a number}; shift 2 ;;
    --seed) seed=${2:?stages: $1 takes a number}; shift 2 ;;
    *) echo "stages: unknown option $1; stages takes --jobs N and --seed S" >&2; exit 2 ;;
  esac
done
own=$(mktemp -d)
trap 'rm -rf "$own"' EXIT

# play KIND SUITE NAME: a test case ends at the first job that differs: it goes on behind that one.
play() {
  local at=$((seed + $1 * jobs)) end=$((seed + ($1 + 1) * jobs)) suite=$2 name=$3 failed
  while [ "$at" -lt "$end" ]; do
    if env "TOCSIN_CASES_$suite=$((end - at))" TOCSIN_SEED_FROM="$at" "$program" --test-case="$name" >"$own/$name.log" 2>&1; then
      return 0
    fi
    failed=$(sed -n 's/.*replay alone with TOCSIN_SEED=\([0-9]*\).*/\1/p' "$own/$name.log" | tail -n 1)
    cat "$own/$name.log"
    [ -n "$failed" ] || { echo x >>"$own/failed"; return 0; }
    echo "$failed" >>"$own/failed"
    at=$((failed + 1))
  done
}
: >"$own/failed"
(
  play 0 STAGES 'stages: a job gives the alerts of the engine'
  play 3 STAGE_CHANGES 'stages: rules change as those of one engine do'
) &
play 1 STAGES 'stages: a job that goes on from cuts*'
play 2 STAGE_CHANGES 'stages: rules change in a job that goes on*'
wait
failed=$(wc -l <"$own/failed")
echo "$((4 * jobs - failed)) passed, $failed failed"
[ "$failed" = 0 ]
