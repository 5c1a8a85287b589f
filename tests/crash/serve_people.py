"""Who works on a server beside its events, in serve_round.py: an analyst on alerts, and an operator on all that can be
changed. They remember what was acknowledged; what was not is asked for again, or may be there or not."""
import contextlib
import threading
import time

from crash_parts import check
from serve_parts import Client, Gone

CARDS = [f"w{number}" for number in range(6)]
ACTIONS = ["assign", "release", "confirm", "dismiss", "close", "reopen", "comment"]


class Analyst(Client):
    """Triages alerts; each change has a comment of its own, by which it is known."""

    def __init__(self, one, count):
        super().__init__(one.host, one.rng)
        self.round, self.count = one, count
        self.seen = set()         # lines of alerts that were shown
        self.asked = {}           # comment: alert
        self.acknowledged = {}    # alert: the longest history that was answered

    def work(self):
        while len(self.asked) < self.count or self.round.is_due() and len(self.asked) < 400:
            try:
                ids = self.look()
                if ids:
                    self.change(self.rng.choice(ids))
            except Gone:
                pass

    def look(self):
        """Alerts that are there; some are exported, to be there for ever."""
        if self.rng.random() < 0.2:
            with contextlib.suppress(Gone):
                exported = self.host.ask("GET", "/v1/alerts/export").body
                self.seen.update(line for line in exported.decode().split("\n") if line)
        page = self.host.ask("GET", "/v1/alerts?limit=200").json()["alerts"]
        if not page:
            # Nothing was raised yet: an attempt that counts, since there may never be anything.
            self.asked[f"nothing {len(self.asked)}"] = None
        return [one["alert"]["id"] for one in page]

    def change(self, alert):
        comment = f"comment {len(self.asked)}"
        self.asked[comment] = alert
        body = {"action": self.rng.choice(ACTIONS), "comment": comment}
        keyed = self.rng.random() < 0.5
        headers = {"Idempotency-Key": comment} if keyed else {}
        try:
            answer = self.host.ask("POST", f"/v1/alerts/{alert}/triage", body, headers, good=(200, 409))
        except Gone:
            if not keyed:
                raise
            # Done once however often it is asked for; or nobody knows.
            answer = self.host.ask_until("POST", f"/v1/alerts/{alert}/triage", body, headers, good=(200, 409))
        if answer.status == 200:
            history = answer.json()["history"]
            check(history[-1]["comment"] == comment or keyed, f"{alert}: {comment} is not in {history}")
            known = self.acknowledged.get(alert, [])
            if "Idempotent-Replayed" not in answer.headers:
                check(history[:len(known)] == known, f"{alert}: after {known} it shows {history}")
                self.acknowledged[alert] = history
            else:
                check(any(row["comment"] == comment for row in history), f"{alert}: {comment} is not in {history}")


