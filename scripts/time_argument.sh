# shellcheck shell=bash
# The argument T of `--time T`; sourced by the scripts of verbs that take one.

# seconds_of VERB T: T in seconds, of a number and s, m or h (s where it has none); ends the script where it is no time.
seconds_of() {
  case "$2" in
    *[!0-9smh]* | '' | [smh]* | *[smh]?*) echo "$1: --time takes a time such as 60s or 10m, not $2" >&2; exit 2 ;;
    *h) printf '%d\n' "$((10#${2%h} * 3600))" ;;
    *m) printf '%d\n' "$((10#${2%m} * 60))" ;;
    *) printf '%d\n' "$((10#${2%s}))" ;;
  esac
}
