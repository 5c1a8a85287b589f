#!/usr/bin/env python3
"""What stands in deploy/: every metric and label that it names is one that a server exposes.

    deploy_files.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import os
import re
import shutil
import signal
import subprocess

from endpoint import Endpoint
from harness import ROOT, case, has, payment, read, run_cases, wait_for, write
from server_process import TIMELESS, Server

ALERTS, DASHBOARD, UNIT = (ROOT / "deploy" / name for name in ("alerts.yml", "grafana.json", "tocsin.service"))
FUNCTIONS = {"rate", "increase", "sum", "time", "absent", "min_over_time", "predict_linear", "histogram_quantile"}
WORDS = {"and", "or", "offset"}
UP = re.compile(r"up\{job=\"tocsin\"\}")  # a metric of Prometheus itself: whether a scrape was answered


def alert_rules():
    """The rules of the file, read strictly: it is YAML of this shape and no other."""
    shape = re.compile(r"      - alert: (\w+)\n        expr: ([^\n]+)\n(?:        for: (\d+[smh])\n)?        labels:\n"
                       r"          severity: (critical|warning|info)\n        annotations:\n          summary: ([^\n:]+)\n")
    head, _, rest = read(ALERTS).partition("    rules:\n")
    assert re.sub(r"#[^\n]*\n", "", head) == "groups:\n  - name: tocsin\n", head
    rules = list(shape.finditer(rest))
    assert "".join(rule[0] for rule in rules) == rest, "a part of alerts.yml has another shape"
    return {rule[1]: rule[2] for rule in rules}


def expressions():
    panels = json.loads(read(DASHBOARD))["panels"]
    for panel in panels:
        for target in panel["targets"]:
            labels = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
            yield f"{DASHBOARD.name}: {panel['title']}", target["expr"], labels
    for name, expression in alert_rules().items():
        summary = re.search(rf"alert: {name}\n.*?summary: ([^\n]*)", read(ALERTS), re.S)[1]
        yield f"{ALERTS.name}: {name}", expression, re.findall(r"\$labels\.(\w+)", summary)


def wrong(expression):
    """What of an expression is no PromQL of the kind used here; None where all is."""
    if expression.count("(") != expression.count(")") or expression.count("[") != expression.count("]"):
        return "brackets"
    rest = re.sub(r"\[\d+[smhd]\]", "", re.sub(r"tocsin_\w+(\{\w+=\"\w+\"\})?", "M", UP.sub("M", expression)))
    rest = re.sub(r"offset \d+[smhd]", "", rest)
    for word in re.findall(r"[A-Za-z_]\w*", rest):
        if word not in FUNCTIONS | WORDS | {"M"}:
            return word
    if re.search(r"(rate|increase|min_over_time|predict_linear)\(tocsin_\w+[^\[\w]", expression):
        return "a function over a range without one"
    return None


@case
def what_is_named_is_there():
    """each metric is exposed by a real server, with the labels and kind that an expression asks for"""
    with Endpoint(lambda _: (200, {})) as endpoint, Server(options=(*TIMELESS, "--webhooks-allow", "127.0.0.1", "--profile-every", "500ms", "--profile-time", "200ms")) as server:
        server.ask("POST", "/v1/subscriptions", {"url": endpoint.url})
        server.send([payment(1, "c1", 150)])
        wait_for(lambda: server.metric("alerts_stored") == 1 and endpoint.requests, "the alert")
        wait_for(lambda: "tocsin_watermark_behind_seconds{" in server.ask("GET", "/metrics").text, "the source's time")
        wait_for(lambda: "tocsin_rule_cpu_share{" in server.ask("GET", "/metrics").text, "what rules cost")
        text = server.ask("GET", "/metrics").text
        server.end()
    has(text, 'tocsin_intake_source_events_total{source="http"} 1\n', "tocsin_intake_events_total 1\n")
    kinds = dict(re.findall(r"^# TYPE tocsin_(\w+) (\w+)$", text, re.M))
    labels = {name: set(re.findall(r"(\w+)=", given)) for name, given in re.findall(r"^tocsin_(\w+)\{([^}]*)\}", text, re.M)}
    named = set(re.findall(r"^TOCSIN_METRIC\((\w+),", read(ROOT / "api/server/metrics.def"), re.M))
    assert set(kinds) == named, set(kinds) ^ named
    count = 0
    for place, expression, asked in expressions():
        count += 1
        assert wrong(expression) is None, f"{place}: {wrong(expression)}"
        if UP.search(expression):
            assert "tocsin_" not in UP.sub("", expression), f"{place}: a metric of the server that is gone"
            continue
        histograms = "|".join(name for name, kind in kinds.items() if kind == "histogram")
        expression = re.sub(rf"tocsin_({histograms})_(bucket|sum|count)\b", r"tocsin_\1", expression)
        metrics = re.findall(r"tocsin_(\w+)", expression)
        assert metrics, place
        for metric in metrics:
            assert metric in kinds, f"{place}: there is no metric tocsin_{metric}"
        for label in asked + re.findall(r"\{(\w+)=", expression):
            assert any(label in labels.get(metric, ()) for metric in metrics), f"{place}: no label {label}"
        for function, metric in re.findall(r"(rate|increase)\(tocsin_(\w+)", expression):
            assert kinds[metric] in ("counter", "histogram"), f"{place}: {function} of {metric}, a {kinds[metric]}"
    assert count > 30, count


@case
def every_alert_has_its_line():
    """each alert has its line in docs/operations.md, and each line its alert"""
    page = read(ROOT / "docs/operations.md").partition("## When an alert fires")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(Tocsin\w+)`", page)) == set(alert_rules())
    for severity in ("critical", "warning"):
        assert f"severity: {severity}" in read(ALERTS)


def metrics_page():
    """docs/metrics.md: what api/server/metrics.def says of each metric, and the alerts that ask for it."""
    asking = {}
    for name, expression in alert_rules().items():
        for metric in set(re.findall(r"tocsin_(\w+)", expression)):
            asking.setdefault(re.sub(r"_(bucket|sum|count)$", "", metric), []).append(name)
            asking.setdefault(metric, []).append(name)
    lines = ["# Metrics", "",
             "What `GET /metrics` of a server has, for Prometheus. It needs a token with the role `reader`. Names",
             "begin with `tocsin_`. A counter that counts by this process begins with 0 at each start. The last",
             "column has the alerts of `deploy/alerts.yml` that ask for it; what they mean and what to do is in",
             "[operations.md](operations.md#when-an-alert-fires).", ""]
    head = ["| metric | kind | meaning | alerts |", "|---|---|---|---|"]
    place = "server"
    open_section = False
    for line in read(ROOT / "api/server/metrics.def").splitlines():
        metric = re.match(r'TOCSIN_METRIC\((\w+), (\w+), "(.*)"\)$', line)
        if line.startswith("// ") and not line.startswith("// name,"):
            place, open_section = line[3:], False
        elif metric:
            if not open_section:
                lines += ["" if lines[-1] else None, f"## {place[0].upper()}{place[1:]}", "", *head]
                open_section = True
            name, kind, meaning = metric.groups()
            alerts = ", ".join(f"`{one}`" for one in sorted(set(asking.get(name, ()))))
            meaning = meaning.replace("|", "\\|")
            lines.append(f"| `{name}` | {kind} | {meaning} | {alerts} |")
    return "\n".join(line for line in lines if line is not None) + "\n"


@case
def every_metric_has_its_line():
    """docs/metrics.md has every metric with its meaning and the alerts that ask for it (UPDATE_GOLDEN=1 writes it)"""
    page = ROOT / "docs/metrics.md"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        page.write_text(metrics_page(), encoding="utf-8")
    assert read(page) == metrics_page(), "UPDATE_GOLDEN=1 writes it"


@case
def the_checks_check():
    """an expression with a word, bracket or range that is wrong is found"""
    for bad in ("rate(tocsin_ready", "ratte(tocsin_ready[5m])", "rate(tocsin_ready)", "rate(node_up[5m])", "tocsin_ready nad tocsin_ready"):
        assert wrong(bad), bad


def promtool():
    """The path of promtool, installed or put there by `./do setup tests`; None where there is none, which is said."""
    fetched = ROOT / "build/tools/promtool"
    path = shutil.which("promtool") or (str(fetched) if fetched.exists() else None)
    if path is None:
        print("left out: the alert rules were not run, since promtool is not installed (./do setup tests fetches it)")
    return path


@case
def alerts_fire_and_resolve():
    """promtool runs the alert rules over series of values: they fire when they should, and resolve then alone"""
    path = promtool()
    if path is None:
        return
    for arguments in (["check", "rules", str(ALERTS)], ["test", "rules", str(ROOT / "tests/e2e/alert_rules_test.yml")]):
        done = subprocess.run([path, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 0, done.stdout.decode()


def allowed_calls(filters):
    """The system calls that such lines of a unit allow, one after the other; groups are systemd's own."""
    def calls_of(name):
        if not name.startswith("@"):
            return {name}
        lines = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True, timeout=60).stdout
        names = [line.strip() for line in lines.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
        return set().union(*map(calls_of, names))

    allowed = set()
    for line in filters:
        change = set().union(*map(calls_of, line.lstrip("~").split()))
        allowed = allowed - change if line.startswith("~") else allowed | change
    return allowed


@case
def the_unit():
    """the unit reloads, restarts unless that is of no use, and is shut off from the machine"""
    text = read(UNIT)
    sections = re.findall(r"^\[(\w+)\]$", text, re.M)
    assert sections == ["Unit", "Service", "Install"], sections
    assert "tocsin serve --config" in text
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
    assert settings["ExecReload"].endswith("kill -HUP $MAINPID"), settings["ExecReload"]
    assert settings["Restart"] == "always" and settings["RestartPreventExitStatus"] == "2 5", settings
    if not shutil.which("systemd-analyze"):
        print("left out: the unit was not rated, since systemd-analyze is not installed")
        return
    calls = allowed_calls(re.findall(r"^SystemCallFilter=(.*)$", text, re.M))
    assert {"setpriority", "fdatasync", "accept4", "openat", "mmap", "clone3", "fallocate"} <= calls, calls
    assert not {"ptrace", "setuid", "mount", "kexec_load", "sched_setscheduler", "setrlimit"} & calls, calls
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", str(UNIT)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    rating = re.search(r"exposure level for \S+ (\d+\.\d)", done.stdout.decode())
    assert rating, done.stdout.decode()
    assert float(rating[1]) < 2.0, f"rated {rating[1]}\n{done.stdout.decode()}"


@case
def flink_names_what_there_is():
    """the Flink image and deployment name the jar, class and options that the package has, and what it demands"""
    image, deployment = (read(ROOT / "deploy/flink" / name) for name in ("Dockerfile", "flinkdeployment.yaml"))
    pom = read(ROOT / "runtime/flink/pom.xml")
    jar = re.search(r"<artifactId>(\S+)</artifactId>\s*(?:<!--.*?-->\s*)?<version>(\S+)</version>", pom, re.S)
    jar = f"{jar[1]}-{jar[2]}.jar"
    assert jar == "tocsin-flink-0.1.0.jar" and jar in image and f"local:///opt/flink/lib/{jar}" in deployment, jar
    job = re.search(r"entryClass: (\S+)", deployment)[1]
    source = read(ROOT / "runtime/flink/src/main/java" / (job.replace(".", "/") + ".java"))
    options = re.findall(r"^ +- (--\S+)$", deployment, re.M)
    assert options and all(f'case "{option}" ->' in source for option in options), options
    assert all(jar in image for jar in ("flink-connector-kafka", "kafka-clients")), "KafkaJob needs them"
    assert 'pipeline.max-parallelism: "1024"' in deployment
    assert 'unaligned.enabled: "false"' in deployment
    for word in ("runtime/flink/pom.xml", "./do setup program flink", "./do build tocsin tocsin_flink"):
        assert word in image, word
    needed = set(re.findall(r"\blib[a-z0-9.-]+\d\b", image))
    assert {"libhyperscan5", "libfmt9", "libsimdjson14"} <= needed, needed


@case
def reload_by_signal():
    """SIGHUP reads the rules again: changed ones are deployed, wrong ones are refused, and the server goes on"""
    with Server(options=TIMELESS) as server:
        server.process.send_signal(signal.SIGHUP)
        rules = read("rules.tocsin")
        before = server.ask("GET", "/v1/pack").headers["ETag"]
        write("rules.tocsin", rules.replace("amount > 100", "amount > 50"))
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.ask("GET", "/v1/pack").headers["ETag"] != before, "the rules that were read again")
        server.send([payment(1, "c1", 70)])
        wait_for(lambda: server.metric("alerts_stored") == 1, "the alert of the new rule")
        now = server.ask("GET", "/v1/pack").headers["ETag"]
        write("rules.tocsin", "rule broken")
        server.process.send_signal(signal.SIGHUP)
        server.send([payment(2, "c1", 80)])
        wait_for(lambda: server.metric("alerts_stored") == 2, "the alert after a refused reload")
        server.end()
        assert "SIGHUP" in server.said and "stay active" in server.said, server.said
        assert now != before


run_cases()
