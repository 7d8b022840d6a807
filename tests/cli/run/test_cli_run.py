from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest
from cli_servers import PASSWORD


def test_the_whole_route(call, routes, systems):
    code, out, err = call("run", "orders")
    assert code == 0
    assert out.splitlines()[-1] == "5 fetched = 4 delivered + 1 filtered"
    assert [document["Number"] for document in sorted(systems.documents, key=lambda each: each["Number"])] == [
        1,
        3,
        4,
        5,
    ]
    assert "pushed: 4 delivered" in err
    assert PASSWORD not in out + err


def test_the_window_that_is_told_is_the_one_in_the_books(call, routes, systems):
    _, out, err = call("run", "orders")
    told = set(re.findall(r"\S+ → \S+Z", out + err))
    assert len(told) == 1
    _, books, _ = call("runs", "orders", "--format", "json")
    (run,) = json.loads(books)
    assert told == {" → ".join(run["window"])}


def test_a_dry_run_sends_nothing(call, routes, systems):
    code, out, _ = call("run", "orders", "--dry-run")
    assert code == 0
    assert out.splitlines()[-1] == "5 fetched = 1 filtered + 4 skipped"
    assert systems.documents == []


def test_what_went_wrong_is_shown_and_fails(call, routes, systems):
    systems.orders.append({"id": 6, "status": "open", "lines": None})
    code, out, _ = call("run", "orders", "--limit", "6")
    assert code == 1
    assert "6 fetched = 4 delivered + 1 filtered + 1 rejected" in out
    assert "transform.1.map" in out


def test_what_went_wrong_can_be_run_again_with_the_command_it_shows(call, routes, systems):
    systems.orders.append({"id": 6, "status": "open", "lines": None})
    _, out, _ = call("run", "orders", "--window-start", "2026-01-01", "--window-end", "2026-01-02")
    shown = shlex.split(out.splitlines()[-1])
    assert shown[0] == "airflow-integrations"
    systems.orders[-1]["lines"] = systems.orders[0]["lines"]
    systems.orders[-1]["customer"] = systems.orders[0]["customer"]
    code, out, _ = call(*shown[1:])
    assert code == 0
    assert out.splitlines()[0] == "orders: window 2026-01-01T00:00:00Z → 2026-01-02T00:00:00Z"
    assert out.splitlines()[-1] == "1 fetched = 1 delivered"


def test_a_refusal_of_the_target_is_shown(call, routes, systems):
    systems.status = 422
    code, out, _ = call("run", "orders", "--key", "1")
    assert code == 1
    assert "1 fetched = 1 failed" in out
    assert "422" in out


LONG = f"{'nothing of use ' * 150}REASON {'nor here ' * 100}{PASSWORD}"
"""The reason stands behind 2 KB, and before another one."""


def test_verbose_shows_what_the_target_was_asked_and_answered(call, routes, systems, tmp_path):
    systems.status, systems.said = 422, LONG
    (tmp_path / "some.json").write_text('[{"id": 7, "status": "open", "customer": {"name": "Ada"}, "lines": []}]')
    code, out, err = call("run", "orders", "--entities", "some.json")
    assert (code, "REASON" in out + err) == (1, False)
    code, out, err = call("run", "orders", "--entities", "some.json", "--verbose")
    assert code == 1
    lines = [line.strip() for line in out.splitlines()]
    at = lines.index("7")
    assert lines[at + 1].startswith("what the target was asked last, ")
    assert lines[at + 2] == f"POST http://127.0.0.1:{systems.port}/documents"
    assert '"Number": 7,' in lines[at + 3 :]
    assert "what it answered" in lines
    assert "REASON" in out
    assert PASSWORD not in out + err


def test_verbose_shows_what_a_source_answered_that_broke_the_run_off(call, routes, systems):
    systems.said = LONG
    code, out, err = call("run", "orders")
    assert (code, "REASON" in out + err) == (1, False)
    code, out, err = call("run", "orders", "--verbose")
    assert code == 1
    assert "the answer was: HTTP 400 Bad Request: nothing of use" in err
    assert "REASON" in err
    assert PASSWORD not in out + err


def test_an_error_tells_the_reason_wherever_it_stands_in_the_answer(call, routes, systems):
    systems.said = json.dumps({"trace": ["x" * 80] * 40, "error": {"message": "the token has no scope orders"}})
    code, _, err = call("run", "orders")
    assert code == 1
    assert "400 Bad Request; it said: the token has no scope orders" in err


