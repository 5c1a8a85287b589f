#!/usr/bin/env bash
# `./do contract [--time T]`: Schemathesis sends a server random requests of its OpenAPI document, T long (60s).
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

time=60s
while [ $# -gt 0 ]; do
  case "$1" in
    --time) time=${2:?contract: --time takes a time such as 60s or 10m}; shift 2 ;;
    *) echo "contract: unknown option $1; contract takes --time T" >&2; exit 2 ;;
  esac
done
case "$time" in
  *[!0-9smh]* | '' | [smh]*) echo "contract: --time takes a time such as 60s or 10m, not $time" >&2; exit 2 ;;
  *s) seconds=${time%s} ;;
  *m) seconds=$((${time%m} * 60)) ;;
  *h) seconds=$((${time%h} * 3600)) ;;
  *) seconds=$time ;;
esac
exec python3 "$root/tests/contract/contract.py" "${TOCSIN_BINARY:-$root/build/release/tocsin}" Schemathesis --time "$seconds"
