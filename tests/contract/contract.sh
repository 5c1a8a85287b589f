#!/usr/bin/env bash
# `./do contract [--time T]`: Schemathesis sends a server random requests of its OpenAPI document, T long (60s).
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

. "$root/scripts/time_argument.sh"
time=60s
while [ $# -gt 0 ]; do
  case "$1" in
    --time) time=${2:?contract: --time takes a time such as 60s or 10m}; shift 2 ;;
    *) echo "contract: unknown option $1; contract takes --time T" >&2; exit 2 ;;
  esac
done
seconds=$(seconds_of contract "$time")
exec python3 "$root/tests/contract/contract.py" "${TOCSIN_BINARY:-$root/build/release/tocsin}" Schemathesis --time "$seconds"
