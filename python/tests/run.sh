#!/usr/bin/env bash
# The suite `python`: installs the package with the library of TOCSIN_BUILD_DIR into the environment that `./do setup python`
# makes, checks its types, and runs its tests. The last line is `N passed, N failed`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

skip() { printf 'skipped: %s\n0 passed, 0 failed\n' "$1"; exit 0; }
fail() { printf '%s\n0 passed, 1 failed\n' "$1"; exit 1; }

build="$TOCSIN_BUILD_DIR"
environment="$(dirname "$build")/tools/python"
[ -x "$environment/bin/python" ] || skip "./do setup python makes the environment that it needs"

library="$build/python/library"
cmake --install "$build" --component library --prefix "$library" >/dev/null || fail "the library cannot be installed"
config="$(dirname "$(find "$library" -name tocsinConfig.cmake)")"
"$environment/bin/python" -m pip install -q --disable-pip-version-check --no-index --no-deps --no-build-isolation --force-reinstall . \
  -C build-dir="$build/python/{wheel_tag}" -C cmake.define.tocsin_DIR="$config" || fail "the package cannot be installed"

failed=0
"$environment/bin/python" -m mypy --cache-dir "$build/python/mypy" || failed=1
report="$build/python/tests.xml"
"$environment/bin/python" -m pytest -q --junit-xml "$report" python/tests || failed=1
counts="$("$environment/bin/python" - "$report" <<'END'
import sys
import xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
bad = int(suite.get("failures")) + int(suite.get("errors"))
print(int(suite.get("tests")) - bad - int(suite.get("skipped")), bad)
END
)" || fail "there is no report of the tests"
passed="${counts% *}" bad="${counts#* }"
if [ "$failed" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
printf '%d passed, %d failed\n' "$passed" "$bad"
[ "$bad" = 0 ]
