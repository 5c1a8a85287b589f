#!/usr/bin/env bash
# `./do attack [--time T]`: thousands of clients hold on to a server, T long for each of the cases (60s). Prints what was measured;
# the last line is `N passed, N failed`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/scripts/time_argument.sh"
time=60s
while [ $# -gt 0 ]; do
  case "$1" in
    --time) time=${2:?attack: --time takes a time such as 60s or 10m}; shift 2 ;;
    *) echo "attack: unknown option $1; attack takes --time T" >&2; exit 2 ;;
  esac
done
seconds=$(seconds_of attack "$time")
TOCSIN_ATTACK_S=$seconds exec python3 "$root/tests/attack/attack.py" "${TOCSIN_BINARY:-$root/build/release/tocsin}"
