#!/usr/bin/env python3
"""Compiles headers alone: each includes what it uses.

The commands are those of the header sets in a build of the preset `lint`. With --since FILE, which holds
a commit whose headers all stood alone, those are compiled that changed since, or that include, directly
or not, one that changed. Without it, or where what changed cannot be told, all are. With --minutes N, none
is begun after so long: what was not compiled is counted, and is compiled by the next run, as the commit of
--since stays.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import time

import changed_sources
from clang_tidy import ROOT, headers_of


def commands_of(build):
    """Returns for each header of a header set the command that compiles it alone."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        name = re.search(r"_verify_interface_header_sets/(.+\.h)\.cxx$", entry["file"])
        if name and (ROOT / name[1]).is_file():
            commands[ROOT / name[1]] = re.sub(r" -o \S+ -c ", " -fsyntax-only ", entry["command"])
    return commands


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--since", type=pathlib.Path)
    parser.add_argument("--minutes", type=float)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    commands = commands_of(build)
    if not commands:
        sys.exit("headers: there are no header sets in " + str(build))
    chosen = sorted(commands)
    if arguments.since:
        try:
            commit = arguments.since.read_text().strip() if arguments.since.exists() else "that was never written"
            changed = {ROOT / name for name in
                       changed_sources.changed_since(ROOT, commit, changed_sources.lines_of_code)}
            chosen = [header for header in chosen if header in changed or headers_of(header) & changed]
        except changed_sources.Unknown as reason:
            print(f"headers: {reason}; compiling all", flush=True)
    print(f"headers: {len(chosen)} of {len(commands)} to compile alone", flush=True)

    end = time.monotonic() + arguments.minutes * 60 if arguments.minutes is not None else None
    late = []

    def compile_alone(header):
        if end is not None and time.monotonic() > end:
            late.append(header)
            return header, None
        return header, subprocess.run(commands[header], shell=True, cwd=build, capture_output=True, text=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        for header, result in pool.map(compile_alone, chosen):
            if result is not None and result.returncode != 0:
                print(f"headers: {header.relative_to(ROOT)} does not stand alone\n{result.stderr}", flush=True)
                failed += 1
    if late:
        print(f"headers: {len(late)} of {len(chosen)} were not compiled in {arguments.minutes:g} minutes", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
