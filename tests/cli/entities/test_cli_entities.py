"""The ledger's commands, on a real SQLite ledger that a real run has written."""

from __future__ import annotations

import io
import json
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cli_servers import Systems

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.held_payloads import move_payloads
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run, find_run, finish_run
from airflow_integrations.ledger.storage.schema_version import HEAD
from airflow_integrations.window import EPOCH, Window

NOW = 1_790_000_000.0


@pytest.fixture
def ledger():
    """With one run of ``orders``: 1 delivered, 2 and 3 refused, 4 in doubt, 5 waiting."""
    with open_ledger() as opened:
        run = begin_run(
            opened,
            "orders",
            "manual__1",
            kind="manual",
            window=Window(EPOCH, EPOCH),
            route_hash="h",
            staging="/nowhere/orders/manual__1",
            now=NOW,
        )
        problem: dict[str, Any] = {
            "hash": "ab" * 16,
            "attempts": 2,
            "since": NOW,
            "payload_stage": "push",
            "http_status": 422,
        }
        refused: dict[str, Any] = {"error_class": "refused", "reason": "no \x1b]0;price\x07 \u202e[red]", **problem}
        outcomes = [
            Outcome(key="1", status="delivered", hash="cd" * 16, version="7", target_id="T1"),
            Outcome(key="2", status="failed", payload_at=0, **refused),
            Outcome(key="3", status="failed", payload_at=1, **refused),
            Outcome(key="4", status="in_doubt", payload_at=2, error_class="unknown", reason="no answer", **problem),
            Outcome(key="5", status="waiting", payload_at=3, **problem),
        ]
        conclude(opened, run, outcomes, now=NOW)
        counts = {"fetched": 5, "delivered": 1, "failed": 2, "in_doubt": 1, "waiting": 1}
        finish_run(
            opened,
            run,
            counts=counts,
            seconds={"push": 1.0},
            verdict="2 failed",
            bytes=10,
            covered=Window(EPOCH, EPOCH),
            cursor="c1",
            now=NOW + 9,
        )
        yield opened


def statuses(call) -> dict[str, str]:
    _, out, _ = call("entities", "list", "orders", "--format", "json")
    return {line["key"]: line["status"] for line in json.loads(out)}


def test_where_is_it(call, ledger):
    code, out, _ = call("entities", "show", "orders", "2")
    assert code == 0
    assert out.startswith("orders 2: failed since 2026-09-21 ")
    assert "refused: HTTP 422: no \\x1b]0;price\\x07 \\u202e[red] [" in out
    assert "manual__1, window 1970-01-01T00:00:00Z → 1970-01-01T00:00:00Z" in out
    assert "failed  manual__1  attempt 2  HTTP 422" in out
    assert "entities retry orders --key 2" in out
    _, out, _ = call("entities", "show", "orders", "1")
    assert "delivered     once, last 2026-09-21" in out
    assert "T1" in out


def test_a_payload_that_was_kept_when_its_run_was_cleared(call, ledger):
    move_payloads(ledger, RunRef(1, 1, "orders", "manual__1"), [("4", -3)])
    assert "push, line 2 of those kept when the run was cleared" in call("entities", "show", "orders", "4")[1]


def test_nothing_of_a_payload_reaches_the_terminal_as_it_is(call, ledger):
    for argv in (("show", "orders", "2"), ("list", "orders"), ("errors",)):
        for form in ("text", "json"):
            _, out, _ = call("entities", *argv, "--format", form)
            assert all(character.isprintable() or character == "\n" for character in out)
            assert "[red]" in out
    _, out, _ = call("entities", "show", "orders", "2", "--format", "json")
    assert json.loads(out)["message"] == "no \x1b]0;price\x07 \u202e[red]"


def test_what_is_not_known_is_said_with_what_is_near(call, ledger):
    code, _, err = call("entities", "show", "order", "2")
    assert (code, "did you mean orders?" in err) == (1, True)
    code, _, err = call("entities", "show", "orders", "9")
    assert (code, "does not know 9" in err) == (1, True)


