#!/usr/bin/env python3
"""Damages a data directory in every way that a disk may, and starts the real program on it: it gives the right answer,
or it names the damaged file. Never a wrong answer, never a silent start.

    corruption.py TOCSIN_BINARY [--damages N] [--seed S] [--only PART]

Each damage is done to a copy: a bit or byte changed, a file cut, parts swapped, zeroed or repeated, a file gone. Then
`tocsin verify` is asked, the program is started, and the rest of the stream is sent. A damage that fails prints its
number; --seed with it and --damages 1 replays it. Last line: N passed, N failed.
"""
import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import traceback

from durable import Fed, RULES, plain_alerts, stored, stream
from harness import BINARY, LIMIT_S, tocsin, wait_for

# What verify must find whenever it is damaged: every byte of it is needed, or sealed by a digest.
SEALED = ("checkpoints/", "savepoints/", "blobs/")


def newest_checkpoint(data):
    """The name of the newest whole one; empty where there is none."""
    return max((path.parent.name for path in pathlib.Path(data).glob("checkpoints/*[0-9]/manifest")), default="")


def make_base(folder, lines):
    """A data directory that was killed in the middle of the stream, with checkpoints, a savepoint and a tail."""
    os.chdir(folder)
    middle = len(lines) // 2
    fed = Fed("--checkpoint-every", "20ms", "--journal-segment", "64KiB")
    assert fed.begin() == 0, fed.said()
    # Only what is new is worth another checkpoint.
    for part in range(1, 4):
        before, end = newest_checkpoint("data"), part * middle // 6
        fed.send(lines[(part - 1) * middle // 6:end])
        fed.wait_acknowledged(end)
        wait_for(lambda before=before: newest_checkpoint("data") > before, f"checkpoint {part}")
    fed.kill()
    tocsin("savepoint", "make", "--data", "data", "kept")
    fed = Fed("--journal-segment", "64KiB")
    begin = fed.begin()
    fed.send(lines[begin:middle])
    fed.wait_acknowledged(middle)
    fed.kill()
    tocsin("verify", "data")


def damage(rng, path):
    """Damages one file in some way; says how, or None where nothing came of it."""
    before = path.read_bytes()
    if not before:
        return None
    size = len(before)
    # Often near the begin and the end, where headers and footers are.
    at = rng.choice([rng.randrange(size), rng.randrange(min(size, 64)), size - 1 - rng.randrange(min(size, 64))])
    length = min(rng.choice([1, 8, 100, 4096]), size - at)
    how = rng.choice(["bit", "byte", "cut", "swap", "zero", "repeat", "gone"])
    data = bytearray(before)
    if how == "bit":
        data[at] ^= 1 << rng.randrange(8)
    elif how == "byte":
        data[at] = rng.randrange(256)
    elif how == "cut":
        del data[at:]
    elif how == "zero":
        data[at:at + length] = bytes(length)
    elif how == "repeat":
        data[at:at] = data[at:at + length]
    elif how == "swap":
        to = rng.randrange(size - length + 1)
        data[at:at + length], data[to:to + length] = data[to:to + length], data[at:at + length]
        if len(data) != size:
            return None
    if how == "gone":
        path.unlink()
        return "gone"
    if bytes(data) == before:
        return None
    path.write_bytes(bytes(data))
    return f"{how} at {at} of {size}, {length} bytes"


def names(text, relative):
    """Whether a message names the file: by its name, or, for one that is gone, by its folder."""
    path = pathlib.PurePath(relative)
    return path.name in text or str(path.parent) in text and str(path.parent) != "."


def start(lines):
    """The program on the damaged copy, with the rest of the stream: (exit code, what it said)."""
    fed = Fed("--journal-segment", "64KiB")
    begin = fed.begin()
    if begin is not None:
        fed.send(lines[begin:])
    return fed.close(), fed.said()


def try_one(seed, base, lines, wanted, only):
    """Damages one copy; the failure in words, or None."""
    rng = random.Random(seed)
    files = sorted(str(path.relative_to(base / "data")) for path in (base / "data").rglob("*") if path.is_file())
    parts = sorted({name.split("/")[0] for name in files if name != "LOCK"})
    part = only or rng.choice(parts)
    inside = [name for name in files if name.startswith(part)]
    relative = rng.choice(inside)
    os.chdir(tempfile.mkdtemp(prefix="tocsin-corruption-"))
    shutil.copytree(base / "data", "data")
    how = damage(rng, pathlib.Path("data") / relative)
    if how is None:
        shutil.rmtree(os.getcwd())
        return None
    what = f"damage {seed}: {relative}: {how}"
    verified = subprocess.run([BINARY, "verify", "data"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=LIMIT_S, check=False)
    report = verified.stdout.decode("utf-8", "replace")
    if verified.returncode < 0:
        return f"{what}: verify died of signal {-verified.returncode}:\n{report}"
    if verified.returncode != 0 and not names(report, relative):
        return f"{what}: verify does not name it:\n{report}"
    if verified.returncode == 0 and relative.startswith(SEALED):
        return f"{what}: verify finds nothing"
    code, said = start(lines)
    if code < 0:
        return f"{what}: died of signal {-code}:\n{said}"
    if code != 0:
        if not names(said, relative):
            return f"{what}: refused with code {code}, without naming it:\n{said}"
    else:
        found = stored()
        if found != wanted:
            return f"{what}: a wrong answer: {len(wanted.splitlines())} alerts wanted, {len(found.splitlines())} found" \
                   f" (verify: {verified.returncode}):\n{said}"
        # The newest checkpoint is read at every start.
        newest = newest_checkpoint(base / "data")
        if relative.startswith(f"checkpoints/{newest}/") and not names(said, relative):
            return f"{what}: a silent start:\n{said}"
    shutil.rmtree(os.getcwd())
    return None


def main():
    parser = argparse.ArgumentParser(prog="corruption")
    parser.add_argument("tocsin")
    parser.add_argument("--damages", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    chosen = parser.parse_args()
    home = os.getcwd()
    base = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-corruption-base-"))
    passed = failed = 0
    try:
        lines = stream(3000)
        wanted = plain_alerts(lines)
        make_base(base, lines)
        for seed in range(chosen.seed, chosen.seed + chosen.damages):
            try:
                failure = try_one(seed, base, lines, wanted, chosen.only)
            except Exception:  # whatever it is, it has failed
                failure = f"damage {seed}:\n{traceback.format_exc()}"
            if failure:
                failed += 1
                print(f"{failure}\n  in {os.getcwd()}\n  replay: tests/crash/corruption.py {chosen.tocsin} --seed {seed}"
                      f" --damages 1{' --only ' + chosen.only if chosen.only else ''}", flush=True)
            else:
                passed += 1
    finally:
        os.chdir(home)
        shutil.rmtree(base, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
