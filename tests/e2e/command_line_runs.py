#!/usr/bin/env python3
"""Runs as their users meet them: exit codes, signals, deliveries, progress.

    command_line_runs.py TOCSIN_BINARY [TEXT]
"""
import base64
import fcntl
import hashlib
import hmac
import http.server
import os
import pty
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import threading

from harness import (BINARY, HAS_SANITIZER, LIMIT_S, RULES, case, has, lines, payment, read, read_json_lines, run_cases, start,
                     tocsin, wait_for, write)

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


# --- exit codes ----------------------------------------------------------------------------------

@case
def _():
    """exit code 2: a wrong command line or configuration is refused, with what to do, before anything is read"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0)])
    write("secret", SECRET)
    write("bad_secret", "not a secret")
    os.symlink("in.ndjson", "link.ndjson")
    run = ["run", "rules.tocsin", "--input", "in.ndjson"]
    hook = [*run, "--webhook", "http://127.0.0.1:9/x"]
    table = [
        ([], "Usage: tocsin"),
        (["chekc"], "did you mean check?"),
        (["dance"], "there is no command dance"),
        (["late", "lits"], "there is no command late lits; did you mean list?"),
        (["late"], "A subcommand is required\nsee tocsin late --help"),
        (["late", "list"], "--data is required\nsee tocsin late list --help"),
        (["--dance"], "there is no option --dance\nsee tocsin --help"),
        (["run", "rules.tocsin", "--inptu", "in.ndjson"], "there is no option --inptu; did you mean --input?\nsee tocsin run --help"),
        (["serve", "--data=x", "--htpp-listen=y", "--rules-deploi"], "there is no option --htpp-listen"),
        ([*run, "--input", "in.ndjson"], "--input names in.ndjson twice, and each of its events would count twice: name it once"),
        ([*run, "--data", ""], "--data has an empty value: name a folder, or leave it out (is a variable not set?)"),
        ([*run, "--input", ""], "--input has an empty value"),
        (["run", "", "--input", "in.ndjson"], "RULES has an empty value"),
        (["serve", "--data", ""], "--data has an empty value"),
        ([*run, "--input", "./link.ndjson"], "--input names ./link.ndjson twice"),
        (["run"], "required"),
        (["run", "rules.tocsin"], "there is nothing to read: name an --input, or --kafka-topics"),
        ([*run, "--dance"], "--dance"),
        ([*run, "--out-of-orderness", "soon"], "--out-of-orderness takes a duration"),
        ([*run, "--out-of-orderness", "-1s"], "--out-of-orderness"),
        ([*run, "--late-policy", "drop"], "--late-policy takes one of side, clamp, not drop"),
        ([*run, "--late-max", "late"], "--late-max takes a duration"),
        ([*run, "--ahead-max", "-1s"], "--ahead-max"),
        ([*run, "--jump-max", "soon"], "--jump-max"),
        ([*run, "--drift-max", "far"], "--drift-max"),
        ([*run, "--heartbeat", "0"], "--heartbeat takes a duration above 0"),
        ([*run, "--idle-after", "0s"], "--idle-after takes a duration above 0"),
        ([*run, "--late", "-"], "--late takes a file"),
        ([*run, "--input", "-", "--input", "-"], "standard input can be read only once"),
        ([*run, "--secret-file", "secret"], "--secret-file needs --webhook"),
        ([*run, "--undelivered", "u.ndjson"], "--undelivered needs --webhook"),
        (hook, "--webhook needs --secret-file"),
        ([*hook, "--secret-file", "nowhere"], "nowhere"),
        ([*hook, "--secret-file", "bad_secret"], "bad_secret"),
        ([*hook, "--secret-file", "secret", "--delivery-timeout", "x"], "--delivery-timeout takes a duration"),
        ([*run, "--webhook", "ftp://example.com/", "--secret-file", "secret"], "--webhook"),
        ([*run, "--webhook", "not a url", "--secret-file", "secret"], "--webhook"),
        ([*run, "--color", "pink"], "auto|always|never"),
        (["check", "rules.tocsin", "--format", "xml"], "text|json"),
        (["check"], "RULES is required"),
        (["test"], "RULES is required"),
        (["completion", "tcsh"], "bash|zsh|fish"),
    ]
    for arguments, message in table:
        done = tocsin(*arguments, code=2)
        assert message in done.err, f"{arguments}: no {message!r} in{done}"
        assert done.out == "", arguments
        assert SECRET not in done.err and "not a secret" not in done.err, "a secret never appears in a message"


@case
def _():
    """exit code 2: an output that would destroy an input, a rule file or another output is refused"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, amount=200.00)])
    os.symlink("in.ndjson", "link.ndjson")
    run = ["run", "rules.tocsin", "--input", "in.ndjson"]
    for arguments, message in [
        (["--alerts", "in.ndjson"], "--alerts would overwrite an input: in.ndjson"),
        (["--alerts", "./in.ndjson"], "--alerts would overwrite an input"),
        (["--late", "link.ndjson"], "--late would overwrite an input"),
        (["--dead-letter", "rules.tocsin"], "--dead-letter would overwrite a rule file"),
        (["--alerts", "a", "--late", "a"], "--late would overwrite the file of --alerts"),
        (["--alerts", "new/../a", "--late", "a"], "--late would overwrite the file of --alerts"),
        (["--alerts", "a", "--late", os.path.abspath("a")], "--late would overwrite the file of --alerts"),
    ]:
        has(tocsin(*run, *arguments, code=2).err, message)
    assert read("rules.tocsin") == RULES and len(read("in.ndjson")) > 10
    tocsin(*run, "--alerts", "/dev/null", "--late", "/dev/null", "--dead-letter", "/dev/null")


