"""`./do bench serve`: each part plays to its end in small, counts what it sent and what came, and prints its figures.

Figures of so short a run mean nothing, and none is compared: a part fails by itself where events or alerts are missing.
Run as bench_serve.py TOCSIN_BINARY [TEXT].
"""
import os
import re
import subprocess
import sys

from harness import BINARY, ROOT, case, run_cases

SMALL = ("--seconds", "0.3", "--keys", "500", "--rules", "5", "--endpoints", "3", "--events", "2000", "--runs", "1", "--singles", "50",
         "--burst-seconds", "0.2", "--after-seconds", "0.5")
OPEN = (r"\n  request, from when it was due: p50 .* ms  p99 .*\n  webhook, from when its event was due: p50 .*"
        r"\n  fdatasync: p50 .*; cores used: server [\d.]+, clients [\d.]+; refused for a while: \d+\n")


def play(part, *patterns):
    """Runs one part; what it prints has lines of these patterns, in this order."""
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run([sys.executable, str(ROOT / "bench/serve.py"), BINARY, part, *SMALL], env=environment, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.M).search(done.stdout, at)
        assert found, f"no line like {pattern}:\n{done.stdout}"
        at = found.end()
    return done.stdout


@case
def requests_by_size():
    """requests of 1, 100 and 1,000 events"""
    play("intake", *(rf"^intake, batches of +{size}: +[\d,]+ events/s   POST p50 .* ms  p99 .* ms   \([1-9]\d* requests\)$"
                     for size in (1, 100, 1000)))


@case
def webhooks():
    """webhooks to endpoints that all answer, and beside one that is dead"""
    play("deliveries", r"none dead +: p50 .* \([1-9]\d* deliveries\)$", r"a tenth dead: p50 .* \([1-9]\d* deliveries\)$", r"^ratio of p99: ")


@case
def a_deploy():
    """a deploy of one rule and of several, on the keys that there are"""
    said = play("deploy", r"^deploy of one rule on 500 keys: \d+ ms", r"^deploy of 5 rules, replayed on 500 keys: ")
    assert len(re.findall(r"the longest wait for a verdict \d+ ms", said)) == 4, said


@case
def the_archive():
    """events by HTTP with the archive and without it"""
    play("archive", r"^archive, [\d,]+ events by HTTP, best of 1: [\d.]+ of the time without it")


@case
def a_steady_load():
    """an open load of requests of a hundred events, and one of single events"""
    play("steady", r"^open load, 100 rules, requests of 100 .*: [1-9][\d,]* events/s taken", OPEN, r"^  target: webhooks p99 at most 50 ms: (met|missed)")
    play("singles", r"^open load, 100 rules, 50.0 requests of one event a second", OPEN, r"^  target: requests p99 at most 20 ms: (met|missed)")


@case
def a_burst():
    """a burst between two calmer times: every event is taken, and every alert comes"""
    play("burst", r"^burst, 200,000 events/s for 0.2 s", OPEN, r"^  all [1-9][\d,]* events were taken, and all [1-9]\d* alerts came; caught up")


@case
def an_unknown_part():
    """a part that is not there is refused, with those that are"""
    done = subprocess.run([sys.executable, str(ROOT / "bench/serve.py"), BINARY, "dance"], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2 and "there is no part dance; there are intake, deliveries, deploy" in done.stderr, done.stderr


run_cases()
