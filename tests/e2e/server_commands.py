#!/usr/bin/env python3
"""End-to-end cases of the commands that change the rules of a running server, and of the pipelines in deploy/ci.

    server_commands.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import os
import pathlib
import re
import subprocess
import time

import harness
from endpoint import Endpoint
from harness import LIMIT_S, ROOT, RULES, case, has, payment, read, run_cases, write
from server_process import TIMELESS, Server

SMALL = """
rule small "Small" {
  by card
  when payment where amount < 1
  alert "small on {card}"
}
"""
FEATURE = "\nfeature paid = sum(amount of payment) by card over last 1h\n"
READS = """
rule much "Much" {
  by card
  when payment where paid > 50
  alert "much on {card}"
}
"""


def tocsin(*arguments, **options):
    return harness.tocsin(*arguments, code=None, **options)


def address(server, token="admin"):
    write("token", server.token + "\n" if token == "admin" else token + "\n\n")
    return "--server", f"http://127.0.0.1:{server.port}", "--token-file", "token"


def versions(server):
    return server.ask("GET", "/v1/versions").json["versions"]


@case
def plan_and_deploy():
    """a plan changes nothing and says what the deploy then does, with the commit on the version"""
    with Server() as server:
        to = address(server)
        write("rules/all.tocsin", RULES + SMALL)
        for _ in range(2):
            plan = tocsin("plan", "rules", *to)
            assert plan.code == 0, plan
            has(plan.out, "version 1 is active; a deploy would change\n", "+ rule small: added, begins without state\n",
                "  file all.tocsin: added\n", "  file rules.tocsin: removed\n")
            assert len(versions(server)) == 1
        done = tocsin("deploy", "rules", *to, "--commit", "0a1b2c", "--comment", "tickets & more: 4711?")
        assert done.code == 0 and done.out.endswith("version 2 is active\n"), done
        assert done.out.splitlines()[:-1] == plan.out.splitlines()[1:], (done.out, plan.out)
        newest = versions(server)[0]
        assert (newest["commit"], newest["comment"], newest["who"]) == ("0a1b2c", "tickets & more: 4711?", "admin"), newest
        again = tocsin("deploy", "rules", *to)
        assert again.out == "version 2 is active and has these rules: nothing was changed\n", again
        has(tocsin("plan", "rules", *to).out, "version 2 is active; a deploy would change nothing\n")
        assert server.send([payment(1, "c1", 0.5)], "?wait=alerts&timeout=5s").json["alerts"][0]["rule"] == "small"
        # By the environment, as pipelines have it.
        env = {**os.environ, "TOCSIN_SERVER": to[1], "TOCSIN_TOKEN": server.token}
        assert tocsin("deploy", "rules", env=env).code == 0
        server.end()


@case
def plans_come_true():
    """what a plan says of state, rules and files is what the deploy then answers, whatever changes"""
    texts = [RULES, RULES + SMALL, RULES + SMALL.replace("< 1", "< 2"), RULES + SMALL.replace("small on", "tiny on"),
             RULES + FEATURE + READS, RULES + FEATURE.replace("1h", "2h") + READS, RULES + FEATURE + READS + SMALL,
             RULES + SMALL.replace("alert", "once per 1h\n  alert", 1), RULES + SMALL.replace("when", "status shadow\n  when"),
             RULES.replace("place: string?", "place: string?, till: int?") + SMALL, SMALL.join([RULES, READS + FEATURE]), RULES]
    with Server() as server:
        to = address(server)
        seen = set()
        for text in texts[1:]:
            write("rules/rules.tocsin", text)
            plan = tocsin("plan", "rules", *to, "--format", "json")
            assert plan.code == 0, plan
            plan = json.loads(plan.out)
            assert plan["changed"], text
            done = server.ask("PUT", "/v1/pack", {"files": {"rules.tocsin": text}}, headers={"If-Match": "*"})
            assert done.status == 200, done
            for fate in ("kept", "started", "lost"):
                assert plan[fate] == done.json[fate], (text, fate, plan[fate], done.json[fate])
                seen.update(fate for _ in plan[fate])
            difference = server.ask("GET", f"/v1/versions/{done.json['version']}/diff").json
            assert all(plan[part] == difference[part] for part in ("rules", "stages", "files")), (plan, difference)
        assert seen == {"kept", "started", "lost"}, seen


@case
def plans_with_a_backtest():
    """a plan says what the change would have raised on the server's past events, at the stages that the rules have"""
    with Server(rules=RULES + SMALL) as server:
        to = address(server)
        assert server.send([payment(i, f"c{i % 5}", i) for i in range(200)]).status == 200
        write("rules.tocsin", RULES.replace("amount > 100", "amount > 180") + READS.replace("paid > 50", "amount > 190"))
        plan = tocsin("plan", "rules.tocsin", *to, "--backtest", "all")
        assert plan.code == 0, plan
        has(plan.err, "backtest 1: queued", "backtest 1: done")
        has(plan.out, """+ rule much: added, begins without state
  file rules.tocsin: changed
backtest 1 over 200 events from 2026-03-02T12:00:00Z to 2026-03-02T12:03:19Z
  rule   alerts  before  same  added  gone
  large      19      99    19      0    80
  much        9       -     -      -     -
  small       -       1     -      -     -
""")
        assert not [one for one in plan.out.splitlines() if one.startswith("  unconfirmed")], plan.out
        plan = tocsin("plan", "rules.tocsin", *to, "--backtest", "2026-03-02T12:03:00Z..", "--format", "json", "-q")
        assert plan.code == 0 and plan.err == "", plan
        backtest = json.loads(plan.out)["backtest"]
        assert (backtest["id"], backtest["events"], backtest["against"]) == (2, 20, "version 1"), backtest
        assert backtest["rules"][0] == {"rule": "large", "alerts": 19, "before": 20, "same": 19, "added": 0, "gone": 1}, backtest
        # Of long ago; and nothing to compare.
        plan = tocsin("plan", "rules.tocsin", *to, "--backtest", "1m", "-q")
        has(plan.out, "backtest 3 over 0 events: the archive has none of this time\n")
        write("same.tocsin", RULES + SMALL)
        assert server.ask("PUT", "/v1/pack", {"files": {"same.tocsin": RULES + SMALL}}, headers={"If-Match": "*"}).status == 200
        assert "backtest" not in tocsin("plan", "same.tocsin", *to, "--backtest", "all").out
        # What is held back does not run, here and there.
        for rule, stage in (("small", "shadow"), ("large", "retired")):
            done = server.ask("PUT", f"/v1/rules/{rule}/stage", {"stage": stage}, headers={"If-Match": "*"})
            assert done.status == 200, done
        write("same.tocsin", RULES.replace("> 1_000", "> 150") + SMALL.replace("< 1", "< 2"))
        plan = tocsin("plan", "same.tocsin", *to, "--backtest", "all", "-q", "--format", "json")
        assert plan.code == 0, plan
        rules = {one["rule"]: [one["alerts"], one["before"], one["added"]] for one in json.loads(plan.out)["backtest"]["rules"]}
        assert rules == {"small": [2, 1, 1], "unconfirmed": [49, 0, 49]}, rules
        for text in ("7", "-7d", "week", "2026-03-02"):
            wrong = tocsin("plan", "same.tocsin", *to, f"--backtest={text}")
            assert wrong.code == 2 and "--backtest is a duration such as 7d, FROM..TO, or all" in wrong.err, wrong
        wrong = tocsin("plan", "same.tocsin", *to, "--backtest", "2026-03-03..2026-03-02")
        assert wrong.code == 1 and "`to` is not after `from`" in wrong.err, wrong
        server.end()
    # No rule is active.
    with Server(rules=None, data="none") as server:
        write("rules.tocsin", RULES)
        plan = tocsin("plan", "rules.tocsin", *address(server), "--backtest", "all", "-q")
        assert plan.code == 0, plan
        has(plan.out, "+ rule large: added", "backtest 1 over 0 events: the archive has none of this time\n")
        server.end()


