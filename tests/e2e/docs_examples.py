#!/usr/bin/env python3
"""Compiles every rule example in README.md and docs/, runs the tests inside it, and holds every shown answer to the truth.

    docs_examples.py TOCSIN_BINARY [--update] [PAGE…]

A fenced block ```tocsin is a file of its own; ```tocsin schema goes before every other block of its page. A block
```tocsin file NAME, ```csv NAME or ```text NAME is a file of that name beside the examples of its page; a rule file
among them is checked and tested too.

A page with ```console blocks is gone through from top to bottom in one empty folder, as its reader would: a file's block
writes the file; ```diff NAME changes it; `$ …` runs a command, and the lines below are what it says, standard error
included. ```diff NAME of PAGE starts over: the folder then holds the files of that page. Numbers before `s`, `ms`, `MB` and
the like are not compared, nor what stands where the page has `…`; a line that is only `…` stands for any number of lines.
A server that a page starts (`tocsin serve … & echo $! > server.pid`) listens on a free port, whatever the page says, and is
ended with the page. A page that names a Kafka broker is gone through where KAFKA_BROKER_HERE is the address of one.
--update writes the answers of today into the pages.

Each construct of the language (language_constructs.txt: a name and a regular expression) stands in an example of
docs/language.md. The rules of STRICT pages check without a warning, are laid out as `tocsin fmt` does, and have a test that
fires and one that does not; docs/mistakes.md has a mistake for every file of docs/cookbook.md. Last line: N passed, N failed.
"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(sys.argv[1]).resolve()
UPDATE = "--update" in sys.argv
ONLY = [name for name in sys.argv[2:] if not name.startswith("-")]
STRICT = ("README.md", "docs/cookbook.md", "docs/coming_from.md")
PATTERNS = 20  # files of rules in the cookbook
LIMIT_S = 60
SERVER = "127.0.0.1:8627"  # where the pages say that it listens
BROKER = "127.0.0.1:9092"  # of Kafka, likewise
BROKER_HERE = os.environ.get("KAFKA_BROKER_HERE")

FENCE = re.compile(r"^```(\w+)[ ]?([^\n]*)\n(.*?)^```$", re.M | re.S)
MASK = re.compile(r"\d[\d,.]*(?= (?:s|ms|us|µs|MB|KB|GB|events/s|MB/s)\b)")
COUNTS = {True: 0, False: 0}


def report(good, what, detail=""):
    """Counts one thing that was looked at; prints it where it is wrong."""
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAIL {what}\n{detail}".rstrip())


class Block:
    """A fenced block: its language, what follows it on the line, its text and its line in the page."""

    def __init__(self, page, match):
        self.language, self.info, self.body = match[1], match[2].strip(), match[3]
        self.line = page.count("\n", 0, match.start()) + 1
        self.span = match.span(3)

    def file_name(self):
        """The file that this block is, or None."""
        if self.language == "tocsin":
            return self.info[5:] if self.info.startswith("file ") else None
        return self.info if self.language in ("csv", "text", "python", "json") and self.info else None


def blocks_of(text):
    """All fenced blocks of a page, in order."""
    return [Block(text, match) for match in FENCE.finditer(text)]


def is_session(blocks):
    """Whether a page is gone through from top to bottom."""
    return any(block.language == "console" for block in blocks)


def tocsin(folder, *arguments):
    """Runs the program in a folder; gives (exit code, everything it said)."""
    done = subprocess.run([BINARY, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=LIMIT_S, check=False)
    return done.returncode, done.stdout


def write_files(folder, page_blocks):
    """Writes the files that a page's blocks are."""
    for block in page_blocks:
        if block.file_name():
            (folder / block.file_name()).write_text(block.body, encoding="utf-8")