@case
def _():
    """exit code 1: rules that do not check run nothing and leave outputs as they were"""
    write("rules.tocsin", RULES.replace("amount > 100", "amuont > 100"))
    write("in.ndjson", [payment(0)])
    write("alerts.ndjson", "kept\n")
    done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--alerts", "alerts.ndjson", code=1)
    has(done.err, "error[E", "rules.tocsin:7:", "amuont", "nothing was run")
    assert read("alerts.ndjson") == "kept\n"
    has(tocsin("run", "nowhere.tocsin", "--input", "in.ndjson", code=1).err, "nowhere.tocsin")
    os.mkdir("empty")
    has(tocsin("run", "empty", "--input", "in.ndjson", code=1).err, "there is no .tocsin file in the folder empty")


@case
def _():
    """exit code 3: an output that cannot be opened is found before any input is read"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, amount=200.00)])
    for option in ("--alerts", "--late", "--dead-letter"):
        done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", option, "nowhere/out.ndjson", code=3)
        has(done.err, "cannot write nowhere/out.ndjson: No such file or directory")
        assert done.out == "" and "events" not in done.err


@case
def _():
    """exit code 3: a full disk under any output ends the run with its name"""
    write("rules.tocsin", RULES)
    write("in.ndjson", lines([payment(0), payment(1, amount=200.00)]) + "not json\n" + lines([payment(0.5, card="late")]))
    for option in ("--alerts", "--late", "--dead-letter"):
        done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", option, "/dev/full", code=3)
        has(done.err, "cannot write /dev/full: No space left on device")


@case
def _():
    """exit code 3: a closed pipe under standard output ends the run at once, with a message"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(i, amount=200.00) for i in range(3000)])
    process = start("run", "rules.tocsin", "--input", "in.ndjson")
    process.stdin.close()
    first = process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read().decode()
    assert process.wait(timeout=LIMIT_S) == 3, error
    has(error, "cannot write standard output: Broken pipe")
    assert first.startswith(b'{"format":1')


