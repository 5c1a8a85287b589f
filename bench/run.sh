#!/usr/bin/env bash
# `./do bench [--events N] [--runs N] [--core N] [--json FILE] [ROW…]`: rows of bench/rows.py, pinned to one core.
# `./do bench tools [--runs N]`: how long checking rules takes. See bench/README.md for what is measured.
# `./do bench --flame NAME.svg [--events N] [SET]`: where the instructions of an event go, as a picture.
# `./do bench --compare A B [--json FILE] [--events N] [--runs N] [--core N] [SET…]`: two commits or programs in turn; the
# set `packs`, alone, is samples/rules over its own stream.
# `./do bench cores [--events N] [--runs N] [--workers N,N…] [SET…]`: what further workers bring.
# `./do bench backtest [--events N] [--runs N] [--workers N] [SET…]`: backtests beside the same run.
# `./do bench keys [KEYS…]`: the memory of so many keys.
# `./do bench many [--events N] [--rules N,N…] [KIND…]`: what an event costs with many rules that concern few events.
# `./do bench budget [EVENTS]`: what an event costs of a key that stays near its budget.
# `./do bench growth [PART [all]]`: what an event costs by how many of its key are in the window.
# `./do bench busy [--seconds N] [--from SEED] [--rules N] [--events N] [--closer N] [--over MICROSECONDS]`: random rules over
# one busy key, and those that take longest.
# `./do bench --instructions [--update]`: instructions an event, compared with bench/instructions.txt.
# `./do bench durable [--events N] [--runs N] [--keys N] [--state-only] [DIR]`: runs with a data directory on the disk
# that holds DIR (default: build/bench), beside the same without; state to disk and back; a killed run.
# `./do bench journal [--seconds N] [--bytes N] [DIR]`: the journal on the disk that holds DIR (default: build/bench).
# `./do bench serve [--seconds N] [--keys N] [--endpoints N] [--events N] [--runs N] [--singles N] [--burst-seconds N] [--after-seconds N] [PART]…`: a server over loopback sockets.
# `./do bench live [--events N] [--runs N] [--partitions N,N…] [--rules SET]`: from Kafka, beside the same events from a file.
# `./do bench stages [--events N]`: a job of stages in one thread, by stage, how long rules take to change in it, and what waiting costs.
# `./do bench editor [--changes N] [RULES…]`: how long an editor waits for `tocsin lsp`, by the number of rules.
# `./do bench python [--events N] [--runs N] [SET…]`: the Python package, a table beside the lines of the same events.
# `./do bench flink [--events N] [--cep-events N] [--rounds N] [--packed N,N…] [--sources memory,kafka]`: jobs of Flink, beside flink-cep.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${TOCSIN_BUILD_DIR:-$root/build/release}
if [ "${1:-}" = --instructions ]; then
  shift
  exec python3 "$root/bench/instructions.py" "$build" "$@"
fi
if [ "${1:-}" = serve ]; then
  shift
  exec python3 "$root/bench/serve.py" "$build/tocsin" "$@"
fi
if [ "${1:-}" = live ]; then
  shift
  exec python3 "$root/bench/live.py" "$build" "$@"
fi
if [ "${1:-}" = editor ]; then
  shift
  exec python3 "$root/bench/editor.py" "$build/tocsin" "$@"
fi
if [ "${1:-}" = flink ]; then
  shift
  exec python3 "$root/bench/flink.py" "$build" "$@"
fi
if [ "${1:-}" = python ]; then
  shift
  python=$root/build/tools/python/bin/python
  if ! "$python" -c 'import tocsin' 2>/dev/null; then
    echo "bench: ./do test python makes the environment and installs the package; run it first" >&2
    exit 1
  fi
  exec "$python" "$root/bench/python.py" "$@"
