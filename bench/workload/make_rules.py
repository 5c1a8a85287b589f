#!/usr/bin/env python3
"""Prints a rule set of the payments workload (README.md beside the workload says what each query means).

    python3 make_rules.py NAME > rules.tocsin        NAME: one of SETS, or text, others, thousand, tenthousand

Every rule is named after its query and variant (`q3_v2`); the seven are v = 0. `text` is none of them: it searches the
memo of each payment for a hundred phrases and twenty regular expressions. `others` has no rule, and does not declare
payments: most lines are of a type that is not declared. `thousand` and `tenthousand` are 22 of the
fifty and templates: half filters of one merchant, a third sequences by card that begin at one merchant, the rest
thresholds of one country. Their amounts are such that few events alert.
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


# One of them, "gift card", comes in memos; the expressions hardly.
PHRASES = [f"{a} {b}" for a in "gift safe urgent secret bank tax police crypto refund remote".split()
           for b in "card account transfer officer wallet fine payment code support desk".split()]
EXPRESSIONS = [r"[0-9]{12,19}", r"\bIBAN ?[A-Z]{2}[0-9]{2}", r"any ?desk", r"team ?viewer", r"\b(btc|eth|xmr)\b", r"https?://",
               r"\bwa\.me/[0-9]+", r"\+[0-9]{8,15}", r"pass ?word", r"\bOTP\b", r"one.time.code", r"inherit(ance|ed)",
               r"lotter(y|ies)", r"\bDHL\b.*customs", r"(mum|dad).{0,10}new (phone|number)", r"invest(ment|or)s?", r"double your",
               r"western ?union", r"money ?gram", r"^(urgent|important)"]


def text_rules():
    phrases = ", ".join(f'"{phrase}"' for phrase in PHRASES)
    expressions = ", ".join(f"/{expression.replace('/', chr(92) + '/')}/i" for expression in EXPRESSIONS)
    return (f"list phrases : text = [{phrases}]\nlist expressions : regex = [{expressions}]\n"
            'rule scam "A phrase of a scam" {\n  when payment where memo contains any of phrases\n  alert "phrase"\n}\n'
            'rule odd "What a memo should not hold" {\n  when payment where memo matches any of expressions\n'
            '  alert "expression"\n}\n')


COUNTRIES = "US GB DE FR ES IT PL NL CA AU JP".split()
FACTORS = ["2", "2.25", "2.5", "2.75", "3", "3.25", "3.5"]
KEYS = {2: "card", 3: "card", 4: "account", 5: "account", 6: "card", 7: "card"}
SEVEN = [(q, 0) for q in range(1, 8)]
TEN = SEVEN + [(q, 1) for q in (2, 3, 5)]
# Queries and their variants, and the keys that differ from KEYS.
SETS = {
    "none": ([], {}),
    "one": ([(1, 0)], {}),
    "seven": (SEVEN, {}),
    "ten": (TEN, {}),
    "fifty": ([(q, v) for v in range(7) for q in range(1, 8)], {}),
    "seven-two-keys": (SEVEN, {3: "account", 6: "account"}),
    "ten-two-keys": (TEN, {3: "account", 6: "account"}),
    "three-keys": (TEN, {3: "account", 6: "device"}),
    "correlated": ([(6, 0), (7, 0)], {}),
}
MANY = {"thousand": 1_000, "tenthousand": 10_000}
MANY_QUERIES = [(q, v) for v in range(3) for q in range(1, 8)]


def many(count):
    """The templates of a set of so many rules: (kind, merchant or country, amount)."""
    left = count - len(MANY_QUERIES) - 1
    filters, sequences = left // 2, left * 6 // 19
    merchant = [f"M{k * 13 % 10000:05d}" for k in range(left)]
    return ([("filter", merchant[k], 5000 + k % 1000) for k in range(filters)]
            + [("sequence", merchant[k + 200], 300) for k in range(sequences)]
            + [("threshold", COUNTRIES[k % 11], f"{8990 + k // 11 * 0.05:.2f}") for k in range(left - filters - sequences)])


def template(number, kind, name, amount):
    body = {
        "filter": f'when payment where merchant = "{name}" and amount > {amount}',
        "sequence": f'by card\n  when payment where merchant = "{name}" and amount < 10 then payment where amount > {amount}\n'
                    "  within 10m\n  after match skip past last",
        "threshold": f'when payment where country = "{name}" and amount > {amount}',
    }[kind]
    return f'rule {kind}_{number} "{kind} {number}" {{\n  {body}\n  alert "{kind}"\n}}\n'


def query(q, v, keys):
    n, window = VELOCITY[v]
    by = {**KEYS, **keys}.get(q)
    body = {
        1: f"when payment where amount > {5000 + 500 * v} and country in risky_countries",
        2: f"by {by}\n  when payment where count(payment) over last {window} >= {n}",
        3: f"by {by}\n  when 3+ payment as small where amount < 2 then payment as large where amount > {200 + 100 * v}\n"
           "  within 10m\n  after match skip past last",
        4: "by account\n  when 3 login as failed where not ok then first login where ok then first password_change\n"
           f"    then first transfer where amount > {1000 + 500 * v}\n  within 1h\n  after match skip past last",
        5: f"by account\n  when transfer as t where amount > {1000 + 500 * v} then no otp_ok for {5 + v}m",
        6: f"by {by}\n  when payment as a where channel = pos then next payment where channel = pos and country != a.country\n"
           f"  within {30 - 3 * v}m\n  after match no skip",
        7: f"by {by}\n  when payment as a then next payment as b where amount > {FACTORS[v]} * a.amount\n"
           f"    then next payment where amount > {FACTORS[v]} * b.amount\n  within 1h\n  after match no skip",
    }[q]
    return f'rule q{q}_v{v} "Query {q}, variant {v}" {{\n  {body}\n  alert "q{q}"\n}}\n'


def rule_set(name):
    """The text of a set of rules."""
    if name == "text":
        schema = SCHEMA.partition("list risky_countries")[0]
        return schema.replace("channel: enum", "memo: string, channel: enum") + text_rules()
    if name == "others":
        return SCHEMA[SCHEMA.index("event login"):SCHEMA.index("list")]
    schema = SCHEMA
    if name in MANY:
        schema = schema.replace("country: string", "country: string, merchant: string", 1)
        queries, keys = MANY_QUERIES, {}
    else:
        queries, keys = SETS[name]
    if "device" in keys.values():
        schema = schema.replace("country: string", "country: string, device: string", 1)
    rules = [query(q, v, keys) for q, v in queries]
    if name == "fifty" or name in MANY:
        rules.append('rule japan "Large payment in Japan" {\n  when payment where amount > 3000 and country = "JP"\n'
                     '  alert "japan"\n}\n')
    if name in MANY:
        rules += [template(number, *rule) for number, rule in enumerate(many(MANY[name]))]
    return schema + "\n" + "\n".join(rules)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in [*SETS, *MANY, "text", "others"]:
        sys.exit(__doc__)
    print(rule_set(sys.argv[1]), end="")