@case
def plans_of_many_rules():
    """a plan and a difference of 2,000 rules take a moment: no rule is looked for in all others"""
    def rules(bound):
        return RULES + "".join(f'rule r{number} "R" {{ by card when payment where amount > {bound + number % 2} alert "x" }}\n'
                               for number in range(2_000))
    with Server(rules=rules(5)) as server:
        to = (*address(server), "--timeout", "30s")  # a hundred times of what it takes
        write("rules.tocsin", rules(8))
        plan = tocsin("plan", "rules.tocsin", *to)
        assert plan.code == 0 and plan.out.count("changed, begins without state") == 2_000, plan.err
        assert tocsin("deploy", "rules.tocsin", *to).code == 0
        difference = server.ask("GET", "/v1/versions/2/diff", timeout=30)
        assert len(difference.json["rules"]) == 2_000


@case
def stages_and_back():
    """stage and rollback go one way and the other, and say which version holds"""
    with Server(rules=RULES + SMALL) as server:
        to = address(server)

        def stages():
            return server.ask("GET", "/v1/pack").json["stages"]
        none = tocsin("rollback", *to)
        assert none.code == 1 and "no version before" in none.err, none
        for words, shown in ((["shadow"], "shadow"), (["live", "10%"], "live 10%"), (["live 20.50%"], "live 20.5%")):
            done = tocsin("stage", "small", *words, *to, "--comment", "step")
            assert done.code == 0 and stages() == {"small": shown}, done
            has(done.out, f"rule small: {shown}, with version ")
        same = tocsin("stage", "small", "live", "20.5%", *to)
        has(same.out, "as it was in version 4")
        back = tocsin("rollback", *to)
        assert back.out == "the rules of version 3 are active again, as version 5\n" and stages() == {"small": "live 10%"}, back
        back = tocsin("rollback", "1", *to, "--comment", "enough")
        assert back.code == 0 and stages() == {} and versions(server)[0]["comment"] == "enough", back
        wrong = tocsin("stage", "small", "draft", *to)
        assert wrong.code == 1 and "it may become" in wrong.err, wrong
        wrong = tocsin("stage", "smal", "live", *to)
        assert wrong.code == 1 and "there is no rule with the id smal: did you mean small?" in wrong.err, wrong
        wrong = tocsin("rollback", "77", *to)
        assert wrong.code == 1 and "77" in wrong.err, wrong


