"""What the scripts of tests/kafka have in common: one broker for all cases of a script."""
from broker import Broker, reason_for_none

from harness import BINARY, json_lines, run_cases, tocsin


def dead(data="data"):
    """The dead letters that a data directory has."""
    return json_lines(tocsin("dead", "list", "--data", data).out)


def run_cases_with_broker(use):
    """Runs the script's cases with one broker, as its start takes seconds, which `use` is given before; skips all of them, with
    the reason, where none can be had."""
    reason = reason_for_none(BINARY)
    if reason:
        print(f"skipped: {reason}\n0 passed, 0 failed")
        return
    use(Broker(BINARY))
    run_cases()
