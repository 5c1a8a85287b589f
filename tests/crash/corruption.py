#!/usr/bin/env python3
"""Damages a data directory in every way that a disk may, and starts the real program on it: it gives the right answer,
or it names the damaged file. Never a wrong answer, never a silent start; and what `run` refuses or loses, `verify` finds.

    corruption.py TOCSIN_BINARY [--damages N] [--seed S] [--only PART]

Each damage is done to a copy. First every file of a killed and of an ended run is taken away, cut to half, emptied and
made a little shorter, one at a time. Then come N random ones: a bit or byte changed, a file cut, parts swapped, zeroed
or repeated, a file gone. Each time `tocsin verify` is asked, the program is started, and the rest of the stream is sent.
A damage that fails prints its number; --seed with it and --damages 1 replays it without the first part. Last line:
N passed, N failed.
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

from durable import Fed, plain_alerts, stored, stream
from harness import BINARY, LIMIT_S, tocsin, wait_for

# What verify must find whenever it is damaged: every byte of it is needed, or sealed by a digest.
SEALED = ("checkpoints/", "savepoints/", "blobs/")


def newest_checkpoint(data):
    """The name of the newest whole one; empty where there is none."""
    return max((path.parent.name for path in pathlib.Path(data).glob("checkpoints/*[0-9]/manifest")), default="")


def make_base(folder, lines):
    """A data directory that was killed in the middle of the stream, with checkpoints, a savepoint and a tail; gives how
    many lines were acknowledged."""
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
    # One that is older than the two that count is about to go, and verify does not ask for it.
    wait_for(lambda: len(list(pathlib.Path("data").glob("checkpoints/*[0-9]"))) <= 2, "the oldest checkpoint to go")
    fed.kill()
    tocsin("savepoint", "make", "--data", "data", "kept")
    fed = Fed("--journal-segment", "64KiB")
    begin = fed.begin()
    fed.send(lines[begin:middle])
    fed.wait_acknowledged(middle)
    fed.kill()
    tocsin("verify", "data")
    return middle


def make_ended(folder, lines):
    """One that came to the end of its input, with all its alerts in the store's log."""
    os.chdir(folder)
    fed = Fed("--journal-segment", "64KiB")
    assert fed.begin() == 0, fed.said()
    fed.send(lines)
    assert fed.close() == 0, fed.said()
    tocsin("verify", "data")
    return len(lines)


def used(path, data):
    """The bytes of a file that hold something: a segment of the journal is made longer ahead."""
    return data.rstrip(b"\0") if path.name.startswith("segment-") else data


# What may befall a whole file; each gives its new bytes, None for one that is gone.
WAYS = {
    "gone": lambda data: None,
    "cut to half": lambda data: data[:len(data) // 2],
    "emptied": lambda data: b"",
    "one byte shorter": lambda data: data[:-1],
    "forty bytes shorter": lambda data: data[:-40],
}


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
    """The program on the damaged copy, with the rest of the stream: (exit code, what it said, where it went on)."""
    fed = Fed("--journal-segment", "64KiB")
    begin = fed.begin()
    if begin is not None:
        fed.send(lines[begin:])
    return fed.close(), fed.said(), begin


def files_of(base):
    return sorted(str(path.relative_to(base / "data")) for path in (base / "data").rglob("*") if path.is_file())


def copy_of(base):
    """A copy of the data directory, and of the alerts copy beside it, in a folder of its own."""
    os.chdir(tempfile.mkdtemp(prefix="tocsin-corruption-"))
    shutil.copytree(base / "data", "data")
    if (base / "data-copy.ndjson").exists():
        shutil.copy(base / "data-copy.ndjson", "data-copy.ndjson")


def every_file(base, acknowledged, lines, wanted, only):
    """Damages each file in each way that a whole file may be; gives each one's failure in words, or None."""
    for relative in files_of(base):
        # The working copy of the state is made anew at each start.
        if relative.endswith(("LOCK", "lock")) or relative.startswith(only or "state/") != bool(only):
            continue
        before = used(pathlib.Path(relative), (base / "data" / relative).read_bytes())
        seen = {before}
        # Of what a digest seals, one way is as good as another.
        few = relative.startswith(SEALED) or os.environ.get("TOCSIN_QUICK") == "1"
        for how in ["gone", "cut to half"] if few else WAYS:
            after = WAYS[how](before)
            if after in seen:
                continue
            seen.add(after)
            copy_of(base)
            path = pathlib.Path("data") / relative
            if after is None:
                path.unlink()
            else:
                path.write_bytes(after)
            yield judge(f"{relative}: {how}", relative, base, acknowledged, lines, wanted)


def try_one(seed, base, acknowledged, lines, wanted, only):
    """Damages one copy at random; the failure in words, or None."""
    rng = random.Random(seed)
    files = files_of(base)
    parts = sorted({name.split("/")[0] for name in files if name != "LOCK"})
    part = only or rng.choice(parts)
    inside = [name for name in files if name.startswith(part)]
    relative = rng.choice(inside)
    copy_of(base)
    how = damage(rng, pathlib.Path("data") / relative)
    if how is None:
        shutil.rmtree(os.getcwd())
        return None
    failure = judge(f"damage {seed}: {relative}: {how}", relative, base, acknowledged, lines, wanted)
    return failure and f"{failure}\n  replay: tests/crash/corruption.py {BINARY} --seed {seed} --damages 1" \
                       f"{' --only ' + only if only else ''}"


def judge(what, relative, base, acknowledged, lines, wanted):
    """Verifies and starts what was damaged; the failure in words, or None."""
    verified = subprocess.run([BINARY, "verify", "data"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=LIMIT_S, check=False)
    report = verified.stdout.decode("utf-8", "replace")
    if verified.returncode < 0:
        return f"{what}: verify died of signal {-verified.returncode}:\n{report}"
    if verified.returncode != 0 and not names(report, relative):
        return f"{what}: verify does not name it:\n{report}"
    if verified.returncode == 0 and relative.startswith(SEALED):
        return f"{what}: verify finds nothing"
    code, said, begin = start(lines)
    if begin is not None and begin < acknowledged:
        return f"{what}: {acknowledged} lines were acknowledged, it goes on after {begin} (verify: " \
               f"{verified.returncode}):\n{said}"
    if code == 5 and verified.returncode == 0:
        return f"{what}: verify finds nothing, and a start is refused:\n{said}"
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
        killed, ended = base / "killed", base / "ended"
        killed.mkdir()
        ended.mkdir()
        acknowledged = make_base(killed, lines)

        def all_damages():
            if chosen.damages != 1:
                yield from every_file(killed, acknowledged, lines, wanted, chosen.only)
                yield from every_file(ended, make_ended(ended, lines), lines, wanted, chosen.only)
            for seed in range(chosen.seed, chosen.seed + chosen.damages):
                try:
                    yield try_one(seed, killed, acknowledged, lines, wanted, chosen.only)
                except Exception:  # whatever it is, it has failed
                    yield f"damage {seed}:\n{traceback.format_exc()}"
        for failure in all_damages():
            if failure:
                failed += 1
                print(f"{failure}\n  in {os.getcwd()}", flush=True)
            else:
                passed += 1
    finally:
        os.chdir(home)
        shutil.rmtree(base, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
