#!/usr/bin/env bash
# `./do crash [--rounds N] [--seed S] [--kind KIND] [--points [N]] [--point NAME] [--keep]`: tests/crash/crash.py on the
# release build. KIND: run, servers, all, or one of their kinds of rounds. Last line: `N passed, N failed`, by round.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
exec python3 "$root/tests/crash/crash.py" "${TOCSIN_BINARY:-$root/build/release/tocsin}" "$@"
