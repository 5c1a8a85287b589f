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

# seconds_of_arguments VERB T [ARGUMENT…]: of a verb that takes --time alone, in seconds; T unless it is said.
seconds_of_arguments() {
  local verb="$1" time="$2"
  shift 2
  while [ $# -gt 0 ]; do
    case "$1" in
      --time) time="${2-}"; shift "$(($# > 1 ? 2 : 1))" ;;
      *) echo "$verb: unknown option $1; $verb takes --time T" >&2; exit 2 ;;
    esac
  done
  seconds_of "$verb" "$time"
}
