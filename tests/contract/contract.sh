#!/usr/bin/env bash
# `./do contract [--time T]`: Schemathesis sends a server random requests of its OpenAPI document, T long (60s).
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
. "$root/scripts/time_argument.sh"
seconds=$(seconds_of_arguments contract 60s "$@")
exec python3 "$root/tests/contract/contract.py" "${TOCSIN_BINARY:-$root/build/release/tocsin}" Schemathesis --time "$seconds"