@case
def _():
    """exit code 3: closed standard descriptors are errors where they are used, and harmless where not"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, amount=200.00)])
    shell = lambda command: subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=LIMIT_S,
                                           check=False)
    done = shell(f"'{BINARY}' run rules.tocsin --input in.ndjson >&-")
    assert done.returncode == 3 and "cannot write standard output" in done.stderr, done
    done = shell(f"'{BINARY}' run rules.tocsin --input in.ndjson --alerts alerts.ndjson <&- >&- 2>&-")
    assert done.returncode == 0 and len(read_json_lines("alerts.ndjson")) == 1, done
    done = shell(f"'{BINARY}' run rules.tocsin --input in.ndjson --alerts alerts.ndjson 2>/dev/full")
    assert done.returncode == 0 and len(read_json_lines("alerts.ndjson")) == 1, done
    done = shell(f"'{BINARY}' run rules.tocsin --input - <&-")
    assert done.returncode == 3, done


def read_line(process):
    """One line of standard output, or a failure when none comes."""
    ready, _, _ = select.select([process.stdout], [], [], LIMIT_S)
    assert ready, "no alert came"
    return process.stdout.readline()


@case
def _():
    """exit code 3: SIGINT and SIGTERM end a run whose input is silent; what came before is written"""
    write("rules.tocsin", RULES)
    for number in (signal.SIGINT, signal.SIGTERM):
        process = start("run", "rules.tocsin", "--input", "-", "--dead-letter", "dead.ndjson")
        process.stdin.write(b"not json\n" + lines([payment(0, amount=2000.00)]).encode())
        process.stdin.flush()
        line = read_line(process)
        assert b'"rule":"large"' in line
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT_S)
        err = err.decode()
        assert process.returncode == 3, (process.returncode, err)
        # No final watermark: what is still undecided stays so.
        assert out == b"", out
        has(err, f"stopped by {signal.Signals(number).name} before the inputs ended", "read a part of standard input",
            "alerts: 1\n", "rejected: 1 line")
        assert len(read_json_lines("dead.ndjson")) == 1


# --- deliveries ----------------------------------------------------------------------------------

class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes webhooks whose signature is right."""
    protocol_version = "HTTP/1.1"
    received = []

    def do_POST(self):  # the name that http.server calls
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        good = expected in self.headers["webhook-signature"].split(" ")
        if good:
            self.received.append(body.decode())
        self.send_response(204 if good else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@case
def _():
    """run: a webhook gets each alert, signed, with the bytes of the alert's line"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(i, amount=200.00 + i) for i in range(10)])
    write("secret", SECRET + "\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    Receiver.received = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--secret-file", "secret",
                      "--webhook", f"http://127.0.0.1:{server.server_port}/alerts?token=hidden")
    finally:
        server.shutdown()
        server.server_close()
    assert sorted(Receiver.received) == sorted(done.out.splitlines()), Receiver.received
    has(done.err, "deliveries: 10 of 10 to http://127.0.0.1:")
    assert not os.path.exists("tocsin-undelivered.ndjson")
    assert SECRET not in done.err and "hidden" not in done.err


@case
def _():
    """exit code 4: deliveries that are left over are counted and kept in a file"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, amount=200.00), payment(1, amount=300.00)])
    write("secret", SECRET)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, not listening: refused, and nobody else can take it
        port = nobody.getsockname()[1]
        done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--secret-file", "secret", "--webhook",
                      f"http://127.0.0.1:{port}/", "--undelivered", "left.ndjson", "--delivery-timeout", "200ms", code=4)
    assert len(done.alerts()) == 2
    has(done.err, "not delivered: 2, in left.ndjson", "last error:", "2 of 2 alerts were not delivered")
    assert len(read("left.ndjson").splitlines()) == 2
    for alert in done.alerts():
        has(read("left.ndjson"), alert["id"])


