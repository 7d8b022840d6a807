"""Entities and errors as files."""

from __future__ import annotations

import csv
import io
import json

import pytest
from web_scene import ORDERS, Server, flow, stopped

from airflow_integrations.airflow.web.views import exports
from airflow_integrations.airflow.web.views.csv_cells import cell, csv_lines


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1", "'+49 30 1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("\r\n=1", "'\r\n=1"),
        ("＝1", "'＝1"),
        ("%0A=1", "'%0A=1"),
        ("a=1", "a=1"),
        ("", ""),
        (-5, -5),
        (None, None),
    ],
)
def test_no_cell_is_a_formula(value: object, written: object) -> None:
    assert cell(value) == written


def test_what_is_written_is_read_again() -> None:
    rows = [('a "quoted", text', "two\nlines", 7, None)]
    text = "".join(csv_lines(("a", "b", "c", "d"), rows))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["a", "b", "c", "d"],
        ['a "quoted", text', "two\nlines", "7", ""],
    ]


@pytest.mark.e2e
@pytest.mark.xdist_group("console")
class TestOfAServer:
    async def test_entities_as_csv(self, server: Server) -> None:
        await flow(server, "orders", "scheduled__1", ORDERS)
        stopped(server, "orders", {"0003": 3}, message='=HYPERLINK("http://evil.example")')
        answer = server.call("vic", "GET", "/routes/orders/export?format=csv")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="orders-entities.csv"'
        found = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert [line["key"] for line in found] == [f"{number:04}" for number in range(40)]
        assert found[3]["message"].startswith("'=HYPERLINK")
        assert found[0]["changed"].endswith("Z")
        assert server.audit_log()[0]["event"] == "integrations_export"

    async def test_open_entities_with_their_payloads_as_json_lines(self, server: Server) -> None:
        await flow(server, "orders", "scheduled__1", ORDERS)
        stopped(server, "orders", {"0003": 3, "0004": 4}, message="buyer3@example.com and buyer4@example.com")
        answer = server.call("vic", "GET", "/routes/orders/export?format=jsonl&payloads=true&status=failed")
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [(line["key"], line["payload"]["Contact"]) for line in lines] == [
            ("0003", {"Mail": "***"}),
            ("0004", {"Mail": "***"}),
        ]
        assert lines[0]["message"] == "*** and buyer4@example.com"  # each one's own values
        assert server.call("no_payloads", "GET", "/routes/orders/export?payloads=true").status_code == 403
        assert server.call("no_payloads", "GET", "/routes/orders/export").status_code == 200

    async def test_errors(self, server: Server) -> None:
        await flow(server, "orders", "scheduled__1", ORDERS)
        stopped(server, "orders", {"0003": 3, "0004": 4})
        (line,) = server.call("vic", "GET", "/errors/export?format=jsonl").text.splitlines()
        assert (json.loads(line)["route"], json.loads(line)["count"]) == ("orders", 2)
        found = list(csv.DictReader(io.StringIO(server.call("vic", "GET", "/errors/export").text, newline="")))
        assert [(group["fingerprint"], group["count"]) for group in found] == [("f" * 16, "2")]

    @pytest.mark.parametrize("path", ["/routes/stock/export", "/errors/export?route=stock", "/routes/..%2f/export"])
    def test_not_everybody_gets_a_file(self, server: Server, path: str) -> None:
        assert server.call(None, "GET", path).status_code in (401, 404)
        assert server.call("orders_only", "GET", path).status_code in (403, 404)


def test_lines_are_handed_over_together_and_none_is_lost() -> None:
    lines = [b"%d\n" % number for number in range(50_000)]
    handed = list(exports._chunks(iter(lines)))
    assert b"".join(handed) == b"".join(lines)
    assert len(handed) < 10
    assert max(map(len, handed)) < exports.CHUNK + 10