@case
def refusals_say_what_to_do():
    """rules with errors, failing tests, roles, wrong addresses and servers that are none: what is wrong, and nothing changed"""
    failing = SMALL + '\ntest small "never" {\n  0s payment { id: "x", card: "c", amount: 0.50 }\n  expect no alert\n}\n'
    with Server() as server:
        to = address(server)
        write("broken.tocsin", RULES + SMALL.replace("amount", "amonut"))
        for command in ("plan", "deploy"):
            wrong = tocsin(command, "broken.tocsin", *to)
            assert wrong.code == 1, wrong
            has(wrong.err, "did you mean", "the rules have errors; the server was not asked")
            wrong = tocsin(command, "none.tocsin", *to)
            assert wrong.code == 1 and "none.tocsin" in wrong.err, wrong
        write("failing.tocsin", RULES + failing)
        for command in ("plan", "deploy"):
            wrong = tocsin(command, "failing.tocsin", *to)
            assert wrong.code == 1, wrong
            has(wrong.err, 'small "never"', "ignore_tests")
        assert len(versions(server)) == 1
        assert tocsin("deploy", "failing.tocsin", *to, "--ignore-tests").code == 0
        write("rules/rules.tocsin", RULES)
        reader = server.ask("POST", "/v1/tokens", {"name": "rea", "role": "reader"}).json["token"]
        as_reader = address(server, reader)
        assert tocsin("plan", "rules", *as_reader).code == 0
        for wrong in (tocsin("deploy", "rules", *as_reader), tocsin("stage", "large", "shadow", *as_reader),
                      tocsin("rollback", *as_reader)):
            assert wrong.code == 2 and "403" in wrong.err and "role" in wrong.err, wrong
        wrong = tocsin("plan", "rules", *address(server, "tocsin_wrong"))
        assert wrong.code == 2 and "401" in wrong.err, wrong
        write("token", "\n")
        env = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_T")}
        for more in ((), ("--token-file", "none"), ("--token-file", "token")):
            wrong = tocsin("plan", "rules", *to[:2], *more, env=env)
            assert wrong.code == 2 and "token" in wrong.err, wrong
        wrong = tocsin("plan", "rules", env=env)
        assert wrong.code == 2 and "--server" in wrong.err, wrong
        to = address(server)
        for url in ("127.0.0.1:1", "http://", "ftp://a:1", f"{to[1]}/v1", f"{to[1]}?a=b", "http://me@127.0.0.1:1"):
            wrong = tocsin("plan", "rules", "--server", url, *to[2:])
            assert wrong.code == 2 and "http://HOST:PORT" in wrong.err, wrong
        wrong = tocsin("plan", "rules", *to, "--timeout", "soon")
        assert wrong.code == 2 and "--timeout" in wrong.err, wrong
        wrong = tocsin("plan", "rules", "--server", to[1].replace("http:", "https:"), *to[2:])
        assert wrong.code == 3 and "TLS" in wrong.err, wrong
        assert len(versions(server)) == 2
        port = server.port
        server.end()
    wrong = tocsin("plan", "rules", "--server", f"http://127.0.0.1:{port}", "--token-file", "token")
    assert wrong.code == 3 and "no connection" in wrong.err, wrong
    for answer in ((200, {}), (404, {}), (500, {})):
        with Endpoint(lambda _, answer=answer: answer) as other:
            wrong = tocsin("plan", "rules", "--server", other.url.rpartition("/")[0], "--token-file", "token")
            assert wrong.code == 3, wrong


