#!/usr/bin/env bash
# run.sh units | browser [PART OF A NAME] | compare, with TOCSIN_BINARY set: the tests of the web console. Without node, its packages or a browser they are
# skipped, and say so. The last line is `N passed, N failed`. run.sh pictures FOLDER makes the pictures of docs/console.md.
set -euo pipefail
wanted="${2:-}"
case "$1" in pictures | compare) [ -z "$wanted" ] || wanted="$(realpath -m "$wanted")" ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
skip() {
  printf 'skipped: %s\n0 passed, 0 failed\n' "$1"
  exit 0
}
node="$(command -v node || command -v nodejs || true)"
[ -n "$node" ] || skip "node is not installed; ./do setup console installs it"
[ -f node_modules/lock.json ] && cmp -s node_modules/lock.json package-lock.json ||
  skip "the console's packages of npm are not there; ./do setup console fetches them"
case "$1" in
  units) exec "$node" tests/units.mjs ;;
  browser | pictures | compare)
    chromium="$(command -v chromium || true)"
    [ -n "$chromium" ] || skip "there is no chromium; ./do setup browser installs it where it is a package"
    "$TOCSIN_BINARY" --version | grep -q 'console  *built in' || skip "this program was built without the console"
    export TOCSIN_CHROMIUM="$chromium"
    exec "$node" "tests/$1.mjs" "$wanted"
    ;;
  *) printf 'run.sh: units, browser, pictures or compare, not %s\n' "$1" >&2; exit 2 ;;
esac
