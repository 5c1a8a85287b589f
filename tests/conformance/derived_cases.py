#!/usr/bin/env python3
"""Makes derived.jsonl: more cases in the form of README.md beside this file, about predicates that look back.

    derived_cases.py --cases N --seed S     prints N random cases with their matches
    derived_cases.py --check FILE           compares this evaluator with the cases of FILE that it covers

The matches come from the evaluator below, which says the README's rules as plainly as can be: sequences with the three
contiguities and loops, without options, absences, windows and skipping. It knows nothing of Tocsin.
"""
import argparse
import fractions
import json
import random
import re
import sys

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|('(?:[^']|'')*')|([A-Za-z_]\w*)|(<=|>=|!=|[-=<>+*/().]))")


class Parser:
    """Predicates to nested tuples."""

    def __init__(self, text):
        self.tokens, place = [], 0
        while text[place:].strip():
            match = TOKEN.match(text, place)
            if not match:
                raise ValueError(text)
            self.tokens.append(match.group().strip())
            place = match.end()
        self.next = 0

    def peek(self):
        return self.tokens[self.next] if self.next < len(self.tokens) else ""

    def take(self, *texts):
        if self.peek() in texts:
            self.next += 1
            return self.tokens[self.next - 1]
        return None

    def word(self):
        self.next += 1
        return self.tokens[self.next - 1]

    def disjunction(self):
        left = self.conjunction()
        while self.take("or"):
            left = ("or", left, self.conjunction())
        return left

    def conjunction(self):
        left = self.negation()
        while self.take("and"):
            left = ("and", left, self.negation())
        return left

    def negation(self):
        return ("not", self.negation()) if self.take("not") else self.comparison()

    def comparison(self):
        left = self.sum()
        operator = self.take("=", "!=", "<", "<=", ">", ">=", "like")
        return (operator, left, self.sum()) if operator else left

    def sum(self):
        left = self.product()
        while operator := self.take("+", "-"):
            left = (operator, left, self.product())
        return left

    def product(self):
        left = self.unary()
        while operator := self.take("*", "/"):
            left = (operator, left, self.unary())
        return left

    def unary(self):
        return ("negate", self.unary()) if self.take("-") else self.primary()

    def primary(self):
        if self.take("("):
            inner = self.disjunction()
            self.take(")")
            return inner
        token = self.word()
        if token[0] == "'":
            return ("constant", token[1:-1].replace("''", "'"))
        if token[0].isdigit():
            return ("constant", fractions.Fraction(token))
        if token == "true":
            return ("constant", True)
        if self.take("("):
            var = self.word()
            if token in ("first", "last"):
                self.take(")")
                self.take(".")
                return (token, var, self.word())
            attribute = self.word() if self.take(".") else None
            self.take(")")
            return (token, var, attribute)
        if self.take("."):
            return ("last", token, self.word())
        return ("attribute", token)