@case
def pipelines():
    """the pipelines in deploy/ci do on a real server what they say, command by command"""
    with Server() as server:
        reader = server.ask("POST", "/v1/tokens", {"name": "rea", "role": "reader"}).json["token"]
        tools = pathlib.Path("tools")
        tools.mkdir()
        (tools / "tocsin").symlink_to(os.path.abspath(harness.BINARY))
        env = {"PATH": f"{tools.absolute()}:{os.environ['PATH']}", "TOCSIN_SERVER": f"http://127.0.0.1:{server.port}",
               "TOCSIN_READER_TOKEN": reader, "TOCSIN_OPERATOR_TOKEN": server.token, "GITHUB_STEP_SUMMARY": "summary.md",
               "GITHUB_SHA": "aaa1", "GITHUB_ACTOR": "ann", "CI_COMMIT_SHA": "bbb2", "GITLAB_USER_LOGIN": "ben"}
        for name, rules, commit in (("github", RULES + SMALL, "aaa1"), ("gitlab", RULES, "bbb2")):
            write("rules/rules.tocsin", rules)
            assert tocsin("fmt", "rules").code == 0
            text = read(ROOT / f"deploy/ci/{name}.yml")
            assert "\t" not in text and not re.search(r" +\n", text)
            commands = [line.strip().removeprefix("run: ").removeprefix("- ") for line in text.splitlines()
                        if re.match(r"\s+(- |run: )?(TOCSIN_TOKEN=\S+ )?tocsin ", line) and not line.strip().startswith("#")]
            assert [re.search(r"tocsin (\w+)", command)[1] for command in commands] == ["fmt", "check", "test", "plan", "deploy"]
            for command in commands:
                command = command.replace(" --warnings-as-errors", "")  # the rules of this test have no tests
                token = reader if " plan " in command else server.token
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], env={**env, "TOCSIN_TOKEN": token},
                                      capture_output=True, text=True, timeout=LIMIT_S)
                assert done.returncode == 0, (command, done)
            assert versions(server)[0]["commit"] == commit
        has(read("summary.md"), "version 1 is active; a deploy would change")
        try:
            import yaml
        except ImportError:
            print("pipelines: not read as YAML: there is no python3-yaml")
            return
        for name in ("github", "gitlab"):
            document = yaml.safe_load(read(ROOT / f"deploy/ci/{name}.yml"))
            jobs = document["jobs"] if name == "github" else document
            assert {"check", "deploy"} <= set(jobs), document
            assert jobs["deploy"]["environment"] == "production"

@case
def backtest_on_the_server():
    """`tocsin backtest --server` sends the rules, waits, and writes the report; what a server does not take is refused"""
    with Server() as server:
        to = address(server)
        server.send([payment(i, f"c{i % 3}", 50 + i) for i in range(200)])
        write("new.tocsin", RULES.replace("amount > 100", "amount > 80"))
        write("labels.ndjson", [{"event": "c1-100"}, {"event": "c0-33", "label": "ok"}])
        done = tocsin("backtest", "new.tocsin", *to, "--against", "live", "--labels", "labels.ndjson", "--report-json", "r.json",
                      "--html", "r.html", "--samples", "1")
        assert done.code == 0, done
        has(done.out, "against version 1: ", "precision", "the first alerts")
        has(done.err, "backtest 1: queued", "backtest 1: done")
        report = json.loads(read("r.json"))
        assert report["events"] == 200 and report["backtest"]["labels"]["alerts_fraud"] == 1
        assert report["comparison"]["changes"][0]["added"] == 20, report["comparison"]
        assert read("r.html").startswith("<!DOCTYPE html>")
        write("old.tocsin", RULES)
        quiet = tocsin("backtest", "new.tocsin", *to, "--against", "old.tocsin", "--from", "2026-03-02T12:01:00Z",
                       "--vary", "--no-final-watermark", "--quiet")
        assert quiet.code == 0 and quiet.err == "", quiet
        has(quiet.out, "over 140 events", "against old.tocsin", "neighbouring bounds")
        for option, part in ((("--input", "x"), "--input does not go with --server"), (("--archive", "x"), "--archive does not"),
                             (("--alerts", "x"), "only the report comes back"), (("--late-max", "5s"), "as the server judges them")):
            wrong = tocsin("backtest", "new.tocsin", *to, *option)
            assert wrong.code == 2 and part in wrong.err, wrong
        failed = tocsin("backtest", "new.tocsin", *to, "--labels", "triage")
        assert failed.code == 3 and "no alert of this time was confirmed" in failed.err, failed
        write("bad.tocsin", RULES.replace("amount > 100", "amont > 100"))
        wrong = tocsin("backtest", "bad.tocsin", *to)
        assert wrong.code == 1 and "the server was not asked" in wrong.err, wrong
        wrong = tocsin("backtest", "new.tocsin", *to, "--from", "yesterday")
        assert wrong.code == 1 and "a time is written" in wrong.err, wrong
        write("labels.ndjson", [{"evnt": "c1-100"}])
        wrong = tocsin("backtest", "new.tocsin", *to, "--labels", "labels.ndjson")
        assert wrong.code == 3 and "labels.ndjson:1" in wrong.err, wrong
        reader = server.ask("POST", "/v1/tokens", {"name": "reader", "role": "reader"}).json["token"]
        write("token", reader)
        wrong = tocsin("backtest", "new.tocsin", *to)
        assert wrong.code == 2 and "answers 403" in wrong.err, wrong


