"""What must hold of a server's data directory in the end of a round (serve_round.py)."""
import json
import time

from crash_parts import LIMIT_S, check, check_aside, expected_aside, first_difference, without_repeats


class Checks:
    def __init__(self, one):
        self.round, self.host, self.operator = one, one.host, one.operator

    # --- while it runs

    def get(self, path, good=(200,)):
        return self.host.ask_until("GET", path, good=good)

    def wait_for(self, condition, what):
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            check(self.round.life.poll() is None, "it has ended")
            check(time.monotonic() < deadline, lambda: f"waited in vain for {what}: {condition()}")
            time.sleep(0.02)

    def check_online(self):
        """In a life that nobody kills, once nothing is sent any more."""
        self.wait_for(self.is_through, "the alert of the end")
        self.wait_for(self.is_delivered, "all deliveries")
        self.check_triage()
        self.check_subscriptions()
        self.check_silences()
        self.check_others()
        self.check_audit()

    def is_through(self):
        """Alerts are stored in their order: the last one that comes is there."""
        newest = self.get("/v1/alerts?rule=moment_quiet&limit=3").json()["alerts"]
        return {one["alert"]["events"][0]["id"] for one in newest} >= set(self.round.closing_ids())

    def is_delivered(self):
        def is_done():
            owed = {one["name"]: one["owed"] for one in self.get("/v1/subscriptions").json()["subscriptions"]}
            opened = [line for line in self.get("/metrics").body.decode().splitlines()
                      if line.startswith("tocsin_delivery_messages_open")]
            return not any(owed[name] for name in self.operator.delivering) and opened[0].endswith(" 0")
        # What is released is owed only then.
        return is_done() and is_done() and self.has_last_alert()

    def has_last_alert(self):
        """The endpoint has it, whatever is said to be owed; what is silenced is owed to nobody."""
        if self.operator.is_silenced != "never":
            return True
        bodies = [body for _, body in self.round.hooks.of("/all")]
        return all(any(f'"{name}"' in body for body in bodies) for name in self.round.closing_ids())

    def check_triage(self):
        analyst = self.round.analyst
        for alert in sorted({alert for alert in analyst.asked.values() if alert}):
            history = self.get(f"/v1/alerts/{alert}/triage").json()["history"]
            known = analyst.acknowledged.get(alert, [])
            check(history[:len(known)] == known, lambda: f"triage of {alert} that was acknowledged is gone: {known}, {history}")
            comments = [row["comment"] for row in history]
            check(len(set(comments)) == len(comments), lambda: f"triage of {alert} was done twice: {history}")
            check(all(analyst.asked.get(one) == alert for one in comments), lambda: f"nobody asked for {history}")
            for before, row in zip(history, history[1:]):
                moved = [one for one in history[:history.index(row)] if "to" in one]
                check("from" not in row or row["from"] == (moved[-1]["to"] if moved else "open"),
                      lambda: f"triage of {alert} leaps: {before}, {row}")

    def check_subscriptions(self):
        found = {one["name"]: one for one in self.get("/v1/subscriptions").json()["subscriptions"]}
        for name, headers in self.operator.subscriptions.items():
            check((headers is None) == (name not in found), f"{name}: wanted {headers}, and there are {sorted(found)}")
            if headers is not None:
                check(found[name].get("headers", {}) == headers, lambda: f"{name}: wanted {headers}, found {found[name]}")

    def check_silences(self):
        found = [one["reason"] for one in self.get("/v1/silences").json()["silences"]]
        check(len(set(found)) == len(found), lambda: f"a silence is there twice: {found}")
        for reason, made in self.operator.silences.items():
            check(made is None or reason in found, f"{reason} was acknowledged and is gone")

    def check_others(self):
        """Tokens, savepoints, the list, the rules."""
        operator = self.operator
        tokens = [one["name"] for one in self.get("/v1/tokens").json()["tokens"]]
        check(len(set(tokens)) == len(tokens), lambda: f"a token is there twice: {tokens}")
        for name, is_acknowledged in operator.tokens.items():
            check(not is_acknowledged or name in tokens, f"{name} was acknowledged and is gone")
        kept = sorted(one["name"] for one in self.get("/v1/savepoints").json()["savepoints"])
        wanted = sorted(name for name, is_there in operator.savepoints.items() if is_there)
        check(kept == wanted, f"savepoints: wanted {wanted}, found {kept}")
        cards = sorted(one["value"] for one in self.get("/v1/lists/moment_cards").json()["entries"])
        check(cards == sorted(operator.list), lambda: f"the list: wanted {sorted(operator.list)}, found {cards}")
        rules = {one["id"] for one in self.get("/v1/rules").json()["rules"]}
        for number, is_there in operator.rules.items():
            check((f"moment_{number}" in rules) == is_there, f"rule moment_{number}: wanted {is_there}, found {sorted(rules)}")

    def check_audit(self):
        """Every change that was answered well stands there with its status."""
        statuses, cursor = {}, ""
        while True:
            page = self.get("/v1/audit?limit=1000" + cursor).json()
            for entry in page["entries"]:
                check(entry["sequence"] not in statuses, "an entry of the audit log is there twice")
                statuses[entry["sequence"]] = (entry["request_id"], entry.get("status"))
            if "next" not in page:
                break
            cursor = f"&cursor={page['next']}"
        missing = set(self.host.request_ids) - set(statuses.values())
        check(not missing, lambda: f"changes that were acknowledged are not in the audit log: {sorted(missing)}")
        check(sorted(statuses) == list(range(1, len(statuses) + 1)), "the audit log has gaps")

    # --- after its end

    def check_offline(self):
        one = self.round
        out = one.folder / "expected"
        options = ["--until-watermark", "--out-of-orderness", one.bound_us, "--late-policy", one.late,
                   "--unknown-types", one.unknown_types]
        if one.late_max_us:
            options += ["--late-max", one.late_max_us]
        with one.all_blobs():
            said = one.tools.run(one.tools.oracle, "expect", one.data / "journal", out, *options, *one.rules)
        one.facts = json.loads(said)
        check(one.facts["first_sequence"] == 1, "the journal has let go of records")
        self.alerts = (out / "alerts.ndjson").read_text().split("\n")[:-1]
        self.check_lines(out)
        found = one.tools.run(one.tools.tocsin, "alerts", "--data", one.data).split("\n")[:-1]
        check(found == self.alerts, lambda: f"of {len(self.alerts)} alerts by the {one.facts['by']} the store has "
                                            f"{len(found)}; {first_difference(self.alerts, found)}")
        for kind in ("late", "dead"):
            check_aside(one.tools, one.data, one.folder, kind, expected_aside(out / kind, kind == "late"),
                        one.keeps_all_aside)
        check(one.facts["reinjected"] >= self.operator.put_in_again,
              f"{self.operator.put_in_again} lines were put in again, the journal has {one.facts['reinjected']}")
        self.check_shown()
        self.check_deliveries()
        one.tools.run(one.tools.tocsin, "verify", one.data)

    def check_lines(self, out):
        """Each source's lines, and what was said of each."""
        sources = (out / "sources").read_text().split("\n")[:-1]
        journal = {}
        for number, name in enumerate(sources):
            judged = [line.split("\t") for line in (out / f"judged-{number}").read_text().split("\n")[:-1]]
            journal[name] = list(zip((out / f"lines-{number}").read_bytes().split(b"\n")[:-1], judged, strict=True))
        for producer in self.round.producers:
            rows = journal.pop(f"http/{producer.name}", [])
            lines = [line for line, _ in rows]
            check(lines == producer.lines, lambda: f"the journal has other lines of {producer.name} than it sent: " +
                  first_difference(producer.lines, lines))
            check(len(producer.verdicts) == len(lines), f"{len(producer.verdicts)} of {len(lines)} lines are acknowledged")
            for (line, judged), (verdict, may_be_repeat) in zip(rows, producer.verdicts):
                if not (may_be_repeat and verdict["status"] == "duplicate"):
                    self.check_verdict(producer.name, line, judged, verdict)
        self.check_pushed(journal.pop("http", []))
        others = [name for name in journal if " put in again by record " not in name]
        check(not others, f"the journal has other sources: {others}")

    def check_pushed(self, rows):
        """Attempts, one behind the other: whole where they were acknowledged, none twice, and all that were."""
        sent, verdicts = {}, {}
        for pusher in self.round.pushers:
            sent.update(pusher.sent)
            verdicts.update(pusher.verdicts)
        seen = set()
        at = 0
        while at < len(rows):
            first = rows[at][0]
            check(first in sent, lambda: f"nobody sent {first}, or not there")
            check(first not in seen, lambda: f"the attempt {first} is in the journal twice")
            seen.add(first)
            lines = sent[first]
            here = rows[at:at + len(lines)]
            check([line for line, _ in here] == lines, lambda: f"the attempt {first} is not whole: " +
                  first_difference(lines, [line for line, _ in here]))
            for (line, judged), verdict in zip(here, verdicts.get(first, [])):
                self.check_verdict("http", line, judged, verdict)
            at += len(lines)
        missing = set(verdicts) - seen
        check(not missing, lambda: f"{len(missing)} attempts were acknowledged and are not in the journal: {sorted(missing)[0]}")

    def check_verdict(self, name, line, judged, verdict):
        word, late_us, reason = judged
        said = verdict["status"]
        # An event that waits for its turn, or for another source, may turn out to be a repeat.
        if self.round.may_wait() and word == "duplicate" and said in ("accepted", "clamped"):
            return
        wanted = {"status": word}
        if word in ("late", "clamped"):
            wanted["late_us"] = int(late_us)
        if word in ("ignored", "invalid"):
            text = without_repeats(bytes.fromhex(reason).decode("utf-8", "replace"))
            wanted["type" if word == "ignored" else "reason"] = text
        found = {key: without_repeats(value) if isinstance(value, str) else value for key, value in verdict.items()
                 if key != "line"}
        check(found == wanted, lambda: f"of {line} of {name} was said {found}, it is {wanted}")

    def check_shown(self):
        """What clients were shown is what is there."""
        gone = self.round.analyst.seen - set(self.alerts)
        check(not gone, lambda: f"{len(gone)} alerts were shown and are not there: {sorted(gone)[0]}")
        ids = {json.loads(line)["id"] for line in self.alerts}
        for sender in self.round.producers + self.round.pushers:
            check(sender.alerts <= ids, lambda: f"alerts were answered and are not there: {sorted(sender.alerts - ids)}")

    # --- deliveries

    def check_deliveries(self):
        hooks = self.round.hooks
        check(not hooks.unsigned, lambda: f"signatures are not right: {hooks.unsigned[:3]}")
        silenced_at = {}
        for sender in self.round.producers + self.round.pushers:
            silenced_at.update(sender.silenced_at)
        needed, allowed = set(), set()
        for line in self.alerts:
            alert = json.loads(line)
            state = "never"
            if alert["rule"] == "moment_quiet" and self.operator.is_silenced != "never":
                # Raised before it was acknowledged, it may have been stored after.
                state = "holds" if silenced_at[alert["events"][0]["id"]] == "holds" else "asked"
            if state == "never":
                needed.add(line)
            if state != "holds":
                allowed.add(line)
        for name in self.operator.delivering:
            bodies = self.once(hooks.of(f"/{name}"))
            singles = [body for body in bodies if '"type":"alert.' not in body[:40]]
            messages = [json.loads(body) for body in bodies if '"type":"alert.' in body[:40]]
            unknown = set(singles) - allowed
            check(not unknown, lambda: f"{len(unknown)} deliveries to {name} are no alerts, or were silenced: {sorted(unknown)[0]}")
            if name == "all":
                check(not messages, "messages where none are asked for")
                missing = needed - set(singles)
                check(not missing, lambda: f"{len(missing)} alerts were not delivered: {sorted(missing)[0]}")
                continue
            stood_for = len(singles) + sum(message["count"] for message in messages)
            check(len(needed) <= stood_for <= len(allowed),
                  f"{name}: {len(needed)} to {len(allowed)} alerts, and {stood_for} are delivered or counted in messages")
            inside = [alert["id"] for message in messages for alert in message.get("alerts", [])]
            check(len(set(inside)) == len(inside), f"{name}: an alert stands in two messages")

    @staticmethod
    def once(deliveries):
        """The bodies, each of which has one id, and each id one body."""
        ids, bodies = {}, {}
        for webhook_id, body in deliveries:
            check(ids.setdefault(body, webhook_id) == webhook_id, lambda: f"two webhook ids for {body}")
            check(bodies.setdefault(webhook_id, body) == body, lambda: f"two bodies for {webhook_id}: {body}")
        return list(ids)