fi
if [ "${1:-}" = journal ]; then
  shift
  folder=$root/build/bench
  options=()
  while [ $# -gt 0 ]; do
    case "$1" in
      --seconds | --bytes) options+=("$1" "${2:?bench: $1 takes a number}"); shift 2 ;;
      -*) echo "bench: unknown option $1; journal takes --seconds N, --bytes N and a folder" >&2; exit 2 ;;
      *) folder=$1; shift ;;
    esac
  done
  mkdir -p "$folder"
  own=$(mktemp -d "$folder/journal-XXXXXX")
  trap 'rm -rf "$own"' EXIT
  "$build/bench/bench_journal" "${options[@]}" "$own"
  exit
fi
if [ "${1:-}" = durable ]; then
  shift
  folder=$root/build/bench
  events=8000000
  runs=3
  keys=1000000
  state_only=0
  while [ $# -gt 0 ]; do
    case "$1" in
      --events) events=${2:?bench: $1 takes a number}; shift 2 ;;
      --runs) runs=${2:?bench: $1 takes a number}; shift 2 ;;
      --keys) keys=${2:?bench: $1 takes a number}; shift 2 ;;
      --state-only) state_only=1; shift ;;
      -*) echo "bench: unknown option $1; durable takes --events N, --runs N, --keys N, --state-only and a folder" >&2; exit 2 ;;
      *) folder=$1; shift ;;
    esac
  done
  mkdir -p "$folder" "$root/build/bench"
  own=$(mktemp -d "$folder/durable-XXXXXX")
  trap 'rm -rf "$own"' EXIT
  mkdir "$own/state"
  "$build/bench/bench_state" --keys "$keys" "$own/state"
  # Once more in a process that holds nothing else.
  "$build/bench/bench_state" --recover --keys "$keys" "$own/state"
  if [ "$state_only" = 1 ]; then exit; fi
  stream=$root/build/bench/million-keys-$events.ndjson
  if [ ! -s "$stream" ]; then
    echo "bench: generating $events events of 1.7 million cards and accounts into ${stream#"$root"/} (about $((events / 50000 + 1)) s)"
    python3 "$root/bench/workload/gen_payments.py" --events "$events" --seed 1 --rate 2000 \
      --cards 1000000 --accounts 700000 --out "$stream.part"
    mv "$stream.part" "$stream"
  fi
  python3 "$root/bench/workload/make_rules.py" ten >"$own/ten.tocsin"
  python3 "$root/bench/durable.py" --runs "$runs" "$build/tocsin" "$stream" "$own/ten.tocsin" "$own/run"
  exit
fi
if [ "${1:-}" = stages ]; then
  shift
  events=200000
  [ "${1:-}" != --events ] || { events=${2:?bench: --events takes a number}; shift 2; }
  mkdir -p "$root/build/bench"
  own=$(mktemp -d "$root/build/bench/stages-XXXXXX")
  trap 'rm -rf "$own"' EXIT
  python3 "$root/bench/workload/gen_payments.py" --events "$events" --seed 1 --out "$own/events.ndjson"
  python3 "$root/bench/workload/make_rules.py" ten >"$own/ten.tocsin"
  "$build/bench/bench_stages" events "$own/events.ndjson" "$own/ten.tocsin"
  "$build/bench/bench_stages" change 1000 10000 100000
  "$build/bench/bench_waiting" 1000 10000 100000
  exit
fi
if [ "${1:-}" = keys ]; then
  shift
  exec "$build/bench/bench_keys" "$@"
fi
if [ "${1:-}" = budget ] || [ "${1:-}" = growth ] || [ "${1:-}" = many ]; then
  name=$1
  shift
  exec "$build/bench/bench_$name" "$@"
fi
if [ "${1:-}" = busy ]; then
  shift
  exec "$build/tests/busy_rules" "$@"
fi
case "${1:-}" in
  cores | backtest | tools | --compare | --flame) ;;
  *) exec python3 "$root/bench/rows.py" "$build" "$@" ;;
esac
program=""
workers=()
compared=()
kept=()
flame=""
if [ "${1:-}" = cores ] || [ "${1:-}" = backtest ]; then
  program=$1
  shift
