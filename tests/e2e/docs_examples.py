#!/usr/bin/env python3
"""Compiles every rule example in README.md and docs/, and runs the tests inside it.

    docs_examples.py TOCSIN_BINARY

A fenced block ```tocsin is a file of its own; ```tocsin schema goes before every other block of its page. A block
```tocsin file NAME, ```csv NAME or ```text NAME is a file of that name beside the examples of its page.

Each construct of the language (language_constructs.txt: a name and a regular expression) stands in an example of
docs/language.md. Last line: N passed, N failed.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```tocsin([^\n]*)\n(.*?)^```$", re.M | re.S)
DATA = re.compile(r"^```(?:tocsin file|csv|text) ([\w.]+)\n(.*?)^```$", re.M | re.S)


def missing_constructs():
    """The constructs that no example of docs/language.md shows."""
    text = (ROOT / "docs/language.md").read_text(encoding="utf-8")
    code = "\n".join(m[2] for m in BLOCK.finditer(text))
    for line in (ROOT / "tests/e2e/language_constructs.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            name, pattern = line.split("|", 1)
            if not re.search(pattern, code, re.M):
                yield name


def main():
    passed = failed = 0
    for name in missing_constructs():
        failed += 1
        print(f"FAIL docs/language.md has no example of: {name}")
    passed += not failed
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        blocks = [(text.count("\n", 0, m.start()) + 1, m[1].strip(), m[2]) for m in BLOCK.finditer(text)]
        schema = "".join(body for _, kind, body in blocks if kind == "schema")
        for line, kind, body in blocks:
            if kind not in ("", "schema"):
                continue
            with tempfile.TemporaryDirectory() as folder:
                source = pathlib.Path(folder) / "example.tocsin"
                for data in DATA.finditer(text):
                    (pathlib.Path(folder) / data[1]).write_text(data[2], encoding="utf-8")
                source.write_text(body if kind == "schema" else schema + body, encoding="utf-8")
                done = subprocess.run([sys.argv[1], "test", source], capture_output=True, text=True, timeout=60, check=False)
            has_tests = "\ntest " in "\n" + body
            good = done.returncode == 0 and (not has_tests or not done.stdout.strip().endswith("0 passed, 0 failed"))
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(f"FAIL {page.relative_to(ROOT)}:{line}\n{done.stdout}{done.stderr}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
