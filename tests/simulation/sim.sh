#!/usr/bin/env bash
# `./do sim [--seeds N] [--seed S] [--verbose]`: tests/simulation/main.cpp on the release build. Last line:
# `N passed, N failed`, by seed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
exec "${TOCSIN_BUILD_DIR:-$root/build/release}/tests/simulation" "$@"
