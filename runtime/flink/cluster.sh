#!/usr/bin/env bash
# `./do flink`: see cluster.py.
set -euo pipefail
exec python3 "$TOCSIN_ROOT/runtime/flink/cluster.py" "$@"
