#!/usr/bin/env bash
# The demo behind `./do demo`: a generated payment stream, the sample rules, alerts by signed webhook to a receiver.
# With --console a server with such a stream, to look at in a browser (`tocsin serve --demo`). Takes the tocsin binary, or TOCSIN_BINARY. Needs no terminal, chooses a free port, leaves no process and no file behind.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ "${1:-}" = --console ]; then
  shift
  exec "${TOCSIN_BINARY:?names the tocsin binary}" serve "$root/samples/payments" --demo "$@"
fi
tocsin=${1:-${TOCSIN_BINARY:?names the tocsin binary}}
events=${TOCSIN_DEMO_EVENTS:-300000}
work=$(mktemp -d)
receiver=
finish() {
  status=$?
  if [ -n "$receiver" ] && kill "$receiver" 2>/dev/null; then wait "$receiver" 2>/dev/null || true; fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '\n== %s\n' "$*"; }

say "1. Check the sample rules, and run the tests inside them"
"$tocsin" check "$root/samples/payments"
"$tocsin" test "$root/samples/payments" </dev/null | tail -n 1

say "2. Generate $events payments, logins and transfers, with planted fraud, up to 0.8 s out of order"
"$tocsin" generate --events "$events" --seed 7 --disorder 800ms --out "$work/events.ndjson" --truth "$work/truth.ndjson" </dev/null
ls -lh "$work/events.ndjson" | awk '{print $5 " of NDJSON, one event a line; the first:"}'
head -n 1 "$work/events.ndjson"

say "3. Start a webhook receiver that verifies signatures"
printf 'whsec_%s\n' "$(head -c 32 /dev/urandom | base64 | tr -d '\n')" >"$work/secret"
chmod 600 "$work/secret"
"$tocsin" receive --listen 127.0.0.1:0 --port-file "$work/port" --secret-file "$work/secret" --for 10m \
  </dev/null >"$work/received" 2>"$work/receiver.log" &
receiver=$!
for _ in $(seq 100); do
  [ -s "$work/port" ] && break
  kill -0 "$receiver" 2>/dev/null || { cat "$work/receiver.log" >&2; exit 1; }
  sleep 0.1
done
port=$(cat "$work/port")
echo "listening on http://127.0.0.1:$port"

say "4. Run the rules over the stream, in event time"
"$tocsin" run "$root/samples/payments" --input "$work/events.ndjson" --alerts "$work/alerts.ndjson" \
  --webhook "http://127.0.0.1:$port/alerts" --secret-file "$work/secret" --undelivered "$work/undelivered.ndjson" </dev/null

say "5. What the receiver got"
kill "$receiver" && { wait "$receiver" 2>/dev/null || true; }
receiver=
awk '!/^listening/ && shown++ < 3 { print substr($0, 1, 160) }' "$work/received"
printf '… %s alerts in all, of %s written\n' "$(awk '!/^listening/ { n++ } END { print n + 0 }' "$work/received")" "$(wc -l <"$work/alerts.ndjson")"

say "6. One alert, whole, with the events that matched, and how much of the planted fraud was found"
python3 "$root/scripts/show_alert.py" "$work/alerts.ndjson" "$work/truth.ndjson"

say "What to try next"
cat <<TXT
  ${tocsin#"$PWD"/} serve samples/payments --demo                the web console, with alerts, deliveries and a rule in shadow
  ${tocsin#"$PWD"/} run samples/payments --input YOUR.ndjson     your own events; edit samples/payments/schema.tocsin to fit
  ${tocsin#"$PWD"/} test samples                                 the tests that stand inside the rule files
  ${tocsin#"$PWD"/} --help                                       all commands
  docs/language.md                                              the rule language, each construct with an example
TXT
