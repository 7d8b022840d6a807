"""A route that reads another one's fetches, on the command line."""

from __future__ import annotations

import json

import pytest

READER = """
entity: {key: entity.id}
incoming: {route: orders}
outgoing: {http: {connection: target, path: /documents, body: {Number: entity.id}}}
"""
BROKEN = "transform: [{map: {id: entity.id if entity.id != 3 else entity.no + 1}}]\noutgoing:"


@pytest.fixture
def reader(call, routes, systems):
    (routes / "invoices.yaml").write_text(READER)
    return systems


def last(out: str) -> str:
    return out.splitlines()[-1]


def test_a_run_reads_what_is_unread_and_says_so(call, reader):
    code, out, _ = call("run", "invoices")
    assert code == 0
    assert out.splitlines()[0] == "invoices: what orders fetched and is unread"
    assert last(out) == "0 fetched = 0"
    assert call("run", "orders")[0] == 0
    code, out, err = call("run", "invoices")
    assert (code, last(out)) == (0, "5 fetched = 5 delivered")
    assert "read 5 entities of 1 fetch of orders" in err
    assert last(call("run", "invoices")[1]) == "0 fetched = 0"
    code, out, _ = call("run", "invoices", "--key", "3")
    assert out.splitlines()[0] == "invoices: what is staged of orders"
    assert last(out) == "1 fetched = 1 unchanged"
    assert last(call("run", "invoices", "--window-start", "2020-01-01")[1]) == "5 fetched = 5 unchanged"


def test_a_preview_shows_what_is_unread_and_changes_nothing(call, reader):
    assert call("run", "orders")[0] == 0
    code, out, _ = call("preview", "invoices", "--limit", "2")
    assert code == 0
    assert "invoices: what orders fetched and is unread: 2 fetched: 2 go on" in out
    assert '"Number": 1' in out
    found = json.loads(call("preview", "invoices", "--limit", "9", "--format", "json")[1])
    assert found["counts"]["new"] == 5
    assert last(call("run", "invoices")[1]) == "0 fetched = 0"  # it reads from now on: no preview has begun to
    out = call("preview", "invoices")[1]
    assert "There is nothing; --window-start TIME shows again what orders fetched" in out
    assert "5 fetched" in call("preview", "invoices", "--window-start", "2020-01-01")[1]


def test_what_went_wrong_can_be_run_again(call, reader, routes, edit):
    call("run", "invoices")
    assert call("run", "orders")[0] == 0
    edit(routes / "invoices.yaml", "outgoing:", BROKEN)
    _, out, _ = call("run", "invoices")
    assert last(out).strip() == "airflow-integrations run invoices --key 3"


INTERCHANGE = "UNB+UNOC:3+YOU+ME+260301:1000+I1'UNH+1+ORDERS:D:96A:UN'BGM+220+7'UNT+3+1'UNZ+1+I1'"
EDI = """
entity: {{key: entity.message.reference}}
incoming: {{files: {{path: "{folder}/in/*.edi", format: edifact, settled: {{age: 0s}}}}}}
outgoing: {{none: {{}}}}
"""
ANSWERS = """
entity: {{key: entity.id}}
incoming: {{route: {{name: edi, what: acknowledgements, from: oldest}}}}
outgoing:
  files:
    path: "{folder}/out/contrl.edi"
    format: edifact
    edifact: {{sender: ME, recipient: YOU, message: {{type: CONTRL, version: D, release: "3"}}}}
"""


def test_acknowledgements_are_shown_and_written(call, routes, tmp_path):
    (routes / "edi.yaml").write_text(EDI.format(folder=tmp_path))
    (routes / "answers.yaml").write_text(ANSWERS.format(folder=tmp_path))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.edi").write_text(INTERCHANGE)
    assert call("run", "edi")[0] == 0
    code, out, _ = call("preview", "answers")
    assert code == 0
    assert "answers: what edi has to acknowledge: 1 fetched: 1 goes on" in out
    assert '"UCI"' in out
    code, out, err = call("run", "answers")
    assert (code, last(out)) == (0, "1 fetched = 1 delivered")
    assert "read 1 entity of what edi has to acknowledge" in err
    assert "UCM+1+ORDERS:D:96A:UN+7'" in (tmp_path / "out" / "contrl.edi").read_text()
    assert last(call("run", "answers")[1]) == "0 fetched = 0"
    assert "1 fetched: 1 goes on" in call("preview", "answers", "--window-start", "2020-01-01")[1]