def test_wrong_credentials_end_it(call, routes, systems):
    systems.status = 401
    code, out, err = call("run", "orders")
    assert code == 1
    assert "check the credentials of Connection 'target'" in err
    assert PASSWORD not in out + err


def test_nothing_to_do(call, routes, systems):
    systems.orders.clear()
    code, out, _ = call("run", "orders")
    assert (code, out.splitlines()[-1]) == (0, "0 fetched = 0")


def test_what_is_open_is_sent_again_without_a_fetch(call, routes, systems):
    systems.status = 422
    call("run", "orders", "--key", "1", "--key", "3")
    systems.status, refused = 201, len(systems.documents)
    code, out, _ = call("run", "orders", "--retry", "failed")
    assert code == 0
    assert out.splitlines() == ["orders: retry of what is failed", "0 fetched + 2 carried in = 2 delivered"]
    assert sorted(document["Number"] for document in systems.documents[refused:]) == [1, 3]
    assert call("run", "orders", "--retry", "failed", "--key", "1")[0] == 2


def test_what_was_delivered_is_not_sent_again(call, routes, systems):
    call("run", "orders")
    sent = len(systems.documents)
    code, out, _ = call("run", "orders", "--window-start", "2026-01-01")
    assert (code, out.splitlines()[-1]) == (0, "5 fetched = 4 unchanged + 1 filtered")
    assert len(systems.documents) == sent


def test_ctrl_c_ends_what_is_under_way_and_begins_nothing_new(routes, systems, tmp_path):
    systems.orders = [{**systems.orders[0], "id": number} for number in range(200)]
    systems.delay = 0.2
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from airflow_integrations.cli import main; sys.exit(main(['run', 'orders']))",
        ],
        cwd=tmp_path,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not systems.documents and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "interrupted" in out
    posted = sum(heard.method == "POST" for heard in systems.heard)
    assert 0 < posted < 200
    assert f"200 fetched = {posted} delivered + {200 - posted} retrying" in out


def test_the_window_that_is_shown_is_the_one_that_is_booked(call, routes, systems):
    call("run", "orders", "--key", "1")
    assert call("cursor", "set", "orders", "--mark", "2026-01-31T06:00:00Z")[0] == 0
    code, out, err = call("run", "orders")
    shown = re.search(r"window (\S+) → (\S+)", out)
    assert code == 0
    assert shown is not None
    books = json.loads(call("runs", "orders", "--format", "json")[1])
    assert list(shown.groups()) == books[0]["window"]
    assert set(re.findall(r"window (\S+) → \S+", out + err)) == {shown[1]}


def test_a_key_that_the_source_does_not_have_in_the_window_is_named(call, routes, systems):
    code, out, _ = call("run", "orders", "--key", "99", "--window-start", "2026-01-01", "--window-end", "2026-01-02")
    assert code == 0
    assert out.splitlines()[-1] == (
        "The source has no 99 in 2026-01-01T00:00:00Z → 2026-01-02T00:00:00Z: --window-start TIME looks further back."
    )


def test_what_has_no_key_is_listed_with_its_record(call, routes, systems):
    systems.orders.append({"status": "open", "note": "nobody"})
    call("run", "orders")
    run = json.loads(call("runs", "orders", "--format", "json")[1])[0]["run_id"]
    code, out, _ = call("runs", "orders", "--without-key", run)
    assert code == 0
    assert '"note":"nobody"' in out
    systems.orders.pop()
    call("run", "orders")
    run = json.loads(call("runs", "orders", "--format", "json")[1])[0]["run_id"]
    assert call("runs", "orders", "--without-key", run)[1].startswith("Nothing that this run staged")


@pytest.mark.parametrize("command", ["run", "preview"])
def test_a_route_of_events_says_how_to_give_it_some(call, routes, systems, command):
    (routes / "tickets.yaml").write_text(
        "entity: {name: ticket, key: ticket.id}\noutgoing: {none: {}}\n"
        "trigger: {webhook: {path: tickets, verify: none}}\n"
    )
    code, out, _ = call(command, "tickets")
    assert (code, "its entities come as events: give it some with --entities FILE" in out) == (0, True)
    (routes / "one.json").write_text('[{"id": 1}]')
    code, out, _ = call(command, "tickets", "--entities", str(routes / "one.json"))
    assert (code, "come as events" in out) == (0, False)
