"""Runs over lines and mappings."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
import time
import warnings
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import BINARY, LOGINS, START, login_events, run_binary

import tocsin

needs_binary = pytest.mark.skipif(not BINARY, reason="TOCSIN_BINARY is not set")


def lines_of(events: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(event) + "\n" for event in events).encode()


@needs_binary
@pytest.mark.parametrize("seed", range(5))
def test_alerts_are_those_of_the_command_line(logins: tocsin.Rules, tmp_path: Path, seed: int) -> None:
    events = login_events(2_000, seed)
    wanted = run_binary(LOGINS, lines_of(events), tmp_path)
    assert wanted.count(b"\n") > 20
    assert logins.run(tmp_path / "events.ndjson").to_ndjson() == wanted
    assert logins.run(events).to_ndjson() == wanted
    assert logins.run(iter(events)).to_ndjson() == wanted
    packed = tmp_path / "events.jsonl.gz"
    packed.write_bytes(gzip.compress(lines_of(events)))
    assert logins.run(str(packed)).to_ndjson() == wanted


def test_a_run_that_is_fed_piece_by_piece(logins: tocsin.Rules) -> None:
    data = lines_of(login_events(500, 7))
    whole = logins.run(data)
    with logins.open() as run:
        parts = []
        for begin in range(0, len(data), 997):  # lines are cut anywhere
            run.push(data[begin:begin + 997])
            if begin % 5 == 0:
                parts.append(run.alerts().to_ndjson())
    parts.append(run.alerts().to_ndjson())
    assert b"".join(parts) == whole.to_ndjson()
    assert run.statistics["events"] == 500 and run.watermark is None


def test_time_moves_when_it_is_told_to(logins: tocsin.Rules) -> None:
    run = logins.open()
    run.push(json.dumps({"type": "login", "ts": START, "id": "e1", "user": "ann", "ok": True}) + "\n")
    assert len(run.alerts()) == 0
    run.advance(datetime(2026, 3, 2, 13, 0, tzinfo=timezone.utc))
    (alert,) = run.alerts()
    assert alert.rule == "quiet" and alert.time == datetime(2026, 3, 2, 13, 0, tzinfo=timezone.utc)
    assert run.watermark == alert.time
    run.finish()
    run.finish()


def test_values_stay_exact() -> None:
    rules = tocsin.Rules.from_text(
        'event pay { ts: time, id: string id, card: string, amount: decimal(3), waited: duration? }\n'
        'rule any "Any" { by card when pay as p where amount >= 0.1 alert "{p.amount}" { amount: p.amount } }\n')
    exact = Decimal("92233720368547.123")
    (alert,) = rules.run([{"type": "pay", "ts": datetime(2026, 3, 2, 12, 0, 0, 123456), "id": "p1", "card": "c\0d1\u2028\ud7ff",
                           "amount": exact}])
    assert alert.fields["amount"] == exact and isinstance(alert.fields["amount"], Decimal)
    assert alert.ts == START + 123456 and alert.key == {"card": "c\0d1\u2028\ud7ff"}
    assert alert.message == str(exact)
    with pytest.raises(ValueError):
        rules.run([{"type": "pay", "ts": START, "id": "p1", "card": "c", "amount": Decimal("NaN")}])
    with pytest.raises(TypeError, match="a value of type object"):
        rules.run([{"type": "pay", "ts": START, "card": object()}])


def test_what_is_left_out_is_said(logins: tocsin.Rules) -> None:
    events = [{"type": "login", "ts": START + 5_000_000, "id": "e1", "user": "a", "ok": True},
              {"type": "login", "ts": START, "id": "e2", "user": "a", "ok": True}, {"type": "nothing", "ts": START}]
    with pytest.warns(UserWarning) as warned:
        alerts = logins.run(events)
    texts = [str(one.message) for one in warned]
    assert any("1 event came too late" in text and "out_of_orderness" in text for text in texts), texts
    assert any("1 row could not be read" in text and "line 3" in text for text in texts), texts
    assert alerts.late[0].line == 2 and alerts.late[0].late_us == 5_000_000 and alerts.rejected[0].line == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(logins.run(events[:2], out_of_orderness=timedelta(seconds=5)).late) == 0


def test_options_that_cannot_be_used(logins: tocsin.Rules) -> None:
    with pytest.raises(ValueError, match='did you mean "late_policy"'):
        logins.run([], late_polcy="clamp")
    with pytest.raises(TypeError, match="not int"):
        logins.run(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="event 2 is no mapping but str"):
        logins.run([{"type": "login", "ts": START, "user": "a", "ok": True}, "x"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="events are read from"):
        logins.run("events.xml")
    with pytest.raises(FileNotFoundError):
        logins.run("no_such_file.ndjson")


def test_a_limit_says_which() -> None:
    rules = tocsin.Rules.from_text(LOGINS)
    run = rules.open(reorder_bytes_max=1 << 16, out_of_orderness="1d")
    with pytest.raises(tocsin.LimitError, match="reorder_bytes_max"):
        run.push(lines_of(login_events(20_000, 1)))


def test_other_threads_go_on_while_a_run_works(logins: tocsin.Rules) -> None:
    data = lines_of(login_events(60_000, 3))
    ticks = []
    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    logins.run(data)
    over.set()
    thread.join()
    assert len(ticks) > 5


def test_ctrl_c_is_answered(logins: tocsin.Rules) -> None:
    def endless() -> object:
        number = 0
        while True:
            for event in login_events(1_000, number):
                event["ts"] = START + number
                number += 1
                yield event

    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        logins.run(endless())  # type: ignore[arg-type]
    timer.join()