@case
def _():
    """exit code 4: a signal cuts deliveries short, and what is owed is kept"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, amount=200.00)])
    write("secret", SECRET)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # takes connections and never answers
        process = start("run", "rules.tocsin", "--input", "in.ndjson", "--secret-file", "secret", "--webhook",
                        f"http://127.0.0.1:{silent.getsockname()[1]}/", "--delivery-timeout", "1h")
        process.stdin.close()
        assert process.stderr.readline().startswith(b"delivering 1 more to ")
        process.send_signal(signal.SIGINT)
        error = process.stderr.read().decode()
        code = process.wait(timeout=LIMIT_S)
    process.stdout.close()
    assert code == 4, (code, error)
    has(error, "not delivered: 1, in tocsin-undelivered.ndjson")
    assert len(read("tocsin-undelivered.ndjson").splitlines()) == 1


# --- progress ------------------------------------------------------------------------------------

@case
def _():
    """run: a terminal has a progress line while the run lasts, and the summary after it"""
    write("rules.tocsin", RULES)
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen([BINARY, "run", "rules.tocsin", "--input", "-", "--alerts", "alerts.ndjson"],
                               stdin=subprocess.PIPE, stderr=follower, env={**os.environ, "TERM": "xterm"})
    os.close(follower)
    shown = bytearray()

    def collect():
        try:
            while block := os.read(leader, 65536):
                shown.extend(block)
        except OSError:  # how Linux says that the other side of a terminal is closed
            pass

    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    second = 0

    def sees_progress():
        nonlocal second
        if b"events/s" in shown or b"/s  " in shown:
            return True
        process.stdin.write(lines([payment(second + i) for i in range(2000)]).encode())
        second += 2000
        return False

    wait_for(sees_progress, "a progress line")
    process.stdin.close()
    assert process.wait(timeout=LIMIT_S) == 0
    reader.join(timeout=LIMIT_S)
    os.close(leader)
    text = shown.decode()
    has(text, "\r\x1b[K", "read standard input:", "alerts: 0, in alerts.ndjson")
    assert re.search(r"\r[\d,]+ events  [\d,]+/s  0 alerts\x1b\[K", text), text


@case
def _():
    """run: what ends for want of memory says so, on whatever thread, and what to do; exit code 3"""
    if HAS_SANITIZER:  # they reserve more than any limit
        return
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, card=f"c{i}", amount=900.00) for i in range(2_000)])

    def within(most, *arguments):
        return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=LIMIT_S,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)))
    step = 1 << 20
    # With less, the libraries cannot be loaded and made ready, and nothing of the program has run.
    least = next(most for most in range(20 << 20, 260 << 20, step) if within(most, "--version").returncode == 0)
    for more in (["--workers", "1"], ["--workers", "4"], ["--data", "data"]):
        ended = []
        for most in (*range(least, least + 12 * step, step), *range(least + 12 * step, 260 << 20, 4 * step)):
            shutil.rmtree("data", ignore_errors=True)
            done = within(most, "run", "rules.tocsin", "--input", "in.ndjson", *more)
            if done.returncode != 0:
                ended.append(done)
        assert any(done.returncode == 3 for done in ended), more
        for done in ended:
            if "Fatal glibc error" in done.stderr:  # the C library gives up by itself, and says so
                has(done.stderr, "out of memory")
                continue
            assert done.returncode == 3, done
            has(done.stderr, "out of memory: ", "ulimit -v", "--memory-max")
            assert "unexpected" not in done.stderr, done.stderr


@case
def _():
    """run: what ends at another limit of the process says which; exit code 3"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, card=f"c{i}", amount=900.00) for i in range(2_000)])

    def limited(limit, most, *more):
        return subprocess.run([BINARY, "run", "rules.tocsin", "--input", "in.ndjson", *more], capture_output=True, text=True,
                              timeout=LIMIT_S, preexec_fn=lambda: resource.setrlimit(limit, (most, most)))
    done = limited(resource.RLIMIT_FSIZE, 4096, "--alerts", "alerts.ndjson")
    assert done.returncode == 3, done
    has(done.stderr, "cannot write alerts.ndjson: File too large")
    done = limited(resource.RLIMIT_FSIZE, 4096, "--data", "data")
    assert done.returncode == 3, done
    has(done.stderr, "File too large")
    if HAS_SANITIZER:  # their checks need files of their own
        return
    done = limited(resource.RLIMIT_NOFILE, 20, "--data", "other")
    assert done.returncode == 3, done
    has(done.stderr, "Too many open files", "ulimit -n")


@case
def _():
    """run: compiled regular expressions are kept, for their owner; a damaged file is made again; alerts are the same"""
    write("rules.tocsin", """event note { ts: time, id: string id, card: string, memo: string }
rule r "R" { by card when note where memo matches /gift +card|an[yi]desk/i alert "{memo}" }
""")
    write("in.ndjson", [{"type": "note", "ts": "2026-01-01T00:00:00Z", "id": "1", "card": "c", "memo": "a Gift  Card"}])

    def run(*more, **options):
        tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--alerts", "alerts.ndjson", *more, **options)
        assert len(read_json_lines("alerts.ndjson")) == 1, read("alerts.ndjson")
        return read("alerts.ndjson")

    def below(folder):
        return {"env": {**os.environ, "XDG_CACHE_HOME": os.path.join(os.getcwd(), folder)}}
    first = run("--cache", "kept")
    assert len(os.listdir("kept")) == 1, os.listdir("kept")
    file = os.path.join("kept", os.listdir("kept")[0])
    assert os.stat(file).st_mode & 0o777 == 0o600 and os.stat("kept").st_mode & 0o777 == 0o700
    with open(file, "rb") as opened:
        whole = opened.read()
    for damaged in (b"", whole[:100], whole[:len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1:]):
        with open(file, "wb") as opened:
            opened.write(damaged)
        assert run("--cache", "kept") == first
        with open(file, "rb") as opened:
            assert opened.read() == whole
    assert run("--cache", "off") == first
    # A data directory has its own, once it is one.
    os.remove("alerts.ndjson")
    run("--data", "data", **below("home"))
    assert os.listdir("home/tocsin/text") == os.listdir("kept") and not os.path.exists("data/cache")
    run("--data", "data", **below("elsewhere"))
    assert os.listdir("data/cache") == os.listdir("kept") and not os.path.exists("elsewhere")


run_cases()