def missing_constructs():
    """The constructs that no example of docs/language.md shows."""
    blocks = blocks_of((ROOT / "docs/language.md").read_text(encoding="utf-8"))
    code = "\n".join(block.body for block in blocks if block.language == "tocsin")
    for line in (ROOT / "tests/e2e/language_constructs.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            name, pattern = line.split("|", 1)
            if not re.search(pattern, code, re.M):
                yield name


def check_examples(name, blocks):
    """Every rule example of a page compiles, and its tests pass."""
    schema = "".join(block.body for block in blocks if block.language == "tocsin" and block.info == "schema")
    for block in blocks:
        if block.language != "tocsin":
            continue
        has_tests = "\ntest " in "\n" + block.body
        whole_file = block.info.startswith("file ")
        if whole_file and (not has_tests or is_session(blocks)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            write_files(folder, blocks)
            example = block.info[5:] if whole_file else "example.tocsin"
            (folder / example).write_text(block.body if whole_file or block.info == "schema" else schema + block.body,
                                          encoding="utf-8")
            code, said = tocsin(folder, "test", example)
            good = code == 0 and (not has_tests or not said.strip().endswith("0 passed, 0 failed"))
            if good and name in STRICT:
                code, said = tocsin(folder, "check", "--warnings-as-errors", example)
                good = code == 0
                if good:
                    (folder / "alone.tocsin").write_text(block.body, encoding="utf-8")
                    code, said = tocsin(folder, "fmt", "--check", "alone.tocsin")
                    good = code == 0
                if good and has_tests:
                    said = "it needs a test that fires and one that does not"
                    good = "expect alert" in block.body and "expect no alert" in block.body
        report(good, f"{name}:{block.line}", said)


def changed(text, diff):
    """The text after a diff: its `-` and ` ` lines must stand there together exactly once, else None."""
    before = "".join(line[1:] + "\n" for line in diff.splitlines() if line[:1] != "+")
    after = "".join(line[1:] + "\n" for line in diff.splitlines() if line[:1] != "-")
    return ("\n" + text).replace("\n" + before, "\n" + after)[1:] if ("\n" + text).count("\n" + before) == 1 else None


def fits(shown, said):
    """Whether what was said is what the page shows."""
    pattern = []
    for line in shown.splitlines():
        if line.strip() == "…":
            pattern.append(r"(?:[^\n]*\n)*?")
        else:
            pattern.append(".*?".join(re.escape(part) for part in MASK.sub("#", line).split("…")) + r"\n")
    text = "".join(line.rstrip() + "\n" for line in MASK.sub("#", said).splitlines())
    return re.fullmatch("".join(pattern), text) is not None


def commands_of(body):
    """A console block's (command, answer) pairs; a command goes on after a line that ends in a backslash."""
    pairs, going_on = [], False
    for line in body.splitlines():
        if going_on:
            pairs[-1][0] += "\n" + line
        elif line.startswith("$ "):
            pairs.append([line[2:], ""])
        elif pairs:
            pairs[-1][1] += line + "\n"
        else:
            raise ValueError("a console block begins with `$ `")
        going_on = line.endswith("\\") and (going_on or line.startswith("$ "))
    return pairs


class Session:
    """A folder in which a page's commands are run one after the other."""

    def __init__(self, folder):
        self.folder, self.here = folder, folder
        self.tools = tempfile.TemporaryDirectory()
        (pathlib.Path(self.tools.name) / "tocsin").symlink_to(BINARY)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def here_and_now(self, text):
        """The page's text with the port on which a server listens here, and the broker that there is."""
        return text.replace(SERVER, f"127.0.0.1:{self.port}").replace(BROKER, BROKER_HERE or BROKER)

    def end(self):
        """Ends the servers that were started."""
        for file in self.folder.rglob("*.pid"):
            try:
                for _ in range(100):  # until it is gone, and writes nothing more
                    os.kill(int(file.read_text(encoding="utf-8")), signal.SIGKILL)
                    time.sleep(0.05)
            except (ValueError, ProcessLookupError):
                pass

    def start_over(self, files_of):
        """Empties the folder and writes the files of a page."""
        for old in sorted(self.folder.rglob("*"), reverse=True):
            old.rmdir() if old.is_dir() else old.unlink()
        self.here = self.folder
        write_files(self.folder, blocks_of((ROOT / "docs" / files_of).read_text(encoding="utf-8")))

    def run(self, command):
        """What a command says on a reader's terminal; `tocsin` is the binary under test. A `cd` lasts."""
        command = self.here_and_now(command)
        environment = dict(os.environ)
        if command.startswith("tocsin serve ") and "& " in command:
            environment["TOCSIN_HTTP_LISTEN"] = f"127.0.0.1:{self.port}"
        where = pathlib.Path(self.tools.name) / "where"
        done = subprocess.run(["bash", "-c", f'PATH="{self.tools.name}:$PATH"\n{command}\npwd > "{where}"'], cwd=self.here,
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              text=True, timeout=LIMIT_S, check=False)
        self.here = pathlib.Path(where.read_text(encoding="utf-8").strip()) if where.exists() else self.here
        return done.stdout.replace(f"127.0.0.1:{self.port}", SERVER)


def go_through(name, blocks):
    """Goes through a page with commands; gives the console blocks whose answers are others today, with their new text."""
    news = []
    with tempfile.TemporaryDirectory() as folder:
        session = Session(pathlib.Path(folder).resolve())
        for block in blocks:
            if block.language == "diff":
                file, _, files_of = block.info.partition(" of ")
                if files_of:
                    session.start_over(files_of)
                path = session.here / file
                after = changed(path.read_text(encoding="utf-8"), block.body) if path.exists() else None
                report(after is not None, f"{name}:{block.line}", f"the lines do not stand once in {file}")
                path.write_text(after or path.read_text(encoding="utf-8"), encoding="utf-8")
            elif block.language == "console":
                text, differs = "", []
                for command, shown in commands_of(block.body):
                    said = session.run(command)
                    good = fits(shown, said)
                    if not good:
                        differs.append(f"$ {command}\nshown:\n{shown}said:\n{said}")
                    text += f"$ {command}\n" + (shown if good else "".join(x.rstrip() + "\n" for x in said.splitlines()))
                if differs:
                    news.append((block, text))
                report(not differs or UPDATE, f"{name}:{block.line}", "\n".join(differs))
            elif block.file_name():
                path = session.here / block.file_name()
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(session.here_and_now(block.body), encoding="utf-8")
        session.end()
    return news


def check_mistakes():
    """Each of the cookbook's patterns has its mistake on the page of mistakes."""
    files = [block.file_name() for block in blocks_of((ROOT / "docs/cookbook.md").read_text(encoding="utf-8"))]
    files = {file for file in files if file and file.endswith(".tocsin") and file != "schema.tocsin"}
    report(len(files) == PATTERNS, f"docs/cookbook.md has {len(files)} patterns, not {PATTERNS}")
    mistakes = blocks_of((ROOT / "docs/mistakes.md").read_text(encoding="utf-8"))
    for file in sorted(files - {block.info.partition(" of ")[0] for block in mistakes if block.language == "diff"}):
        report(False, f"docs/mistakes.md has no mistake in {file}")


def main():
    names = list(missing_constructs())
    report(not names, f"docs/language.md has no example of: {', '.join(names)}")
    check_mistakes()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        name = str(page.relative_to(ROOT))
        if ONLY and name not in ONLY:
            continue
        text = page.read_text(encoding="utf-8")
        blocks = blocks_of(text)
        check_examples(name, blocks)
        if is_session(blocks) and (BROKER not in text or BROKER_HERE):
            news = go_through(name, blocks)
            if UPDATE and news:
                for block, body in reversed(news):
                    text = text[:block.span[0]] + body + text[block.span[1]:]
                page.write_text(text, encoding="utf-8")
                print(f"updated {name}: {len(news)} answers")
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    sys.exit(1 if COUNTS[False] or not COUNTS[True] else 0)


main()
