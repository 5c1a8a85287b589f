#!/usr/bin/env python3
"""What `tocsin test` shows of tests that fail: each file of tests/golden/failed_tests is run, and what comes is compared
with the file of the same name in .expected. UPDATE_GOLDEN=1 writes these anew.

    failed_tests.py TOCSIN_BINARY [TEXT]
"""
import os
import shutil

from harness import ROOT, case, run_cases, tocsin

FOLDER = ROOT / "tests" / "golden" / "failed_tests"


def check(path):
    shutil.copy(path, path.name)
    done = tocsin("test", path.name, code=1)
    expected = path.with_suffix(".expected")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(done.out)
    assert "error" not in done.err, done  # warnings of the rules are shown there
    assert "0 passed" in done.out.splitlines()[-1], "every test in these files fails"
    assert done.out == expected.read_text(), done


for file in sorted(FOLDER.glob("*.tocsin")):
    def run(path=file):
        check(path)

    run.__doc__ = f"failed test: {file.stem}"
    case(run)


@case
def _():
    """failed test: each expected text belongs to a file"""
    assert {path.stem for path in FOLDER.glob("*.tocsin")} == {path.stem for path in FOLDER.glob("*.expected")}
    assert len(list(FOLDER.glob("*.tocsin"))) >= 30


@case
def _():
    """failed test: what docs/language.md shows is what comes"""
    page = (ROOT / "docs" / "language.md").read_text()
    assert "```\n" + (FOLDER / "condition_false.expected").read_text() + "```\n" in page


run_cases()
