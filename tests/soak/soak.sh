#!/usr/bin/env bash
# `./do soak [--time T]`: a server under a steady load for T (30m), while people work with it. Prints what it holds every half a
# minute; the last line is `N passed, N failed`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/scripts/time_argument.sh"
seconds=$(seconds_of_arguments soak 30m "$@")
TOCSIN_SOAK_S=$seconds exec python3 "$root/tests/soak/soak.py" "${TOCSIN_BINARY:-$root/build/release/tocsin}"
