#!/usr/bin/env bash
# `./do attack [--time T]`: thousands of clients hold on to a server, T long for each of the cases (60s). Prints what was measured;
# the last line is `N passed, N failed`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/scripts/time_argument.sh"
seconds=$(seconds_of_arguments attack 60s "$@")
TOCSIN_ATTACK_S=$seconds exec python3 "$root/tests/attack/attack.py" "${TOCSIN_BINARY:-$root/build/release/tocsin}"