def test_lists_and_their_pages(call, ledger):
    code, out, _ = call("entities", "list", "orders", "--status", "failed", "--limit", "1")
    assert code == 0
    assert "--after 2, or a larger --limit" in out
    _, out, _ = call("entities", "list", "orders", "--after", "2", "--limit", "2", "--format", "jsonl")
    assert [json.loads(line)["key"] for line in out.splitlines()] == ["3", "4"]
    _, out, _ = call("entities", "list", "orders", "--text", "NO ANSWER", "--format", "json")
    assert [line["key"] for line in json.loads(out)] == ["4"]
    _, out, _ = call("entities", "list", "orders", "--since", "2026-09-22")
    assert out == "No entity fits this description.\n"
    assert call("entities", "list", "orders", "--since", "yesterday")[0] == 2
    assert call("entities", "list", "orders", "--limit", "0")[0] == 2


def test_errors_by_kind(call, ledger):
    _, out, _ = call("entities", "errors", "orders", "--format", "json")
    groups = json.loads(out)
    assert [(group["status"], group["count"]) for group in groups] == [("failed", 2), ("in_doubt", 1), ("waiting", 1)]
    code, out, _ = call("entities", "retry", "orders", "--error", groups[0]["fingerprint"])
    assert code == 0
    assert out.startswith("2 entities are due again")
    assert "airflow-integrations run orders --retry due" in out
    assert statuses(call)["2"] == "retrying"


def test_skip_and_confirm(call, ledger):
    assert call("entities", "skip", "orders", "--key", "2", "--reason", "a test")[0] == 0
    assert call("entities", "confirm", "orders", "--key", "4", "--target-id", "T4")[0] == 0
    code, out, _ = call("entities", "confirm", "orders", "--key", "5", "--failed", "--reason", "credit limit")
    assert (code, out) == (0, "1 confirmed as failed; entities retry sends them again\n")
    assert statuses(call) == {"1": "delivered", "2": "skipped", "3": "failed", "4": "delivered", "5": "failed"}
    code, out, _ = call("entities", "show", "orders", "4")
    assert "delivered  confirmed by cli:" in out
    code, _, err = call("entities", "confirm", "orders", "--key", "1")
    assert (code, "1 is delivered: this is possible for in_doubt, waiting" in err) == (1, True)


@pytest.mark.parametrize(
    "argv",
    [
        ("retry", "orders"),
        ("skip", "orders", "--key", "2"),
        ("confirm", "orders", "--key", "5", "--failed"),
        ("confirm", "orders", "--status", "waiting", "--target-id", "T"),
        ("retry", "orders", "--status", "lost"),
    ],
)
def test_wrong_usage(call, ledger, argv):
    before = statuses(call)
    assert call("entities", *argv)[0] == 2
    assert statuses(call) == before


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_many_are_asked_about(call, ledger, monkeypatch):
    run = find_run(ledger, "orders", "manual__1")
    assert run is not None
    problem: dict[str, Any] = {"error_class": "outage", "reason": "away", "payload_stage": "push"}
    conclude(ledger, run, [Outcome(key=f"x{n}", status="failed", payload_at=n, **problem) for n in range(21)], now=NOW)
    code, _, err = call("entities", "retry", "orders", "--status", "failed")
    assert (code, "retry 23 entities of orders? Pass --yes to confirm" in err) == (2, True)
    monkeypatch.setattr(sys, "stdin", _Terminal("n\n"))
    code, _, err = call("entities", "retry", "orders", "--status", "failed")
    assert (code, "nothing was changed" in err) == (2, True)
    assert statuses(call)["x1"] == "failed"
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))
    assert call("entities", "retry", "orders", "--status", "failed")[0] == 0
    assert call("entities", "skip", "orders", "--status", "retrying", "--reason", "old", "--yes")[0] == 0
    assert statuses(call)["x1"] == "skipped"


