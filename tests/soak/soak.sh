#!/usr/bin/env bash
# `./do soak [--time T]`: a server under a steady load for T (30m), while people work with it. Prints what it holds every half a
# minute; the last line is `N passed, N failed`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/scripts/time_argument.sh"
time=30m
while [ $# -gt 0 ]; do
  case "$1" in
    --time) time=${2:?soak: --time takes a time such as 60s or 10m}; shift 2 ;;
    *) echo "soak: unknown option $1; soak takes --time T" >&2; exit 2 ;;
  esac
done
seconds=$(seconds_of soak "$time")
TOCSIN_SOAK_S=$seconds exec python3 "$root/tests/soak/soak.py" "${TOCSIN_BINARY:-$root/build/release/tocsin}"
