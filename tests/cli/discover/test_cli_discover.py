"""What there is at a system, as people and programs are told."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sql_surroundings import Tables

from airflow_integrations.cli.discover import look
from airflow_integrations.config.model import Model
from airflow_integrations.discovery import Bounds, Collection, Discovery
from airflow_integrations.route import registry
from airflow_integrations.run import Services

MODEL = (Path(__file__).parents[2] / "odata" / "cap" / "metadata_v4.xml").read_bytes()
SECRET = "s3cret-password"


class Served:
    """A server in a thread: the commands under test run an event loop of their own."""

    def __init__(self, answer: Any) -> None:
        self._answer, self._loop, self._ready = answer, asyncio.new_event_loop(), threading.Event()

    def __enter__(self) -> int:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self._port

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self._port: int = runner.addresses[0][1]
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tables:
    file = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(file)}))
    tables = Tables(f"sqlite:///{file}")
    tables.run(
        "CREATE TABLE orders (id integer primary key, total numeric(12, 2) not null, updated_at timestamp not null)",
        'CREATE TABLE "bell \x07 [red]x" (id integer primary key)',
    )
    return tables


def test_all_tables_and_one_with_its_columns(call, tables):
    code, out, err = call("discover", "warehouse")
    assert (code, err) == (0, "")
    assert "orders" in out
    assert "updated_at (no index)" in out
    code, out, _ = call("discover", "warehouse", "orders")
    assert code == 0
    assert "table orders" in out
    assert "numeric(12, 2)" in out
    assert "incoming:\n  sql:\n    connection: warehouse\n    table: orders\n    cursor:" in out


def test_names_are_escaped_for_terminals_and_programs(call, tables):
    out = call("discover", "warehouse")[1]
    assert "\x07" not in out
    assert '"bell \\x07 [red]x"' in out
    out = call("discover", "warehouse", "--json")[1]
    assert "\x07" not in out
    names = [each["name"] for each in json.loads(out)["found"]["collections"]]
    assert names == ['"bell \x07 [red]x"', "orders"]


def test_it_is_cut_and_goes_on(call, tables):
    tables.run(*(f"CREATE TABLE t{number} (id integer primary key)" for number in range(9)))
    out = call("discover", "warehouse", "--limit", "3")[1]
    assert "… and 8 more: --after 't0' shows them" in out
    out = call("discover", "warehouse", "--after", "t6")[1]
    assert "t7" in out
    assert "t5" not in out


def test_an_empty_place_is_no_mistake(call, tmp_path, monkeypatch):
    (tmp_path / "inbox").mkdir()
    connection = {"conn_type": "fs", "extra": {"path": str(tmp_path / "inbox")}}
    monkeypatch.setenv("AIRFLOW_CONN_INBOX", json.dumps(connection))
    assert call("discover", "inbox") == (0, "inbox: there is nothing\n", "")
    (tmp_path / "inbox" / "a_1.csv").write_text("id;total\n1;2.50\n")
    code, out, _ = call("discover", "inbox")
    assert code == 0
    assert 'delimiter: ";"' in out
    assert "looks like number" in out


def test_a_file_whose_columns_are_called_otherwise_gives_samples(call, tmp_path, monkeypatch):
    (tmp_path / "prices.csv").write_text("sku;price\nA1;3,50\n")
    connection = {"conn_type": "fs", "extra": {"path": str(tmp_path)}}
    monkeypatch.setenv("AIRFLOW_CONN_DROP", json.dumps(connection))
    assert call("discover", "drop:prices.csv") == call("discover", "drop", "prices.csv")
    routes = tmp_path / "routes"
    routes.mkdir()
    code, out, _ = call("new", "prices", "--routes", str(routes), "--from", "drop:prices.csv", "--to", "none")
    assert code == 0
    assert "no record could be seen" not in out
    assert "Records as they were seen" in (routes / "prices.test.yaml").read_text()


def test_what_cannot_be_asked_is_an_error_without_secrets(call, monkeypatch):
    for kind, host in (("postgres", "127.0.0.1"), ("http", "http://127.0.0.1")):
        connection = {"conn_type": kind, "host": host, "port": 1, "login": "somebody", "password": SECRET}
        connection["extra"] = {"integrations": {"retry_budget": 0.1}} if kind == "http" else {}
        monkeypatch.setenv("AIRFLOW_CONN_AWAY", json.dumps(connection))
        code, out, err = call("discover", "away")
        assert (code, out) == (1, "")
        assert err.startswith("error: ")
        assert SECRET not in err


def test_wrong_usage(call, tables, monkeypatch):
    assert call("discover", "nobody")[0] == 1
    code, _, err = call("discover", "warehouse", "--kind", "sqll")
    assert (code, "did you mean 'sql'" in err) == (2, True)
    code, _, err = call("discover", "warehouse", "--kind", "route")
    assert (code, "these can: http, graphql, odata, sql, files" in err) == (2, True)
    assert call("discover", "warehouse", "--limit", "0")[0] == 2
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps({"conn_type": "smtp", "host": "127.0.0.1"}))
    code, _, err = call("discover", "mail")
    assert (code, "is of type 'smtp', which no kind can look into" in err) == (1, True)


def test_a_web_server_that_describes_nothing(call, systems):
    code, _, err = call("discover", "source")
    assert code == 1
    assert "nothing that describes itself was found. " in err
    assert "GET /openapi.json: 404" in err


class Slow:
    """A kind of a third party."""

    Config = Model
    discovers = frozenset({"generic"})
    seconds = 30.0

    @classmethod
    async def discover(cls, connection: str, place: str | None, services: Services, bounds: Bounds) -> Discovery | str:
        await asyncio.sleep(cls.seconds)
        return Discovery("slow", (Collection("things", "list"),))


def test_a_kind_of_a_third_party_and_the_bound_of_time(call, monkeypatch):
    monkeypatch.setitem(registry._BUILT_IN["incoming"], "slow", f"{__name__}:Slow")
    monkeypatch.setenv("AIRFLOW_CONN_THING", json.dumps({"conn_type": "generic", "host": "127.0.0.1"}))
    monkeypatch.setattr(look, "SECONDS", 0.1)
    code, out, err = call("discover", "thing")
    assert (code, out) == (1, "")
    assert "asking took more than 0.1 s and was stopped; name a PLACE" in err
    monkeypatch.setattr(Slow, "seconds", 0.0)
    code, out, _ = call("discover", "thing")
    assert (code, "things" in out) == (0, True)


def test_an_api_that_fails_at_other_paths_is_asked_on(call, monkeypatch):
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/$metadata":
            return web.Response(body=MODEL, content_type="application/xml")
        return web.Response(status=500)

    with Served(answer) as port:
        connection = {"conn_type": "http", "host": f"http://127.0.0.1:{port}"}
        connection["extra"] = json.dumps({"integrations": {"retry_budget": 0}})
        monkeypatch.setenv("AIRFLOW_CONN_ERP", json.dumps(connection))
        code, out, err = call("discover", "erp")
    assert (code, err) == (0, "")
    assert "Orders" in out