def test_a_payload_from_a_file(call, ledger, tmp_path):
    file = tmp_path / "mended.json"
    file.write_text('{"price": 12345678901234567890.10}')
    code, out, _ = call("entities", "edit", "orders", "2", "--payload", str(file))
    assert code == 0
    assert '+  "price": 12345678901234567890.10' in out
    assert "entities retry orders --key 2" in out
    code, out, _ = call("entities", "edit", "orders", "2", "--payload", str(file))
    assert out == "Nothing was changed.\n"
    _, out, _ = call("entities", "show", "orders", "2")
    assert "edited        by cli:" in out
    file.write_text("[1]")
    assert call("entities", "edit", "orders", "2", "--payload", str(file))[0] == 1
    file.write_text("{")
    assert call("entities", "edit", "orders", "2", "--payload", str(file))[0] == 1
    assert call("entities", "edit", "orders", "2", "--payload", "nowhere.json")[0] == 2
    code, _, err = call("entities", "edit", "orders", "3")
    assert (code, "is gone" in err) == (1, True)


def editor(folder: Path, code: str) -> str:
    script = folder / "editor.py"
    script.write_text(f"import sys, pathlib\npath = pathlib.Path(sys.argv[1])\n{code}\n")
    return f"{sys.executable} {script}"


def test_without_a_terminal_no_editor_is_started(call, ledger, tmp_path, monkeypatch):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    file = tmp_path / "first.json"
    file.write_text('{"price": 1.10}')
    call("entities", "edit", "orders", "2", "--payload", str(file))
    monkeypatch.setenv("EDITOR", editor(tmp_path, "pathlib.Path('started').touch()"))
    code, _, err = call("entities", "edit", "orders", "2")
    assert (code, "Pass --yes to confirm" in err, Path("started").exists()) == (2, True, False)


def test_an_editor_opens_what_would_be_sent(call, ledger, tmp_path, monkeypatch):
    monkeypatch.delenv("VISUAL", raising=False)
    file = tmp_path / "first.json"
    file.write_text('{"price": 1.10, "name": "a\\u001b"}')
    call("entities", "edit", "orders", "2", "--payload", str(file))
    monkeypatch.setenv("EDITOR", editor(tmp_path, "path.write_text(path.read_text().replace('1.10', '2.50'))"))
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))
    code, out, _ = call("entities", "edit", "orders", "2")
    assert code == 0
    assert '-  "price": 1.10' in out
    assert '+  "price": 2.50' in out
    assert "keep this for 2? [y/N]" in out
    monkeypatch.setenv("EDITOR", editor(tmp_path, "path.write_text('{')"))
    code, _, err = call("entities", "edit", "orders", "2")
    assert code == 1
    kept = Path(err.strip().rpartition("your text is in ")[2])
    assert kept.read_text() == "{"
    kept.unlink()
    monkeypatch.setenv("EDITOR", editor(tmp_path, "sys.exit(3)"))
    assert call("entities", "edit", "orders", "2")[0] == 2
    monkeypatch.setenv("EDITOR", "no-such-editor")
    assert call("entities", "edit", "orders", "2")[0] == 2


def test_runs_queue_and_cursor(call, ledger):
    _, out, _ = call("runs", "orders")
    assert "5 fetched = 1 delivered + 2 failed + 1 waiting + 1 in doubt" in out
    assert "2 failed" in out
    _, out, _ = call("runs", "orders", "--format", "json")
    assert json.loads(out)[0]["window"] == ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]
    _, out, _ = call("queue")
    assert "2 failed, 1 in doubt, 1 waiting" in out
    _, out, _ = call("cursor", "show", "orders")
    assert out == "mark    1970-01-01T00:00:00Z\ncursor  c1\n"
    _, out, _ = call("cursor", "set", "orders", "c2")
    assert "cursor  c2 (was c1)" in out
    _, out, _ = call("cursor", "set", "orders", "--mark", "2026-01-31")
    assert "mark    2026-01-31T00:00:00Z (was 1970-01-01T00:00:00Z)" in out
    _, out, _ = call("cursor", "clear", "orders")
    assert "cursor  not set (was c2)" in out
    assert json.loads(call("cursor", "show", "orders", "--format", "json")[1])["cursor"] is None
    assert call("cursor", "set", "orders")[0] == 2
    assert call("cursor", "set", "orders", "c", "--mark", "2026-01-31")[0] == 2
    assert call("cursor", "show", "stock")[0] == 1


