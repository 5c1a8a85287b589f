"""The tour of docs/api.md by the client that openapi-python-client makes: tour.py URL TOKEN, with events.ndjson here.

Events go by the client's connection: that generator has no function for a body of text.
"""
import pathlib
import sys

from tocsin_client import AuthenticatedClient
from tocsin_client import models as m
from tocsin_client.api.alerts import get_alert, list_alerts
from tocsin_client.api.backtests import list_backtests
from tocsin_client.api.health import get_version
from tocsin_client.api.lists import add_list_entries, get_list
from tocsin_client.api.operations import list_audit_entries, list_dead, make_savepoint, take_checkpoint
from tocsin_client.api.rules import get_pack, list_rule_versions, list_rules, patch_pack, roll_back_rules, validate_rules
from tocsin_client.api.silences import create_silence
from tocsin_client.api.subscriptions import create_subscription, delete_subscription
from tocsin_client.api.tokens import get_me, list_tokens, make_token
from tocsin_client.api.triage import change_triage, change_triage_of_all, get_triage

url, token = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=token)


def good(answer, status=200):
    """The parsed body of an answer with that status."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.content.decode()}"
    assert status == 204 or not isinstance(answer.parsed, (m.Problem, type(None))), answer.content
    return answer.parsed


assert good(get_me.sync_detailed(client=client)).role == m.RoleName.ADMIN
assert good(get_version.sync_detailed(client=client)).additional_properties["tocsin"]
made = good(make_token.sync_detailed(client=client, body=m.NewToken(name="till-7", role=m.RoleName.PRODUCER)), 201)
assert made.token.startswith("tocsin_")
assert [one.name for one in good(list_tokens.sync_detailed(client=client)).tokens] == ["admin", "till-7"]

sent = AuthenticatedClient(base_url=url, token=made.token).get_httpx_client().post(
    "/v1/events", content=pathlib.Path("events.ndjson").read_bytes(), headers={"Content-Type": "application/x-ndjson"})
answer = m.EventAnswer.from_dict(sent.json())
assert [one.status.value for one in answer.verdicts] == ["accepted", "accepted", "duplicate", "accepted", "invalid"], sent.text
assert len(good(list_dead.sync_detailed(client=client)).items) == 1
large = {"type": "payment", "ts": "2026-03-02T12:00:30Z", "id": "p5", "card": "c1", "amount": 900}
sent = client.get_httpx_client().post("/v1/events?wait=alerts&timeout=5s", json=large)
assert m.EventAnswer.from_dict(sent.json()).alerts, sent.text

page = good(list_alerts.sync_detailed(client=client, limit=10))
assert [one.alert.rule for one in page.alerts] == ["large_after_probes"], page
alert = page.alerts[0].alert
assert good(get_alert.sync_detailed(alert.id, client=client)).alert.id == alert.id
good(change_triage.sync_detailed(alert.id, client=client, body=m.TriageChange(action=m.TriageAction.ASSIGN)))
assert good(get_triage.sync_detailed(alert.id, client=client)).state == m.TriageState.ASSIGNED
everyone = m.TriageChangeOfAll(alerts=[m.TriageTarget(id=alert.id, version=1)], action=m.TriageAction.CLOSE)
outcomes = good(change_triage_of_all.sync_detailed(client=client, body=everyone))
assert (outcomes.changed, outcomes.alerts[0].state) == (1, m.TriageState.CLOSED), outcomes

rules = good(list_rules.sync_detailed(client=client))
assert {rule.id for rule in rules.rules} == {"large_after_probes", "of_blocked"}, rules
wrong = m.RuleTexts.from_dict({"r.tocsin": 'rule r "x" { when paiment as p alert "x" }'})
checked = good(validate_rules.sync_detailed(client=client, body=m.RuleFiles(files=wrong)))
assert not checked.valid and checked.diagnostics[0].code == "E0202", checked
pack = get_pack.sync_detailed(client=client)
more = m.FileChanges.from_dict({"huge.tocsin": 'rule huge "Huge" { by card when payment where amount >= 10_000 alert "on {card}" }'})
changed = good(patch_pack.sync_detailed(client=client, body=m.PackPatch(files=more), if_match=pack.headers["ETag"], comment="by the tour"))
assert changed.version == 2 and [fate.rule for fate in changed.started] == ["huge"], changed
stale = patch_pack.sync_detailed(client=client, body=m.PackPatch(files=more), if_match=pack.headers["ETag"])
assert stale.status_code == 412 and isinstance(stale.parsed, m.Problem) and stale.parsed.type_ == m.ProblemType.URNTOCSINPROBLEMSTALE, stale
good(roll_back_rules.sync_detailed(1, client=client, if_match="*"))
assert [one.version for one in good(list_rule_versions.sync_detailed(client=client)).versions] == [3, 2, 1]

entries = m.ListEntries.from_dict({"entries": ["c9", {"value": "c10", "until": "2036-01-01T00:00:00Z"}]})
assert good(add_list_entries.sync_detailed("blocked", client=client, body=entries)).changed == 2
assert {entry.value for entry in good(get_list.sync_detailed("blocked", client=client)).entries} == {"c9", "c10"}

hook = m.SubscriptionSettings(url="https://hooks.example.com/alerts", filter_=m.AlertFilter(rules=["large_after_probes"]), per_second=5)
subscribed = create_subscription.sync_detailed(client=client, body=hook)
assert good(subscribed, 201).secret.startswith("whsec_"), subscribed
good(delete_subscription.sync_detailed(subscribed.parsed.id, client=client, if_match=subscribed.headers["ETag"]), 204)
silence = m.SilenceSettings.from_dict({"filter": {"rules": ["of_blocked"]}, "until": "2036-01-01T00:00:00Z", "reason": "tour"})
assert good(create_silence.sync_detailed(client=client, body=silence), 201).state == m.SilenceState.ACTIVE

assert good(take_checkpoint.sync_detailed(client=client), 201).checkpoint >= 1
assert good(make_savepoint.sync_detailed(client=client, body=m.NewSavepoint(name="tour")), 201).name == "tour"
assert good(list_backtests.sync_detailed(client=client)).backtests == []
audited = {entry.action for entry in good(list_audit_entries.sync_detailed(client=client, limit=100)).entries}
assert audited >= {"makeToken", "patchPack", "rollBackRules", "createSubscription", "makeSavepoint"}, audited
