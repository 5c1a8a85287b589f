"""The crash points in the sources, and which kind of rounds passes which."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

# `tocsin run` does nothing of this: rounds of a server pass them.
OF_SERVERS = ("answers.", "archive.", "audit.", "effects.retention", "messages.", "node.deployed", "node.list_changed", "silences.",
              "subscriptions.", "triage.")
# Only a server whose archive takes what the journal lets go of passes them: the oracle needs every record.
OF_ARCHIVE = ("archive.named", "archive.written", "journal.trim", "journal.trimmed")
# It needs a group of records that goes beyond a segment: a few clients that wait for their answers make none.
OF_RUNS = ("journal.without_end_mark",)

# Of topics that are written, which need a broker: tests/kafka/kafka_sink.py passes them.
OF_SINKS = ("sink.",)

# Nothing is erased in rounds: tests/e2e/serve_forget.py passes them.
OF_ERASURES = ("archive.erased", "effects.changed", "erasure.")


def all_points():
    """All names that the sources give: ["answers.begun", …]."""
    names = set()
    for folder in ("runtime", "api"):
        for path in (ROOT / folder).rglob("*.cpp"):
            names.update(re.findall(r'crash_point\("([^"]+)"\)', path.read_text(encoding="utf-8")))
    assert names, "no source has a crash point"
    return sorted(names)


def points_of_runs():
    return [name for name in all_points() if not name.startswith(OF_SERVERS + OF_SINKS + OF_ERASURES)]


def points_of_servers():
    return [name for name in all_points() if name not in OF_RUNS and not name.startswith(OF_SINKS + OF_ERASURES)]


def points_of_sinks():
    return [name for name in all_points() if name.startswith(OF_SINKS)]


def is_of_savepoints(point):
    return point is not None and point.startswith("savepoint.")


def is_of_writing(point):
    return point is not None and point.startswith(("journal.", "blob."))
