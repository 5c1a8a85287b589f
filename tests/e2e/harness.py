"""What the end-to-end scripts share: cases in folders of their own, the program, and small inputs.

A script is run as SCRIPT TOCSIN_BINARY [TEXT]; with TEXT only the cases whose names have it run. The last line of its
output is `N passed, N failed`.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = str(pathlib.Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else ""
HAS_SANITIZER = "asan" in BINARY or "tsan" in BINARY  # the program is slower to start and to run
LIMIT_S = 60  # for one run of the program, sanitizer builds included
LONG_CASE_S = 2.0  # what a case may take without its time being printed
START_US = 1_772_452_800_000_000  # 2026-03-02T12:00:00Z

# One event type and two rules: one alerts at a single event, the other at a deadline.
RULES = """\
event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }
event confirmation { ts: time, id: string id, card: string }

rule large "A large payment" {
  severity high
  by card
  when payment as p where amount > 100
  alert "{p.amount} on card {card}" { amount: p.amount }
}

rule unconfirmed "A very large payment that nobody confirmed" {
  by card
  when payment as p where amount > 1_000 then no confirmation for 5m
  alert "{p.amount} on card {card} was not confirmed"
}
"""

_cases = []


def case(function):
    """Registers a test case; its docstring is its name."""
    _cases.append(function)
    return function


def case_of_texts(function):
    """Registers a case that starts the program hundreds of times to look at what it prints; not for a sanitizer."""
    return function if HAS_SANITIZER else case(function)


def processor_time():
    """Seconds of the processor that this process and its children that ended have had."""
    return sum(os.times()[:4])


def run_cases():
    """Runs every case in an empty folder of its own; prints those that fail, and the counts."""
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    passed = failed = 0
    home = os.getcwd()
    for function in _cases:
        name = function.__doc__.strip()
        if wanted not in name:
            continue
        folder = tempfile.mkdtemp(prefix="tocsin_e2e_")
        os.chdir(folder)
        began, processor_s = time.monotonic(), processor_time()
        try:
            function()
            passed += 1
        except Exception:  # any failure of a case is reported, the others go on
            failed += 1
            print(f"FAIL {name}\n{traceback.format_exc()}")
        finally:
            os.chdir(home)
            shutil.rmtree(folder, ignore_errors=True)
        took = time.monotonic() - began
        if took > LONG_CASE_S:
            print(f"took {took:.1f} s, {processor_time() - processor_s:.1f} s of the processor: {name}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


class Done:
    """How a run of the program ended."""

    def __init__(self, code, out, err):
        self.code, self.out_bytes, self.err_bytes = code, out or b"", err or b""
        self.out = self.out_bytes.decode("utf-8", "replace")
        self.err = self.err_bytes.decode("utf-8", "replace")

    def __repr__(self):
        return f"\nexit code {self.code}\n--- standard output\n{self.out}\n--- standard error\n{self.err}"

    def alerts(self):
        return json_lines(self.out)


def tocsin(*arguments, stdin=b"", code=0, **options):
    """Runs the program to its end in the case's folder; checks its exit code unless `code` is None."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    given = {} if "stdin_file" not in options else {"stdin": options.pop("stdin_file")}
    if not given:
        given = {"input": stdin}
    done = subprocess.run([BINARY, *map(str, arguments)], stdout=options.pop("stdout", subprocess.PIPE),
                          stderr=subprocess.PIPE, timeout=LIMIT_S, check=False, **given, **options)
    done = Done(done.returncode, done.stdout, done.stderr)
    assert code is None or done.code == code, f"expected exit code {code}, got{done}"
    return done


def start(*arguments, **options):
    """Starts the program with pipes; the case ends it."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([BINARY, *map(str, arguments)], **{**pipes, **options})


def write(name, contents):
    """Writes a file in the case's folder: text, bytes, or events as JSON lines."""
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(contents, list):
        contents = lines(contents)
    if isinstance(contents, str):
        contents = contents.encode()
    path.write_bytes(contents)
    return name


def lines(events):
    """Events as JSON lines; amounts have two decimals."""
    return "".join(json.dumps(event) + "\n" for event in events)


def payment(second, card="c1", amount=1.00, **more):
    """A payment so many seconds after START_US; its id is made of the time and the card."""
    return {"type": "payment", "ts": START_US + round(second * 1e6), "id": f"{card}-{second}", "card": card,
            "amount": amount, **more}


def confirmation(second, card="c1"):
    return {"type": "confirmation", "ts": START_US + round(second * 1e6), "id": f"k-{card}-{second}", "card": card}


def read(name):
    return pathlib.Path(name).read_text(encoding="utf-8")


def read_json_lines(name):
    return json_lines(read(name))


def json_lines(text):
    # Not splitlines: it takes other characters for line ends too.
    return [json.loads(line) for line in text.split("\n") if line]


def has(text, *parts):
    """Checks that each part stands in the text."""
    for part in parts:
        assert part in text, f"there is no {part!r} in:\n{text}"


def wait_for(condition, what):
    """Polls until the condition holds; the limit is far beyond what it should take."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
