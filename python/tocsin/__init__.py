"""Tocsin in Python: fraud rules over streams of events, with the alerts of `tocsin run`, byte for byte.

    rules = tocsin.Rules.load("rules/")
    alerts = rules.run("payments.ndjson", out_of_orderness="5s")
    alerts.to_pandas()

docs/python.md is the guide; the rule language is described in docs/language.md.
"""

from tocsin._native import version as _version
from tocsin.alerts import Alert, Alerts, SetAside
from tocsin.comparison import Comparison, RuleChange, compare
from tocsin.diagnostics import Diagnostic, Diagnostics, Edit, Span
from tocsin.errors import Error, LimitError, RuleError
from tocsin.labels import Label, RuleScore, Scores, score
from tocsin.rules import Explanation, RuleInfo, Rules
from tocsin.run import Run
from tocsin.testing import TestReport, TestResult

__version__: str = _version()

__all__ = [
    "Alert",
    "Alerts",
    "Comparison",
    "Diagnostic",
    "Diagnostics",
    "Edit",
    "Error",
    "Explanation",
    "Label",
    "LimitError",
    "RuleChange",
    "RuleError",
    "RuleInfo",
    "RuleScore",
    "Rules",
    "Run",
    "Scores",
    "SetAside",
    "Span",
    "TestReport",
    "TestResult",
    "compare",
    "score",
]