@case
def doctor_of_a_server():
    """doctor: a server's causes with what to do, its version, and exit codes"""
    with Server(options=(*TIMELESS, "--health-disk-free-percent", "0")) as server:
        asked = ("doctor", "--server", f"http://127.0.0.1:{server.port}", "--token-file", "data/admin-token")
        well = harness.tocsin(*asked)
        has(well.out, "nothing is wrong", "version ")
        assert server.ask("POST", "/v1/subscriptions", {"url": "https://hooks.invalid/"}).status == 201
        server.end()
    gone = harness.tocsin(*asked, code=3)
    has(gone.err, "127.0.0.1")
    with Server(options=(*TIMELESS, "--health-disk-free-percent", "99")) as server:
        asked = ("doctor", "--server", f"http://127.0.0.1:{server.port}", "--token-file", "data/admin-token")
        ill = harness.tocsin(*asked, code=1)
        has(ill.out, "1 to do", "are free on the file system with the data", "what to do: free space")
        both = harness.tocsin(*asked, "--data", "data", code=1)
        has(both.out, "data: 1 to do", "admin-token", "journal", "disk")
        server.end()
    harness.tocsin("doctor", code=2)


@case
def doctor_of_a_data_directory():
    """doctor: format, checkpoint, permissions, clock and links of a data directory"""
    with Server(options=TIMELESS) as server:
        server.send([payment(1, card="c1", amount=500.00)])
        assert server.ask("POST", "/v1/checkpoints").status == 201
        server.end()
    os.unlink("data/admin-token")
    well = harness.tocsin("doctor", "--data", "data")
    has(well.out, "data: nothing is wrong", "checkpoint   1, of ", "journal", "disk")
    before = {path: path.stat().st_mode for path in pathlib.Path("data").rglob("*")}
    os.chmod("data/tokens.json", 0o644)
    has(harness.tocsin("doctor", "--data", "data", code=1).out, "1 file can be read by others", "data/tokens.json", "chmod -R go-rwx data")
    os.chmod("data/tokens.json", 0o600)
    later = time.time() + 86_400
    os.utime("data/tokens.json", (later, later))
    has(harness.tocsin("doctor", "--data", "data", code=1).out, "data/tokens.json was changed at a time that is yet to come")
    os.utime("data/tokens.json")
    assert before == {path: path.stat().st_mode for path in pathlib.Path("data").rglob("*")}  # nothing is changed
    # The newest checkpoint: damaged, set aside.
    newest = sorted(pathlib.Path("data/checkpoints").iterdir())[-1]
    manifest = (newest / "manifest").read_bytes()
    (newest / "manifest").write_bytes(manifest[:-1])
    has(harness.tocsin("doctor", "--data", "data", code=1).out, str(newest), "what to do: the next start")
    (newest / "manifest").write_bytes(manifest)
    (newest.parent / f"{newest.name}.damaged").mkdir(0o700)
    has(harness.tocsin("doctor", "--data", "data", code=1).out, ".damaged was damaged")
    for what in ("nowhere", "."):
        has(harness.tocsin("doctor", "--data", what, code=5).out, "1 to do")


run_cases()