def test_queue_tells_what_waits_in_the_inbox(call, ledger):
    event = NewEvent(route="orders", event_id="e-1", body=b"[{}]", source="webhook")
    with open_ledger() as opened:
        opened.inbox.put([event, msgspec.structs.replace(event, event_id="e-2")], NOW)
    (line,) = [each for each in json.loads(call("queue", "--format", "json")[1]) if each["route"] == "orders"]
    assert (line["events"], line["oldest_event"]) == (2, NOW)
    assert "inbox" in call("queue")[1]


def test_an_event_of_a_route_that_never_ran_is_found_by_its_key(call, routes, edit):
    edit(routes / "orders.yaml", "key: order.id", "key: order.number")
    event = NewEvent(route="orders", event_id="e-1", body=b'[{"number": "1042", "total": 10.50}]', source="webhook")
    with open_ledger() as opened:
        opened.inbox.put([event], NOW)
    code, out, _ = call("entities", "show", "orders", "1042")
    assert (code, out.startswith("orders 1042: in the inbox since 2026-09-21")) == (0, True)
    assert "Is the route's DAG switched on in Airflow?" in out
    assert call("entities", "show", "orders", "1043")[0] == 1


def test_the_ledger_itself(call, tmp_path):
    code, out, _ = call("ledger", "migrate")
    assert (code, f"schema {HEAD}" in out) == (0, True)
    code, out, _ = call("ledger", "status")
    assert code == 0
    assert f"place     SQLite, {tmp_path}" in out
    held = json.loads(call("ledger", "status", "--format", "json")[1])
    assert (held["entities"], held["runs"]) == (0, 0)
    assert held["database_bytes"] > 0
    _, out, _ = call("queue")
    assert "knows no route yet" in out
    assert call("entities", "errors")[1].startswith("Nothing is wrong")


def test_pruning_needs_every_route_to_be_read(call, ledger, routes, edit):
    assert call("ledger", "prune")[0] == 0
    edit(routes / "orders.yaml", "style: cursor", "style: cusor")
    code, _, err = call("ledger", "prune")
    assert (code, "cusor" in err) == (1, True)


def test_an_order_that_was_refused_is_mended_and_arrives(call, routes, systems: Systems, monkeypatch, tmp_path):
    """From the run that failed to the delivery, by commands only."""
    systems.orders = [systems.orders[0]]
    systems.status = 422
    assert call("run", "orders")[0] == 1
    (line,) = json.loads(call("entities", "list", "orders", "--format", "json")[1])
    assert (line["key"], line["status"], line["http_status"]) == ("1", "failed", 422)
    monkeypatch.delenv("VISUAL", raising=False)
    mend = "path.write_text(path.read_text().replace('C1', 'Ana'))"
    monkeypatch.setenv("EDITOR", editor(tmp_path, mend))
    code, out, err = call("entities", "edit", "orders", "1", "--yes")
    assert (code, err) == (0, "")
    assert "Ana" in out
    _, out, _ = call("entities", "show", "orders", "1", "--payload")
    given, _, sent = out.partition("what the source gave\n")[2].partition("what goes to the target\n")
    staged, _, edited = sent.partition("as it was edited by cli:")
    assert "C1" in given
    assert "C1" in staged
    assert "Ana" in edited
    assert "C1" in edited
    asked, _, answered = edited.partition("what it answered\n")
    assert "  POST http" in asked.partition("what the target was asked last")[2]
    assert answered.splitlines()[0].startswith(f"  HTTP 422 {HTTPStatus(422).phrase}, in ")  # the words are Python's
    assert call("entities", "retry", "orders", "--key", "1")[0] == 0
    systems.status = 201
    systems.documents.clear()
    code, out, err = call("run", "orders", "--retry", "due")
    assert code == 0, out + err
    assert "Ana" in json.dumps(systems.documents)
    _, out, _ = call("entities", "show", "orders", "1")
    assert out.startswith("orders 1: delivered since ")
    assert [line.split()[2] for line in out.partition("newest first\n")[2].splitlines()] == [
        "delivered",
        "pending",
        "retrying",
        "failed",
        "failed",
    ]
    assert call("queue")[1].count("failed") == 0
