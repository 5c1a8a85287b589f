#!/usr/bin/env bash
# The suite `lsp-types`, with TOCSIN_BINARY and TOCSIN_BUILD_DIR set. The last line is `N passed, N failed`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
skip() { printf 'skipped: %s\n0 passed, 0 failed\n' "$1"; exit 0; }

python="$(dirname "$TOCSIN_BUILD_DIR")/tools/lsp/bin/python"
[ -x "$python" ] || skip "./do setup editors makes the environment with pytest-lsp that it needs"
said="$(TOCSIN_TEXT_CACHE=off PYTHONDONTWRITEBYTECODE=1 timeout 200 "$python" -m pytest -q -p no:cacheprovider -c tests/lsp/pytest.ini tests/lsp 2>&1)"
status=$?
passed="$(sed -n 's/^\([0-9]*\) passed.*/\1/p; s/.* \([0-9]*\) passed.*/\1/p' <<<"$said" | tail -n 1)"
failed="$(sed -n 's/^\([0-9]*\) failed.*/\1/p' <<<"$said" | tail -n 1)"
if [ "$status" != 0 ]; then
  printf '%s\n' "$said"
  [ "${failed:-0}" != 0 ] || failed=1
fi
printf '%d passed, %d failed\n' "${passed:-0}" "${failed:-0}"
[ "$status" = 0 ]