elif [ "${1:-}" = --compare ]; then
  [ $# -ge 3 ] || { echo "bench: --compare takes two commits or programs" >&2; exit 2; }
  compared=("$2" "$3")
  shift 3
elif [ "${1:-}" = --flame ]; then
  [ $# -ge 2 ] || { echo "bench: --flame takes a file to write, NAME.svg" >&2; exit 2; }
  flame=$2
  shift 2
fi
events=2000000
if [ -n "$flame" ]; then events=50000; fi
runs=5
core=$(($(nproc) - 1))
sets=()
tools=0
while [ $# -gt 0 ]; do
  case "$1" in
    --events) events=$2; shift 2 ;;
    --runs) runs=$2; shift 2 ;;
    --core) core=$2; shift 2 ;;
    --json)
      [ ${#compared[@]} != 0 ] || { echo "bench: --json goes with --compare" >&2; exit 2; }
      kept=(--json "${2:?bench: --json takes a file}")
      shift 2
      ;;
    --workers) workers=(--workers "$2"); shift 2 ;;
    tools) tools=1; shift ;;
    -*) echo "bench: unknown option $1; takes --events N, --runs N, --core N, and rule sets (none one seven ten fifty text)" >&2; exit 2 ;;
    *) sets+=("$1"); shift ;;
  esac
done
pin=()
if command -v taskset >/dev/null; then pin=(taskset -c "$core"); fi
if [ "$tools" = 1 ]; then
  [ ${#sets[@]} = 0 ] || { echo "bench: tools takes no rule set" >&2; exit 2; }
  packs=()
  for pack in "$root"/samples/*/; do
    if compgen -G "$pack*.tocsin" >/dev/null; then packs+=("${pack%/}"); fi
  done
  exec "${pin[@]}" "$build/bench/bench_tools" --runs "$runs" "$build/tocsin" "${packs[@]#"$root"/}"
fi
if [ -n "$flame" ]; then
  [ ${#sets[@]} != 0 ] || sets=(fifty)
  [ ${#sets[@]} = 1 ] || { echo "bench: --flame takes one rule set" >&2; exit 2; }
fi
[ ${#sets[@]} != 0 ] || sets=(ten fifty)
data=$root/build/bench
mkdir -p "$data"
if [[ " ${sets[*]} " == *" packs "* ]]; then
  [ ${#compared[@]} != 0 ] && [ ${#sets[@]} = 1 ] || { echo "bench: packs is a set of --compare, alone" >&2; exit 2; }
  stream=$data/packs-$events.ndjson  # as bench/rows.py makes it
  if [ ! -s "$stream" ]; then
    echo "bench: generating $events events into ${stream#"$root"/}"
    "$build/tocsin" generate --events "$events" --seed 1 --quiet | python3 "$root/bench/workload/pack_events.py" >"$stream.part"
    mv "$stream.part" "$stream"
  fi
  exec python3 "$root/bench/compare.py" "${compared[@]}" "$stream" "$root/samples/rules" --runs "$runs" --core "$core" "${kept[@]}"
fi
stream=$data/payments-$events.ndjson
if [ ! -s "$stream" ]; then
  echo "bench: generating $events events into ${stream#"$root"/} (about $((events / 100000 + 1)) s)"
  python3 "$root/bench/workload/gen_payments.py" --events "$events" --seed 1 --out "$stream.part"
  mv "$stream.part" "$stream"
fi
arguments=()
for set in "${sets[@]}"; do
  python3 "$root/bench/workload/make_rules.py" "$set" >"$data/$set.tocsin"
  arguments+=("$data/$set.tocsin")
done
if [ -n "$program" ]; then
  exec python3 "$root/bench/$program.py" "$build/tocsin" "$stream" "${arguments[@]}" --runs "$runs" "${workers[@]}"
fi
if [ -n "$flame" ]; then exec python3 "$root/bench/flame.py" "$build" "$stream" "${arguments[0]}" "$flame"; fi
exec python3 "$root/bench/compare.py" "${compared[@]}" "$stream" "${arguments[@]}" --runs "$runs" --core "$core" "${kept[@]}"
