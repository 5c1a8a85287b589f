#!/usr/bin/env python3
"""Kills the real program under load, at random moments and at named points, starts it again until its stream is
through, and compares what it has in the end with what an oracle makes of its journal and archive.

    crash.py TOCSIN_BINARY [--rounds N] [--seed S] [--kind KIND] [--points [N]] [--keep]

A round is made from one number. That of a server is in serve_round.py, and what must hold then in serve_checks.py. The
others, in run_round.py and growing_round.py, run `tocsin run RULES --data DIR` over standard input, fed by a sender that
goes on from what was acknowledged, or over files, which are written on between two lives in rounds of the kind `growing`.
Between two lives a savepoint may be made, or what was set aside be put in again; these are killed too. An outside ledger
remembers every acknowledgement. In the end:

  - every acknowledged line is in the journal, and the journal has each line that was sent once, in order;
  - the alerts in the store are those of the oracle for the order of the journal, byte by byte: none lost, none twice,
    none different; the copy of --alerts has them too;
  - late events and dead letters are those of the oracle, each with its place, and put in again once where it was;
  - a start from the savepoint gives the rest of the alerts;
  - every alert was delivered to the webhook at least once, always with the same webhook id, and nothing else was;
  - `tocsin verify` finds nothing.

--points: besides the rounds, one life is ended at each crash point in the sources, or at N of them; each must be passed.
A round that fails keeps its folder and says how to replay it. Last line: N passed, N failed.
"""
import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time
import traceback

from crash_parts import Failure, Tools
from crash_points import is_of_writing, points_of_runs, points_of_servers
from growing_round import GrowingRound
from run_round import Round
from serve_round import ServeRound

KINDS = {"stdin": Round, "files": Round, "payments": Round, "payment-files": Round, "growing": GrowingRound,
         "serve": ServeRound, "serve-payments": ServeRound}
GROUPS = {"run": ["stdin", "files", "payments", "payment-files", "growing"], "servers": ["serve", "serve", "serve", "serve-payments"],
          "all": list(KINDS)}


def play(tools, seed, kind, keep, point=None):
    """Plays one round; true where all holds."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-crash-"))
    name = f"round {seed} ({kind}{', ' + point if point else ''})"
    replay = f"./do crash --seed {seed} --rounds 1 --kind {kind}" + (f" --point {point}" if point else "")
    started = time.monotonic()
    try:
        one = KINDS[kind](tools, seed, folder, kind, point)
        one.run()
        if point and not one.kills[point]:
            raise Failure(f"the crash point {point} is never passed")
    except Exception as error:  # whatever it is, the round has failed
        said = str(error) if isinstance(error, Failure) else traceback.format_exc()
        log = folder / "log"
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        print(f"{name}: {said}\n  its folder: {folder}\n  replay: {replay}\n{tail}", flush=True)
        return False
    facts = one.facts
    print(f"{name}: {one.lives} lives, {dict(one.kills)}, {facts['alerts']} alerts by the {facts['by']}, {facts['late']} late,"
          f" {facts['dead']} dead, {facts['reinjected']} put in again, {facts['changes']} changes of what holds, {facts.get('archived', 0)} records archived,"
          f" {time.monotonic() - started:.1f} s", flush=True)
    if keep:
        print(f"  its folder: {folder}")
    else:
        shutil.rmtree(folder)
    return True


def chosen_points(seed, group, count):
    """(seed, kind, point): all points that rounds of the group pass, or so many of them; each once."""
    names = {"run": points_of_runs(), "servers": points_of_servers(), "all": sorted({*points_of_runs(), *points_of_servers()})}[group]
    if count:
        names = sorted(random.Random(seed).sample(names, min(count, len(names))))

    def kind(name):
        # A journal of larger lines passes more of its points.
        if group == "servers" or name not in points_of_runs():
            return "serve-payments" if is_of_writing(name) else "serve"
        return "payments" if is_of_writing(name) else "stdin"

    return [(seed, kind(name), name) for name in names]


def main():
    parser = argparse.ArgumentParser(prog="crash", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("tocsin")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=[*GROUPS, *KINDS], default="all")
    parser.add_argument("--point")
    parser.add_argument("--points", type=int, nargs="?", const=0)
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    tocsin = pathlib.Path(chosen.tocsin).resolve()
    tools = Tools(tocsin, tocsin.parent / "tests" / "crash_oracle")
    started = time.monotonic()
    passed = failed = 0
    kinds = GROUPS.get(chosen.kind, [chosen.kind])
    rounds = [(chosen.seed + number, kinds[number % len(kinds)], chosen.point) for number in range(chosen.rounds)]
    if chosen.points is not None:
        group = chosen.kind if chosen.kind in GROUPS else "servers" if KINDS[chosen.kind] is ServeRound else "run"
        rounds += chosen_points(chosen.seed, group, chosen.points)
    for seed, kind, point in rounds:
        if play(tools, seed, kind, chosen.keep, point):
            passed += 1
        else:
            failed += 1
    print(f"{time.monotonic() - started:.1f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
