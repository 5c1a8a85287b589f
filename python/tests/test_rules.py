"""Loading, checking, testing and explaining rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import LOGINS, SAMPLES

import tocsin


def test_errors_have_places_and_remedies() -> None:
    with pytest.raises(tocsin.RuleError) as caught:
        tocsin.Rules.from_text(LOGINS.replace("not ok", "not okk"), "logins.tocsin")
    (error,) = caught.value.diagnostics.errors
    assert error.code == "E0201" and error.message == "login has no field `okk`"
    assert error.span == tocsin.Span("logins.tocsin", 6, 35, 6, 38)
    assert error.edit is not None and error.edit.text == "ok"
    assert "did you mean `ok`?" in str(caught.value) and "logins.tocsin:6:35" in str(caught.value)
    assert "<table>" in caught.value._repr_html_()


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(tocsin.RuleError, match="nothing.tocsin"):
        tocsin.Rules.load(tmp_path / "nothing.tocsin")
    with pytest.raises(FileNotFoundError):
        tocsin.Rules.load(tmp_path)  # a folder without rule files


def test_check_reads_the_files_again(tmp_path: Path) -> None:
    path = tmp_path / "logins.tocsin"
    path.write_text(LOGINS, encoding="utf-8")
    rules = tocsin.Rules.load(path)
    assert [one.level for one in rules.check()] == ["warning"] * len(rules.check()) and len(rules.check()) >= 1
    path.write_text(LOGINS + "rule broken { when }", encoding="utf-8")
    assert len(rules.check().errors) >= 1
    assert [rule.id for rule in rules.rules] == ["guessing", "quiet"]


def test_what_rules_are(logins: tocsin.Rules) -> None:
    guessing = logins.rules[0]
    assert guessing == tocsin.RuleInfo("guessing", "guessing", "Three wrong passwords", "live", ("user",), ("login",))
    assert repr(logins) == "<Rules: guessing, quiet>"
    assert "Three wrong passwords" in logins._repr_html_()
    assert logins.description["types"][0]["name"] == "login"


def test_tests_of_the_samples_pass_as_on_the_command_line() -> None:
    report = tocsin.Rules.load(SAMPLES).test()
    assert report and len(report) > 50 and not report.failed
    assert repr(report) == f"<TestReport: {len(report)} passed, 0 failed>"


def test_a_failed_test_says_why() -> None:
    rules = tocsin.Rules.from_text(LOGINS.replace("expect alert at 2s", "expect alert at 1s"))
    report = rules.test("guessing *")
    assert not report and len(report.failed) == 1
    failed = report.failed[0]
    assert failed.rule == "guessing" and failed.title == "three in a row"
    assert "why no alert came at 1s" in failed.text and "why no alert came at 1s" in str(report)
    assert "why no alert" in report._repr_html_()
    with pytest.raises(ValueError, match="no test's rule and title match 'nothing like it'"):
        rules.test("nothing like it")


def test_explanations(logins: tocsin.Rules) -> None:
    explained = logins.explain("guessing")
    assert "Three wrong passwords" in str(explained) and explained.members["rule"] == "guessing"
    assert explained._repr_html_().startswith("<pre>")
    with pytest.raises(KeyError, match="did you mean guessing"):
        logins.explain("gessing")
