"""The parts of `./do bench serve` with an open load: how long from the time that a request was due to its answer, and of an alert
to its webhook.

The server, its clients and the receiver share the machine, and the clients are one thread of Python: what they print of the
clients' CPU says whether they were the limit. Beside each figure stands what the disk took for an fdatasync in the same run.
"""
import asyncio
import pathlib
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "tests" / folder) for folder in ("e2e", "soak")]
from harness import wait_for  # noqa: E402
from load import Disk, Events, Load, Phase, hundred_rules, in_ms, quantile  # noqa: E402
from server_process import TIMELESS, Server  # noqa: E402

OPTIONS = (*TIMELESS, "--http-requests-per-second", "1000000", "--http-requests-burst", "1000000", "--webhooks-allow", "127.0.0.1",
           "--webhooks-brake-per-rule", "0", "--webhooks-brake-in-all", "0")
HOOK_P99_S = 0.05      # from the time that an event was due to its webhook, where the disk's p99 is DISK_P99_S at most
DISK_P99_S = 0.002
SINGLE_P99_S = 0.02    # of a request of one event


def play(phases, *, size, connections, alert_each, cards=100_000, data="data"):
    """One server with a hundred rules, under the phases: the load, the disk's times, and CPU of server and clients per second."""
    pathlib.Path(data).mkdir(exist_ok=True)
    with Server(rules=hundred_rules(), options=OPTIONS, data=f"{data}/of-server") as server, Disk(data) as disk:
        load = Load(server.port, server.token, Events(cards, alert_each), size, connections)

        def subscribe(url):
            made = server.ask("POST", "/v1/subscriptions", {"url": url})
            assert made.status == 201, made
        before, own = server.cpu_seconds(), time.process_time()
        asyncio.run(load.run(phases, subscribe))
        took = load.ended - load.began
        share = (server.cpu_seconds() - before) / took, (time.process_time() - own) / took
        wait_for(lambda: int(server.metric("intake_events_total")) == load.sent, f"{load.sent} events in the server's count")
        assert len(load.arrived) == len(load.due_of), f"{len(load.arrived)} of {len(load.due_of)} alerts came by webhook"
        server.end()
    return load, disk.took, share


def tell(name, load, disk, share):
    rate = load.sent / (load.ended - load.began)
    print(f"{name}: {rate:,.0f} events/s taken, {len(load.due_of) / (load.ended - load.began):.0f} alerts/s\n"
          f"  request, from when it was due: {in_ms(load.latencies())}\n"
          f"  webhook, from when its event was due: {in_ms(list(load.arrived.values()))}\n"
          f"  fdatasync: {in_ms(disk)}; cores used: server {share[0]:.2f}, clients {share[1]:.2f}; refused for a while: {load.refused}",
          flush=True)


def steady(options):
    """20,000 events a second in requests of 100 over 8 connections, 40 alerts a second."""
    figures = play([Phase(options.seconds * 4, 200)], size=100, connections=8, alert_each=500)
    tell("open load, 100 rules, requests of 100 over 8 connections", *figures)
    hook, disk = quantile(list(figures[0].arrived.values()), .99), quantile(figures[1], .99)
    quiet = "" if disk <= DISK_P99_S else f"; the disk is slower than {DISK_P99_S * 1e3:.0f} ms here"
    print(f"  target: webhooks p99 at most {HOOK_P99_S * 1e3:.0f} ms: {'met' if hook <= HOOK_P99_S else 'missed'}{quiet}")


def singles(options):
    """Requests of one event over 16 connections."""
    figures = play([Phase(options.seconds * 2, options.singles)], size=1, connections=16, alert_each=100)
    tell(f"open load, 100 rules, {options.singles:,} requests of one event a second over 16 connections", *figures)
    p99 = quantile(figures[0].latencies(), .99)
    print(f"  target: requests p99 at most {SINGLE_P99_S * 1e3:.0f} ms: {'met' if p99 <= SINGLE_P99_S else 'missed'}")


def highest(options):
    """The highest rate that holds: requests of 100 over 8 connections, doubled until it does not, then halved between."""
    def holds(rate):
        load, disk, share = play([Phase(options.seconds, rate / 100)], size=100, connections=8, alert_each=max(100, int(rate / 40)),
                                 data=f"data-{rate}")
        p99 = quantile(list(load.arrived.values()), .99)
        is_held = p99 <= HOOK_P99_S and load.behind_after(load.began + options.seconds) < 0.5
        print(f"  {rate:9,.0f} events/s: request {in_ms(load.latencies())}; webhook p99 {p99 * 1e3:.1f} ms; fdatasync p99"
              f" {quantile(disk, .99) * 1e3:.1f} ms; cores: server {share[0]:.2f}, clients {share[1]:.2f}{'' if is_held else '; does not hold'}",
              flush=True)
        return is_held
    print(f"the highest rate with webhooks p99 at most {HOOK_P99_S * 1e3:.0f} ms:", flush=True)
    low, high = 0, 20_000
    while holds(high):
        low, high = high, high * 2
    for _ in range(3):
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    print(f"  {low:,} events/s hold")


def burst(options):
    """Ten times as much for a while: nothing is lost, and soon after it is caught up."""
    before, during = options.seconds, options.burst_seconds
    phases = [Phase(before, 200), Phase(during, 2000), Phase(options.after_seconds, 200)]
    load, disk, share = play(phases, size=100, connections=8, alert_each=5000)
    behind = load.behind_after(load.began + before + during)
    tell(f"burst, 200,000 events/s for {during:g} s between 20,000", load, disk, share)
    print(f"  all {load.sent:,} events were taken, and all {len(load.due_of):,} alerts came; caught up {behind:.1f} s after the burst"
          f" (target: at most 60 s: {'met' if behind <= 60 else 'missed'})")


PARTS = {"steady": steady, "singles": singles, "highest": highest, "burst": burst}
