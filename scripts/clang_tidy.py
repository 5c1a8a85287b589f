#!/usr/bin/env python3
"""Runs clang-tidy over the sources of the build and remembers the clean ones.

With --since FILE, which holds a commit that was read whole and is clean, those are the sources that
changed since, and for each header that changed one source that includes it: its own .cpp, or else the
first. Without it, or where what changed cannot be told, they are all.

A source is skipped when it was clean before and neither it, nor a header of ours that it includes,
directly or not, nor a .clang-tidy above it, nor clang-tidy itself has changed
since. With --minutes N, none is begun after so long: what was not read is counted, and is read by the
next run, as the commit of --since stays.
"""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

import changed_sources

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Every .cpp below these is part of the build, or it says that it leaves it out; another one would go unread and untested.
BUILT_FOLDERS = ("cep", "rules", "runtime", "api", "library", "bench")


def digest_of(path, known={}):
    if path not in known:
        known[path] = hashlib.sha256(path.read_bytes()).hexdigest()
    return known[path]


def headers_of(path, known={}):
    """Returns the headers of ours that a file includes, and those that they include."""
    found, todo = set(), [path]
    while todo:
        file = todo.pop()
        if file not in known:
            names = re.findall(rb'(?m)^\s*#\s*include\s*"([^"]+)"', file.read_bytes())
            known[file] = [ROOT / name.decode() for name in names if (ROOT / name.decode()).is_file()]
        todo.extend(header for header in known[file] if header not in found)
        found.update(known[file])
    return found


def settings_of(path, known={}):
    """Returns a digest of the .clang-tidy files of a source."""
    folder = path.parent
    if folder not in known:
        above = "" if folder == ROOT else settings_of(folder)
        own = folder / ".clang-tidy"
        known[folder] = above + (digest_of(own) if own.exists() else "")
    return known[folder]


def sources_of(build):
    """Returns for each source the command that compiles it."""
    sources = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"]).resolve()
        # Sources below the build folder are made, not written.
        if ROOT in path.parents and build not in path.parents and path.exists():
            sources[path] = entry["command"]
    return sources


def reader_of(header, sources, chosen):
    """Returns a source that includes the header, one that is chosen already if there is one; or None."""
    own = header.with_suffix(".cpp")
    if own in sources:
        return own
    line = f'#include "{header.relative_to(ROOT)}"'.encode()
    direct = [path for path in sorted(sources) if line in path.read_bytes()]
    among = direct or [path for path in sorted(sources) if header in headers_of(path)]
    return next((path for path in among if path in chosen), among[0] if among else None)


def changed(sources, commit):
    """Returns the sources to read for what changed since the commit; throws changed_sources.Unknown."""
    files = [ROOT / name for name in changed_sources.changed_since(ROOT, commit)]
    chosen = {path for path in files if path in sources}
    headers = [path for path in files if path.suffix != ".cpp"]
    for header in headers:
        reader = reader_of(header, sources, chosen)
        if reader is None:
            print("clang-tidy: no source includes", header.relative_to(ROOT), flush=True)
        else:
            chosen.add(reader)
    print(f"clang-tidy: since {commit[:12]} {len(files) - len(headers)} sources and {len(headers)} headers "
          f"changed; {len(chosen)} of {len(sources)} sources stand for them", flush=True)
    return {path: sources[path] for path in chosen}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--since", type=pathlib.Path)
    parser.add_argument("--minutes", type=float)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    if not (build / "compile_commands.json").exists():
        sys.exit("clang-tidy: there is no build to read in " + str(build))

    version = subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True).stdout
    common = hashlib.sha256(version).hexdigest()
    sources = sources_of(build)
    failed = 0
    left_out = {pathlib.Path(line) for line in (build / "left_out.txt").read_text(encoding="utf-8").splitlines()}
    for folder in BUILT_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.cpp")):
            if path.resolve() not in sources and path.resolve() not in left_out:
                print("clang-tidy: not part of the build:", path.relative_to(ROOT), flush=True)
                failed += 1

    if arguments.since:
        commit = arguments.since.read_text().strip() if arguments.since.exists() else "that was never written"
        try:
            sources = changed(sources, commit)
        except changed_sources.Unknown as reason:
            print(f"clang-tidy: {reason}; reading every source", flush=True)

    arguments.cache.mkdir(parents=True, exist_ok=True)
    work = []
    for path, command in sorted(sources.items()):
        inputs = sorted(headers_of(path) | {path})
        key = hashlib.sha256("\n".join(
            [common, settings_of(path), command] + [f"{name} {digest_of(name)}" for name in inputs]).encode())
        marker = arguments.cache / key.hexdigest()
        if marker.exists():
            marker.touch()
        else:
            work.append((path, marker))
    print(f"clang-tidy: {len(work)} of {len(sources)} sources to read", flush=True)

    end = time.monotonic() + arguments.minutes * 60 if arguments.minutes is not None else None
    unread = []

    def check(item):
        path, marker = item
        started = time.monotonic()
        if end is not None and started > end:
            unread.append(path)
            return path, None, 0
        result = subprocess.run(["clang-tidy", "--quiet", "-p", str(build), str(path)],
                                capture_output=True, text=True)
        if result.returncode == 0:
            marker.touch()
        return path, result, time.monotonic() - started

    with concurrent.futures.ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        for path, result, seconds in pool.map(check, work):
            if result is not None and result.returncode != 0:
                # The count of warnings in system headers says nothing.
                errors = re.sub(r"(?m)^\d+ warnings?( and \d+ errors?)? generated\.\n", "",
                                result.stderr)
                print(f"clang-tidy: {path.relative_to(ROOT)}: failed after {seconds:.1f} s\n"
                      + result.stdout + errors, flush=True)
                failed += 1

    if unread:
        print(f"clang-tidy: {len(unread)} of {len(work)} sources were not read in {arguments.minutes:g} minutes", flush=True)

    month = 30 * 24 * 3600
    for marker in arguments.cache.iterdir():
        if time.time() - marker.stat().st_mtime > month:
            marker.unlink()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
