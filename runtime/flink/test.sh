#!/usr/bin/env bash
# The suite `flink`: builds the jar with the library of TOCSIN_BUILD_DIR, and runs its tests, with clusters inside
# one process, and a Kafka broker where one can be had. Maven uses what `./do setup flink` fetched. The last line is
# `N passed, N failed`. With the name of a class, `test.sh CLASS`, it runs that one alone, and without a broker if it is none of
# Kafka.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

skip() { printf 'skipped: %s\n0 passed, 0 failed\n' "$1"; exit 0; }
fail() { printf '%s\n0 passed, 1 failed\n' "$1"; exit 1; }

build="$TOCSIN_BUILD_DIR"
repository="$(dirname "$build")/tools/maven"
cmp -s pom.xml "$repository/pom.xml" || skip "./do setup flink fetches what it needs"
compgen -G "$build/flink/native/*/libtocsin_flink.so" >/dev/null || skip "the build found no JDK: ./do setup flink"

# A broker on a free port, in a folder of its own. Without one the tests of topics are passed over.
broker() {
  local script=../../scripts/kafka_broker.sh port left
  if ! timeout 100 bash "$script" fetch </dev/null; then
    printf 'no broker can be had, and topics are not tested: ./do setup kafka\n'
    return
  fi
  folder="$(mktemp -d)"
  port="$(python3 -c 'import random, socket
while True:
    port = random.randrange(15_000, 32_000)
    with socket.socket() as one, socket.socket() as other:
        try:
            one.bind(("127.0.0.1", port)), other.bind(("127.0.0.1", port + 1))
        except OSError:
            continue
    print(port)
    break')"
  setpriv --pdeathsig KILL bash "$script" run "$folder" "$port" >"$folder/log" 2>&1 &
  broker=$!
  disown
  trap 'kill -9 "$broker" 2>/dev/null; rm -rf "$folder"' EXIT
  for ((left = 600; left > 0; --left)); do
    if (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      export TOCSIN_KAFKA_BROKERS="127.0.0.1:$port"
      return
    fi
    kill -0 "$broker" 2>/dev/null || break
    sleep 0.1
  done
  tail -5 "$folder/log"
  fail "the broker did not start"
}
only=()
if [[ "${1:-Kafka}" = Kafka* ]]; then broker; fi
if [ $# != 0 ]; then only=("-Dtest=$1"); fi

reports="$build/flink/target/surefire-reports"
rm -rf "$reports"
failed=0
mvn -o -q -B -ntp -Dstyle.color=never -Dmaven.repo.local="$repository" -Dtocsin.build="$build" "${only[@]}" package </dev/null 2>&1 |
  sed 's/\x1b\[[0-9;]*m//g' || failed=1
counts="$(python3 - "$reports" <<'END'
import pathlib
import sys
import xml.etree.ElementTree as tree
passed = bad = 0
for path in pathlib.Path(sys.argv[1]).glob("TEST-*.xml"):
    suite = tree.parse(path).getroot()
    wrong = int(suite.get("failures")) + int(suite.get("errors"))
    passed += int(suite.get("tests")) - wrong - int(suite.get("skipped"))
    bad += wrong
print(passed, bad)
END
)" || fail "there is no report of the tests"
passed="${counts% *}" bad="${counts#* }"
if [ "$failed" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
printf '%d passed, %d failed\n' "$passed" "$bad"
[ "$bad" = 0 ]
