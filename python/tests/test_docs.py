"""The examples of docs/python.md, from top to bottom, in a folder with the page's files."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
from conftest import ROOT

PAGE = ROOT / "docs" / "python.md"
BLOCK = re.compile(r"^```(\w+)[ ]?([^\n]*)\n(.*?)^```$", re.M | re.S)


def test_every_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    known: dict[str, object] = {}
    ran = 0
    for match in BLOCK.finditer(page):
        language, info, body = match.groups()
        if language == "tocsin":
            (tmp_path / info.removeprefix("file ")).write_text(body, encoding="utf-8")
        if language != "python":
            continue
        line = page.count("\n", 0, match.start(3))
        example = doctest.DocTestParser().get_doctest(body, known, "python.md", str(PAGE), line)
        told: list[str] = []
        result = doctest.DocTestRunner(verbose=False).run(example, out=told.append, clear_globs=False)
        known = example.globs
        ran += result.attempted
        assert result.failed == 0, "".join(told)
    assert ran > 30
