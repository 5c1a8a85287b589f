#!/usr/bin/env python3
"""Prints one alert of a file of alerts, unfolded, and scores the alerts against the generator's truth.

    show_alert.py ALERTS.ndjson TRUTH.ndjson
"""
import json
import sys
from collections import Counter


def unfold(value, indent=""):
    """JSON with one member a line; numbers as they were written."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        members = (f"{inner}{json.dumps(name)}: {unfold(member, inner)}" for name, member in value.items())
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + unfold(member, inner) for member in value) + f"\n{indent}]"
    return value.text if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


class Number:
    def __init__(self, text):
        self.text = text


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        alerts = [json.loads(line, parse_float=Number, parse_int=Number) for line in file]
    shown = next((alert for alert in alerts if alert["rule"] == "card_testing"), alerts[0] if alerts else None)
    print(unfold(shown) if shown else "no alert")
    seen = {event["id"] for alert in alerts for event in alert["events"]}
    planted, found = Counter(), Counter()
    with open(sys.argv[2], encoding="utf-8") as file:
        for scenario in map(json.loads, file):
            planted[scenario["scenario"]] += 1
            found[scenario["scenario"]] += any(event in seen for event in scenario["events"])
    print("\nplanted fraud with an alert on one of its events:")
    for name, count in sorted(planted.items()):
        print(f"  {found[name]:4} of {count:4}  {name}")


main()