def number(value):
    """Decimals by their text, so that no sum is rounded."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return fractions.Fraction(repr(value))


def evaluate(tree, event, bound):
    kind = tree[0]
    if kind == "constant":
        return tree[1]
    if kind == "attribute":
        return number(event.get(tree[1]))
    if kind in ("first", "last", "sum", "avg", "min", "max", "count"):
        events = bound.get(tree[1], [])
        if kind == "count":
            return fractions.Fraction(len(events))
        if kind in ("first", "last"):
            return number(events[0 if kind == "first" else -1].get(tree[2])) if events else None
        values = [number(e[tree[2]]) for e in events if e.get(tree[2]) is not None]
        if kind == "sum":
            return sum(values, fractions.Fraction(0))
        if not values:
            return None
        return {"avg": lambda: sum(values) / len(values), "min": lambda: min(values), "max": lambda: max(values)}[kind]()
    if kind == "not":
        return not evaluate(tree[1], event, bound)
    if kind == "and":
        return bool(evaluate(tree[1], event, bound)) and bool(evaluate(tree[2], event, bound))
    if kind == "or":
        return bool(evaluate(tree[1], event, bound)) or bool(evaluate(tree[2], event, bound))
    if kind == "negate":
        value = evaluate(tree[1], event, bound)
        return None if value is None else -value
    left, right = evaluate(tree[1], event, bound), evaluate(tree[2], event, bound)
    if kind in "+-*/":
        if left is None or right is None or (kind == "/" and right == 0):
            return None
        return {"+": left + right, "-": left - right, "*": left * right, "/": left / (right or 1)}[kind]
    if left is None or right is None:
        return False
    if kind == "like":
        return re.fullmatch(".*".join(map(re.escape, right.split("%"))), left, re.S) is not None
    return {"=": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right,
            ">=": left >= right}[kind] if kind in ("=", "!=") or type(left) is type(right) else False


def matches_of(case):
    """All matches, by definition: every event is offered to every branch and to a fresh one."""
    steps = [dict(s, tree=Parser(s["where"]).disjunction() if s.get("where") else ("constant", True))
             for s in case["pattern"]["steps"]]
    times = [s.get("times") or {"min": 1, "max": 1, "consecutive": "relaxed"} for s in steps]
    found, branches = set(), []

    def taken(place, count, bound):
        """The branches that go on after step `place` has taken its event number `count`."""
        on = []
        if count >= times[place]["min"]:
            if place + 1 == len(steps):
                found.add(tuple(sorted((var, tuple(e["i"] for e in events)) for var, events in bound.items())))
            else:
                on.append((place + 1, 0, steps[place + 1]["contiguity"], bound))
        if times[place]["max"] is None or count < times[place]["max"]:
            on.append((place, count, times[place]["consecutive"], bound))
        return on

    for event in case["events"]:
        alive = []
        for place, count, contiguity, bound in branches + [(0, 0, "fresh", {})]:
            fits = bool(evaluate(steps[place]["tree"], event, bound))
            if fits:
                var = steps[place]["var"]
                alive += taken(place, count + 1, {**bound, var: bound.get(var, []) + [event]})
            if (contiguity == "any" and fits) or (contiguity in ("any", "relaxed") and not fits):
                alive.append((place, count, contiguity, bound))
        branches = alive
    return [{var: list(indices) for var, indices in match} for match in sorted(found)]


def covered(case):
    steps = case["pattern"]["steps"]
    return (not case.get("within") and case["skip"] == "no_skip" and not case.get("error") and all(
        "group" not in s and not s.get("optional") and not s.get("within")
        and s["contiguity"] in (None, "strict", "relaxed", "any")
        and not (s.get("times") or {}).get("greedy") and not (s.get("times") or {}).get("until")
        and not (s.get("times") or {}).get("window_ms") for s in steps))


# ---- random cases
def random_term(rng, names, own, attribute, depth=0):
    look_back = rng.choice(["first({v}).{x}", "last({v}).{x}", "{v}.{x}", "sum({v}.{x})", "avg({v}.{x})", "min({v}.{x})",
                            "max({v}.{x})", "count({v})"])
    roll = rng.random()
    if depth < 2 and roll < 0.2:
        left = random_term(rng, names, own, attribute, depth + 1)
        right = random_term(rng, names, own, attribute, depth + 1)
        return f"({left} {rng.choice('+-*+-*/')} {right})" if rng.random() < 0.3 else f"{left} {rng.choice('+-')} {right}"
    if roll < 0.45:
        return attribute
    if roll < 0.55:
        return str(rng.randint(0, 4))
    var = own if rng.random() < 0.7 else rng.choice(names)
    return look_back.format(v=var, x=attribute)


def random_condition(rng, names, own, depth=0):
    roll = rng.random()
    if depth < 2 and roll < 0.35:
        left, right = (random_condition(rng, names, own, depth + 1) for _ in range(2))
        joined = f"{left} {rng.choice(['and', 'or'])} {right}"
        return f"({joined})" if depth else joined
    if roll < 0.45:
        return "not (" + random_condition(rng, names, own, depth + 1) + ")"
    if roll < 0.6:
        return f"name = '{rng.choice('abc')}'"
    if roll < 0.7:
        return f"count({own}) = 0 or value {rng.choice('<>')} last({own}).value"
    attribute = rng.choice(["value", "value", "amount", "weight"])
    return (random_term(rng, names, own, attribute) + " " + rng.choice(["=", "!=", "<", "<=", ">", ">="]) + " " +
            random_term(rng, names, own, attribute))


def random_case(rng, number):
    names = ["a", "b", "c"][:rng.randint(1, 3)]
    steps = []
    for place, name in enumerate(names):
        step = {"var": name, "contiguity": None if place == 0 else rng.choice(["strict", "relaxed", "any"])}
        step["where"] = random_condition(rng, names, name)
        if place == 0 and len(names) > 1 and rng.random() < 0.5:
            step["where"] = f"name = '{name}'"
        if rng.random() < 0.65:
            least = rng.randint(1, 3)
            most = None if rng.random() < 0.5 else least + rng.randint(0, 2)
            step["times"] = {"min": least, "max": most, "greedy": False,
                             "consecutive": rng.choice(["strict", "strict", "relaxed", "relaxed", "any"])}
        steps.append(step)
    events = []
    ts = 0
    for i in range(rng.randint(4, 8)):
        ts += rng.randint(0, 2)
        event = {"i": i, "ts": ts, "name": rng.choice("aaabbc"), "value": rng.randint(0, 5)}
        if rng.random() < 0.8:
            event["amount"] = rng.randint(-20, 40) / 10
        # Written with an exponent and exact in binary: floats whose sums are exact too.
        if rng.random() < 0.8:
            event["weight"] = rng.randint(1, 9) * 2.0 ** -40
        if rng.random() < 0.1:
            del event["value"]
        events.append(event)
    return {"id": f"derived-{number:03}", "theme": "predicates", "title": "a predicate that looks back",
            "source": "derived_cases.py", "events": events, "pattern": {"steps": steps}, "within": None,
            "skip": "no_skip"}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cases", type=int, default=150)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--check", metavar="FILE")
    options = arguments.parse_args()
    if options.check:
        checked = wrong = 0
        for line in open(options.check, encoding="utf-8"):
            case = json.loads(line)
            if not covered(case):
                continue
            checked += 1
            as_set = lambda matches: {json.dumps(m, sort_keys=True) for m in matches}
            if as_set(matches_of(case)) != as_set(case["matches"]):
                wrong += 1
                print("differs:", case["id"])
        print(f"{checked - wrong} passed, {wrong} failed")
        return wrong != 0
    rng = random.Random(options.seed)
    made = 0
    while made < options.cases:
        case = random_case(rng, made)
        if not any(re.search(r"\(|\.", step["where"]) for step in case["pattern"]["steps"]):
            continue  # looks back nowhere
        case["matches"] = matches_of(case)
        # Of those where nothing or nearly everything matches a few will do.
        if len(case["matches"]) > 40 or (not case["matches"] and rng.random() < 0.95):
            continue
        print(json.dumps(case))
        made += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