class Operator(Client):
    """Changes lists, rules, subscriptions, silences, tokens, savepoints; takes checkpoints, puts in again."""

    def __init__(self, one, count, first=()):
        """`one`: the round; `first`: what is done before anything else, `count` what is done then."""
        super().__init__(one.host, one.rng)
        self.round, self.count, self.first = one, count, first
        self.list = {"w0"}         # moment_cards
        self.rules = {}            # number of a moment rule: whether it is there
        self.subscriptions = {}    # name: its headers, or None where it was deleted
        self.delivering = []       # names of others, which alerts are sent to
        self.silences = {}         # reason: id, or None where nobody knows
        self.tokens = {}           # name: whether it was acknowledged
        self.savepoints = {}       # name: whether it is there
        self.put_in_again = 0
        self.is_silenced = "never"  # then "asked", then "holds"
        self.number = 0
        self.is_ready = threading.Event()  # alerts may come

    def work(self):
        self.make_delivering("all", {})
        if self.round.has_groups:
            self.make_delivering("groups", {"group": {"by": ["rule"], "wait": "100ms", "interval": "1s"}})
        if self.round.has_brake:
            self.make_delivering("brake", {"brake": {"per_rule": 3, "in_all": 5}})
        self.is_ready.set()
        kinds = [self.token, self.subscription]
        if not self.round.has_archive:  # it keeps records, and not the texts that they name
            kinds.append(self.reinject)
        if not self.round.has_segments:  # a savepoint is made of a checkpoint
            kinds += [self.checkpoint, self.savepoint]
        # With a bound events wait, and a change may come between an event and its turn.
        if self.round.bound_us == 0:
            kinds += [self.change_list, self.change_rules, self.change_list, self.change_rules, self.silence]
        for name in self.first:
            getattr(self, name)()
        while self.number < self.count or self.round.is_due() and self.number < 400:
            self.number += 1
            self.rng.choice(kinds)()

    def make_delivering(self, name, settings):
        path = f"/{name}"
        self.delivering.append(name)
        secret = self.make_subscription(name, {"url": self.round.hooks.url + path, "pii": True, **settings})
        if secret:
            self.round.hooks.secrets[path] = secret

    def keyed(self):
        return {"Idempotency-Key": f"operation {self.number} {self.rng.random()}"}

    def checkpoint(self):
        with contextlib.suppress(Gone):
            self.host.ask("POST", "/v1/checkpoints", good=(200, 201))

    def change_list(self):
        """Adding, removing and replacing may be asked for again; in the end the last one holds."""
        path = "/v1/lists/moment_cards"
        self.round.keep_blobs()
        card = self.rng.choice(CARDS)
        how = self.rng.choice(["add", "add", "remove", "replace"])
        if how == "add":
            self.host.ask_until("POST", path + "/entries", {"entries": [card]})
            self.list.add(card)
        elif how == "remove":
            self.host.ask_until("DELETE", f"{path}/entries/{card}", good=(200, 404))
            self.list.discard(card)
        else:
            cards = self.rng.sample(CARDS, 2)
            self.host.ask_until("PUT", path, {"entries": cards})
            self.list = set(cards)

    def change_rules(self):
        self.round.keep_blobs()
        number = self.rng.randrange(3)
        path = f"/v1/rules/moment_{number}"
        if self.rules.get(number) and self.rng.random() < 0.4:
            stage = self.rng.choice(["shadow", "live 50%", "live"])
            # From shadow the way back is to live for all, or for a share.
            self.host.ask_until("PUT", f"{path}/stage", {"stage": stage}, {"If-Match": "*"})
        elif self.rules.get(number):
            self.host.ask_until("DELETE", path, headers={"If-Match": "*"}, good_again=(412,))
            self.rules[number] = False
        else:
            text = (f'rule moment_{number} "Moment {number}" {{ by card when moment as m where amount >= {20 + 10 * number}'
                    f' and amount < {30 + 10 * number} alert "{{m.amount}} on {{card}}" {{ amount: m.amount }} }}\n')
            headers = {"If-None-Match": "*", "Content-Type": "text/plain"}
            query = self.rng.choice(["", "?replay=36500d"])  # the node goes on with the state of another run, which is a blob
            while True:
                answer = self.host.ask_until("PUT", path + query, text.encode(), headers, good=(200, 202), good_again=(412,))
                if answer.status != 202:
                    break
                time.sleep(0.01)
            self.rules[number] = True

    def subscription(self):
        """One that sends nothing; it is made, described anew, or deleted."""
        living = [name for name, state in self.subscriptions.items() if state is not None]
        if not living or self.rng.random() < 0.4:
            name = f"subscription {len(self.subscriptions)}"
            self.make_subscription(name, {"url": "http://127.0.0.1:9/", "filter": {"key": {"nobody": "has this key"}}})
            self.subscriptions[name] = {}
            return
        name = self.rng.choice(living)
        found = self.find_subscription(name)
        check(found is not None, f"{name} is gone")
        path = f"/v1/subscriptions/{found['id']}"
        if self.rng.random() < 0.3:
            self.again(lambda: self.host.ask("DELETE", path, headers={"If-Match": self.etag(path)}, good=(204,)),
                       lambda: self.find_subscription(name) is None)
            self.subscriptions[name] = None
        else:
            headers = {"X-Number": str(self.number)}
            self.again(lambda: self.host.ask("PATCH", path, {"headers": headers}, {"If-Match": self.etag(path)}),
                       lambda: self.find_subscription(name).get("headers") == headers)
            self.subscriptions[name] = headers

    def again(self, ask, is_done):
        """Asks until there is an answer, or it turns out that what was not answered was done."""
        while True:
            with contextlib.suppress(Gone):
                return ask()
            while True:
                with contextlib.suppress(Gone):
                    if is_done():
                        return None
                    break

    def etag(self, path):
        return self.host.ask("GET", path).headers["ETag"]

    def find_subscription(self, name):
        while True:
            with contextlib.suppress(Gone):
                all_of_them = self.host.ask("GET", "/v1/subscriptions").json()["subscriptions"]
                found = [one for one in all_of_them if one.get("name") == name]
                check(len(found) <= 1, f"{name} is there {len(found)} times")
                return found[0] if found else None

    def make_subscription(self, name, settings):
        """Its secret, where the answer came."""
        answer = self.again(lambda: self.host.ask("POST", "/v1/subscriptions", {"name": name, **settings}, good=(201,)),
                            lambda: self.find_subscription(name) is not None)
        return answer and answer.json()["secret"]

    def silence(self):
        if self.is_silenced == "never":
            self.is_silenced = "asked"
        reason = f"reason {len(self.silences)}"
        self.silences[reason] = None
        body = {"filter": {"rules": ["moment_quiet"]}, "until": "2126-03-02T18:00:00Z", "reason": reason}
        headers = self.keyed()
        answer = self.host.ask_until("POST", "/v1/silences", body, headers, good=(201,), good_again=(409,))
        if answer.status == 201:
            self.silences[reason] = answer.json()["id"]
            self.is_silenced = "holds"

    def token(self):
        name = f"token-{len(self.tokens)}"
        self.tokens[name] = False
        answer = self.host.ask_until("POST", "/v1/tokens", {"name": name, "role": "reader"}, self.keyed(), good=(201,),
                                     good_again=(409,))
        if answer.status == 201:
            self.tokens[name] = True
        else:
            check(answer.problem() == "idempotency-unknown", repr(answer))

    def savepoint(self):
        living = [name for name, is_there in self.savepoints.items() if is_there]
        if living and self.rng.random() < 0.5:
            name = self.rng.choice(living)
            self.host.ask_until("DELETE", f"/v1/savepoints/{name}", good=(200, 204), good_again=(404,))
            self.savepoints[name] = False
            return
        name = f"kept-{len(self.savepoints)}"
        self.host.ask_until("POST", "/v1/savepoints", {"name": name}, good=(201,), good_again=(409,))
        self.savepoints[name] = True

    def savepoint_deleted(self):
        """Makes one and deletes it."""
        self.host.ask_until("POST", "/v1/savepoints", {"name": "to-delete"}, good=(201,), good_again=(409,))
        self.host.ask_until("DELETE", "/v1/savepoints/to-delete", good=(200, 204), good_again=(404,))
        self.savepoints["to-delete"] = False

    def reinject(self):
        kind = self.rng.choice(["late", "dead"])
        with contextlib.suppress(Gone):
            done = self.host.ask("POST", f"/v1/{kind}/reinject", {}, self.keyed()).json()
            self.put_in_again += done["reinjected"]
