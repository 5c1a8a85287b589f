"""The tests in rule files, and what they came to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tocsin import _native
from tocsin._html import escape, table
from tocsin.run import Progress, interruptible


@dataclass(frozen=True)
class TestResult:
    """One test. `text` says of a failed one what came, what was expected, and why."""

    __test__ = False  # pytest collects classes of this name

    file: str
    line: int
    rule: str
    title: str
    passed: bool
    difference: str = ""
    text: str = ""

    def __str__(self) -> str:
        end = "" if self.passed else f"\n{self.text.rstrip()}"
        return f"{'passed' if self.passed else 'failed'}: {self.file}:{self.line}: {self.rule} \"{self.title}\"{end}"


class TestReport(Sequence[TestResult]):
    """The results of tests, in their order."""

    __test__ = False

    def __init__(self, results: Sequence[TestResult]) -> None:
        self._results = list(results)

    @property
    def passed(self) -> list[TestResult]:
        """Those that passed."""
        return [one for one in self._results if one.passed]

    @property
    def failed(self) -> list[TestResult]:
        """Those that failed."""
        return [one for one in self._results if not one.passed]

    def __getitem__(self, at: Any) -> Any:
        return self._results[at]

    def __len__(self) -> int:
        return len(self._results)

    def __bool__(self) -> bool:
        """Whether no test failed."""
        return not self.failed

    def __str__(self) -> str:
        return "\n".join([*(str(one) for one in self.failed), f"{len(self.passed)} passed, {len(self.failed)} failed"])

    def __repr__(self) -> str:
        return f"<TestReport: {len(self.passed)} passed, {len(self.failed)} failed>"

    def _repr_html_(self) -> str:
        rows = [
            ["passed" if one.passed else "failed", escape(one.rule), escape(one.title), escape(f"{one.file}:{one.line}"),
             f"<pre>{escape(one.text)}</pre>" if one.text else ""]
            for one in [*self.failed, *self.passed]
        ]
        return table(["outcome", "rule", "test", "place", "why"], rows, f"{len(self.passed)} passed, {len(self.failed)} failed")


def _is_wanted(test: dict[str, Any], filters: Sequence[str]) -> bool:
    """As `tocsin test --filter`: a text stands anywhere in `RULE TITLE`; one with * or ? is a shape of all of it."""
    name = f"{test['rule']} {test['title']}"
    return not filters or any(
        fnmatchcase(name, one.replace("[", "[[]")) if "*" in one or "?" in one else one in name for one in filters
    )


def run_tests(pack: _native.Pack, filters: Sequence[str], progress: bool | None) -> TestReport:
    """Runs the tests of the pack that one of the filters takes; all of them without filters."""
    tests = [json.loads(line) for line in pack.list_tests().splitlines()]
    wanted = [number for number, test in enumerate(tests) if _is_wanted(test, filters)]
    if filters and not wanted:
        raise ValueError(f"no test's rule and title match {' or '.join(map(repr, filters))}")
    results = []
    bar = Progress(progress, len(wanted), " tests")
    try:
        for number in wanted:
            test = tests[number]
            got = json.loads(interruptible(lambda number=number: pack.run_test(number)))  # type: ignore[misc]
            results.append(TestResult(test["file"], test["line"], test["rule"], test["title"], got["outcome"] == "passed",
                                      got.get("difference", ""), got.get("text", "")))
            bar.add(1)
    finally:
        bar.close()
    return TestReport(results)
