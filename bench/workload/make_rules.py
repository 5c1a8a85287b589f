#!/usr/bin/env python3
"""Prints a rule set of the payments workload (README.md beside the workload says what each query means).

    python3 make_rules.py none|one|seven|ten|fifty > rules.tocsin

Every rule is named after its query and variant (`q3_v2`); the seven are v = 0.
"""
import sys

SCHEMA = """event payment {
  ts: time, id: int id, account: string, card: string, country: string, amount: decimal(2),
  channel: enum(pos, ecom, atm)
}
event login { ts: time, id: int id, account: string, ok: bool }
event password_change { ts: time, id: int id, account: string }
event transfer { ts: time, id: int id, account: string, amount: decimal(2) }
event otp_ok { ts: time, id: int id, account: string }

list risky_countries : string = ["AQ", "BV", "GS", "HM", "IO", "SJ", "TF", "UM"]
"""
VELOCITY = [(6, "10m"), (7, "10m"), (8, "10m"), (6, "5m"), (7, "5m"), (8, "5m"), (8, "15m")]


def factor(v):
    return ["2", "2.25", "2.5", "2.75", "3", "3.25", "3.5"][v]


def query(q, v):
    n, window = VELOCITY[v]
    body = {
        1: f"when payment where amount > {5000 + 500 * v} and country in risky_countries",
        2: f"by card\n  when payment where count(payment) over last {window} >= {n}",
        3: f"by card\n  when 3+ payment as small where amount < 2 then payment as large where amount > {200 + 100 * v}\n"
           "  within 10m\n  after match skip past last",
        4: "by account\n  when 3 login as failed where not ok then first login where ok then first password_change\n"
           f"    then first transfer where amount > {1000 + 500 * v}\n  within 1h\n  after match skip past last",
        5: f"by account\n  when transfer as t where amount > {1000 + 500 * v} then no otp_ok for {5 + v}m",
        6: "by card\n  when payment as a where channel = pos then next payment where channel = pos and country != a.country\n"
           f"  within {30 - 3 * v}m\n  after match no skip",
        7: f"by card\n  when payment as a then next payment as b where amount > {factor(v)} * a.amount\n"
           f"    then next payment where amount > {factor(v)} * b.amount\n  within 1h\n  after match no skip",
    }[q]
    return f'rule q{q}_v{v} "Query {q}, variant {v}" {{\n  {body}\n  alert "q{q}"\n}}\n'


def main():
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    sets = {
        "none": [],
        "one": [(1, 0)],
        "seven": [(q, 0) for q in range(1, 8)],
        "ten": [(q, 0) for q in range(1, 8)] + [(q, 1) for q in (2, 3, 5)],
        "fifty": [(q, v) for v in range(7) for q in range(1, 8)],
    }
    if name not in sets:
        sys.exit(__doc__)
    rules = [query(q, v) for q, v in sets[name]]
    if name == "fifty":
        rules.append('rule japan "Large payment in Japan" {\n  when payment where amount > 3000 and country = "JP"\n'
                     '  alert "japan"\n}\n')
    print(SCHEMA + "\n" + "\n".join(rules), end="")


main()
