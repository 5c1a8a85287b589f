#!/usr/bin/env bash
# The suite `flink`: builds the jar with the library of TOCSIN_BUILD_DIR, and runs its tests, with clusters inside
# one process. Maven uses what `./do setup flink` fetched. The last line is `N passed, N failed`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

skip() { printf 'skipped: %s\n0 passed, 0 failed\n' "$1"; exit 0; }
fail() { printf '%s\n0 passed, 1 failed\n' "$1"; exit 1; }

build="$TOCSIN_BUILD_DIR"
repository="$(dirname "$build")/tools/maven"
case "$(basename "$build")" in release) ;; *) skip "the operators of Flink are tested with the build release" ;; esac
cmp -s pom.xml "$repository/pom.xml" || skip "./do setup flink fetches what it needs"
compgen -G "$build/flink/native/*/libtocsin_flink.so" >/dev/null || skip "the build found no JDK: ./do setup flink"

reports="$build/flink/target/surefire-reports"
rm -rf "$reports"
failed=0
mvn -o -q -B -ntp -Dstyle.color=never -Dmaven.repo.local="$repository" -Dtocsin.build="$build" package </dev/null 2>&1 |
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
