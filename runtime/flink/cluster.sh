#!/usr/bin/env bash
# `./do flink`: see cluster.py. `./do flink --plans N` plays N random packs through a cluster in one process.
set -euo pipefail
case "${1:-}" in
  --plans | --plans=*)
    cases="${1#--plans}"
    cases="${cases#=}"
    [ -n "$cases" ] || cases="${2:-}"
    [[ "$cases" =~ ^[1-9][0-9]*$ ]] || { printf 'do: flink --plans takes a number above 0\n' >&2; exit 2; }
    TOCSIN_CASES_FLINK_PLANS="$cases" exec bash "$TOCSIN_ROOT/runtime/flink/test.sh" RandomPlansTest
    ;;
esac
exec python3 "$TOCSIN_ROOT/runtime/flink/cluster.py" "$@"
