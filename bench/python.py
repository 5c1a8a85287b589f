#!/usr/bin/env python3
"""The Python package: a table beside the NDJSON lines of the same events.

    python.py [--events N] [--runs N] [SET…]

Runs in the environment that `./do setup python` makes, with the package that `./do test python` installs there. The stream
is that of the payments workload, the sets are its rules (none, one, ten, fifty): none is reading alone. Both ways must give the same alerts. Per round each
way runs once; the CPU time of the process counts, and the best of the rounds, as what else the machine does only ever takes
time. Target: a table gives twice as many events a second.
"""
import argparse
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.json

import tocsin
from payments_stream import WORKLOAD, stream

TARGET = 2.0


def table_of(path, rules):
    """The same as a table with the columns that the rules declare, each of its field's type."""
    types = {}
    for event_type in rules.description["types"]:
        for field in event_type["fields"]:
            name = field["type"]
            scale = int(name[8:-1]) if name.startswith("decimal(") else None
            types[field["path"][0]] = pa.decimal128(38, scale) if scale is not None else {
                "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}.get(name, pa.string())
    types["type"] = pa.string()
    # Decimals are texts in between: JSON's numbers would become floats.
    plain = pa.schema([(name, pa.float64() if pa.types.is_decimal(kind) else pa.int64() if name == "ts" else kind) for name, kind in types.items()])
    table = pyarrow.json.read_json(path, parse_options=pyarrow.json.ParseOptions(explicit_schema=plain, unexpected_field_behavior="ignore"))
    columns = [column.cast(types[name]) if pa.types.is_decimal(types[name]) else column for name, column in zip(table.column_names, table.columns)]
    return pa.table(dict(zip(table.column_names, columns)))


def measured(rules, events):
    """CPU seconds of a run, and its alerts."""
    begin = time.process_time()
    alerts = rules.run(events, progress=False)
    return time.process_time() - begin, alerts.to_ndjson()


def main():
    parser = argparse.ArgumentParser(prog="./do bench python", usage=__doc__, add_help=False)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("sets", nargs="*", default=["none", "one", "ten", "fifty"])
    options = parser.parse_args()
    path = stream(options.events)
    met = True
    for name in options.sets:
        with tempfile.NamedTemporaryFile("wb", suffix=".tocsin") as file:
            file.write(subprocess.run([sys.executable, WORKLOAD / "make_rules.py", name], check=True, stdout=subprocess.PIPE).stdout)
            file.flush()
            rules = tocsin.Rules.load(file.name)
        table = table_of(path, rules)
        best = {"lines": float("inf"), "table": float("inf")}
        alerts = {}
        for _ in range(options.runs):
            for way, events in (("lines", path), ("table", table)):
                seconds, alerts[way] = measured(rules, events)
                best[way] = min(best[way], seconds)
        if alerts["lines"] != alerts["table"]:
            sys.exit(f"bench: {name}: the table gives other alerts than the lines")
        ratio = best["lines"] / best["table"]
        met = met and ratio >= TARGET
        rate = {way: options.events / seconds / 1e6 for way, seconds in best.items()}
        print(f"{name:8} lines {rate['lines']:.2f} M events/s, table {rate['table']:.2f} M: {ratio:.2f} times; target {TARGET:.1f}, "
              f"{'met' if ratio >= TARGET else 'missed'}; {alerts['lines'].count(10)} alerts")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
