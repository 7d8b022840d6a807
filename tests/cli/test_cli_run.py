from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time

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
