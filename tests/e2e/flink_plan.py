#!/usr/bin/env python3
"""`tocsin flink plan` as its users meet it: what is spread, what is not, and refusals.

    flink_plan.py TOCSIN_BINARY [TEXT]
"""
import json

from harness import RULES, case, has, run_cases, tocsin, write

MERCHANTS = """\
event payment { ts: time, id: string id, card: string, merchant: string, amount: decimal(2) }

feature merchant_hour = count(payment) by merchant over previous 1h

rule busy "A large payment at a busy merchant" {
  by card
  when payment where amount > 100 and merchant_hour > 20
  once per 1h for each merchant
  alert "busy"
}

rule flood "Two payments within a second" {
  when payment then payment within 1s
  once per 1h
  alert "flood"
}
"""
COUPLED = """\
event payment { ts: time, id: string id, card: string, merchant: string, amount: int }

feature usual = avg(amount of payment unless alerted by outlier) by merchant over previous 30d

rule outlier "Far above what is usual" {
  by card
  when payment where amount > 4 * usual
  alert "far"
}
"""


@case
def _():
    """text: the graph, the stages, what is sent, what has no key"""
    write("rules.tocsin", MERCHANTS)
    out = tocsin("flink", "plan", "rules.tocsin").out
    has(out, "source ─▶ intake ─▶ pass 0 ─▶ pass 1 ─▶ hold 1 ─▶ alerts\n",
        "pass 0\n  by: no key; merchant\n  features: merchant_hour\n  rules: flood\n",
        "pass 1\n  by: card\n  rules: busy\n  held back by rule: busy\n",
        "  intake ─▶ pass 1\n    `payment`: 5 fields, about ", "  pass 0 ─▶ pass 1\n    values of merchant_hour\n",
        "  pass 1 ─▶ hold 1\n    matches of busy\n", "in one part each, as they have no key\n  rules: flood\n")


@case
def _():
    """json: one object with the same facts"""
    write("rules.tocsin", RULES)
    out = tocsin("flink", "plan", "rules.tocsin", "--format", "json").out
    assert out.count("\n") == 1
    plan = json.loads(out)
    assert plan["can_be_spread"] is True and plan["obstacles"] == []
    assert plan["passes"] == [{"keys": ["card"], "hold": False, "features": [], "rules": ["large", "unconfirmed"]}]
    assert [(e["from"], e["to"]) for e in plan["exchanges"]] == [("intake", "pass 0"), ("pass 0", "alerts")]
    assert [rows["type"] for rows in plan["exchanges"][0]["rows"]] == ["payment", "confirmation"]


@case
def _():
    """what cannot be spread is named with the reason and the remedy; the exit code says so"""
    write("rules.tocsin", COUPLED)
    out = " ".join(tocsin("flink", "plan", "rules.tocsin", code=1).out.split())
    has(out, "cannot be spread", "rule `outlier` (by card) reads feature `usual` (by merchant)", "Give both one key")
    plan = json.loads(tocsin("flink", "plan", "rules.tocsin", "--format", "json", code=1).out)
    assert plan["can_be_spread"] is False and plan["obstacles"][0]["feature"] == "usual" and plan["exchanges"] == []


@case
def _():
    """rules with errors, no rules, an unknown command"""
    write("bad.tocsin", RULES.replace("amount > 100", "amont > 100"))
    has(tocsin("flink", "plan", "bad.tocsin", code=1).err, "amont", "there is no job of them")
    has(tocsin("flink", "plan", "none.tocsin", code=1).err, "none.tocsin")
    has(tocsin("flink", "plan", code=2).err, "RULES")
    has(tocsin("flink", "plna", "bad.tocsin", code=2).err, "did you mean plan?")


run_cases()
