"""A route's file changes: the console goes by what Airflow has read of it, before a run has."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

import pytest
import requests
from web_scene import ORDERS, Server, flow, stopped

from airflow_integrations.engine.broken_stage import keep_answer
from airflow_integrations.errors import OutageError
from airflow_integrations.http import Answer, Request
from airflow_integrations.staging.folder import Staging

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("console")]


def read_again(server: Server) -> None:
    """As the DAG processor does."""
    server.airflow("dags", "reserialize")


@contextlib.contextmanager
def masked(server: Server, *paths: str) -> Iterator[None]:
    """The file of ``never_ran`` has this mask, and Airflow has read it."""
    file = server.components.home / "routes" / "never_ran.yaml"
    text = file.read_text()
    file.write_text(f"mask: [{', '.join(paths)}]\n{text}")
    try:
        read_again(server)
        yield
    finally:
        file.write_text(text)
        read_again(server)


MAIL = "ana.buyer@example.com"
KEY = "refused%2F1"
BROKEN = "/routes/never_ran/broken_off?run_id=scheduled__2"
ANSWERS = [
    "/overview",
    "/errors",
    "/errors/export",
    "/queue",
    "/inbox",
    "/jobs",
    "/routes/never_ran",
    "/routes/never_ran/series",
    "/routes/never_ran/runs",
    "/routes/never_ran/entities",
    "/routes/never_ran/entities?text=refused",
    f"/routes/never_ran/entities/{KEY}",
    f"/routes/never_ran/entity?key={KEY}",
    "/routes/never_ran/entities/0003",
    "/routes/never_ran/entities/0009",
    "/routes/never_ran/without_key?run_id=scheduled__1",
    "/routes/never_ran/broken_off?run_id=scheduled__2",
    "/routes/never_ran/export?format=csv",
    "/routes/never_ran/export?format=jsonl",
    "/routes/never_ran/export?format=jsonl&text=refused",
]
PAGES = [
    "",
    "errors",
    "queue",
    "jobs",
    f"find?key={KEY}",
    "find?key=efused",
    "routes/never_ran",
    "routes/never_ran/runs/scheduled__1",
    "routes/never_ran/entities?status=failed",
    "routes/never_ran/entities?text=refused",
    f"routes/never_ran/entities/{KEY}",
    "routes/never_ran/entities/0009",
    "tabs/dag/never_ran",
]


async def test_who_may_not_see_payloads_reads_none_of_a_mask_that_was_added(server: Server) -> None:
    """With the payloads there, and when they are gone: no page, no answer, no file, and no search tells."""
    customer = {"name": "Ana", "email": MAIL}
    quoted = [{**ORDERS[0], "number": number, "customer": customer} for number in ("refused/1", "refused/2")]
    without_key = {**ORDERS[0], "number": None, "customer": customer}
    await flow(server, "never_ran", "scheduled__1", [*ORDERS[1:10], *quoted, without_key])
    said = Answer(500, {}, f"no such customer: {MAIL}".encode(), "https://shop.example/", Request("GET", "/"))
    keep_answer(Staging(server.staging, "never_ran", "scheduled__2"), "fetch", OutageError("away", answer=said))
    assert MAIL in server.call("no_payloads", "GET", f"/routes/never_ran/entities/{KEY}").text  # before there is a mask
    assert MAIL in server.call("vic", "GET", BROKEN).text
    assert server.get(f"{BROKEN}", user="no_payloads") == {
        "stage": "fetch",
        "answer": None,
        "why": "you may not see payloads",
    }

    def everything() -> dict[str, requests.Response]:
        answers = {path: server.call("no_payloads", "GET", path) for path in ANSWERS}
        cookie = {"Cookie": f"_token={server.token('no_payloads')}"}
        for page in PAGES:
            address = f"{server.components.url}/integrations/{page}"
            answers[page or "/"] = requests.get(address, headers=cookie, timeout=60)
        return answers

    def found(text: str, **more: object) -> tuple[list[str], object]:
        page = server.get("/routes/never_ran/entities", user="no_payloads", text=text, **more)
        return [line["key"] for line in page["entities"]], page["after"]

    assert found("ana.buyer") == (["refused/1", "refused/2"], None)
    with masked(server, "customer.email"):
        assert MAIL not in server.call("vic", "GET", BROKEN).text
        for gone in (False, True):
            if gone:
                shutil.rmtree(server.staging / "never_ran")
            for path, answer in everything().items():
                assert answer.status_code == 200, path
                assert "ana.buyer" not in answer.text, (gone, path)
            for guess in ("ana.b", "ana.c", "@example"):
                assert found(guess) == found(guess, limit=1) == ([], None)
                exported = server.call("no_payloads", "GET", f"/routes/never_ran/export?format=jsonl&text={guess}")
                assert exported.text == ""
            assert found("refused")[0] == ([] if gone else ["refused/1", "refused/2"])
            for denied in ("entities?payload=ana", "export?format=jsonl&payloads=true"):
                assert server.call("no_payloads", "GET", f"/routes/never_ran/{denied}").status_code == 403
        assert "the mask of the route has grown since" in everything()[f"routes/never_ran/entities/{KEY}"].text


async def test_a_mask_counts_as_soon_as_airflow_has_read_it(server: Server) -> None:
    await flow(server, "never_ran", "scheduled__1", ORDERS)
    stopped(server, "never_ran", {"0003": 3})
    before = server.get("/routes/never_ran")
    assert server.get("/routes/never_ran/entities/0003")["payloads"]["target"]["Contact"] == {
        "Mail": "buyer3@example.com"
    }
    with masked(server, "customer.email"):
        answer = server.call("admin", "GET", "/routes/never_ran/entities/0003")
        assert answer.json()["payloads"]["target"]["Contact"] == {"Mail": "***"}
        assert "buyer3" not in answer.text
        for told in ("entities?status=failed", "export?format=jsonl&status=failed", "errors"):
            assert "buyer3" not in server.call("admin", "GET", f"/routes/never_ran/{told}").text, told
        found = server.call("admin", "GET", "/routes/never_ran/export?format=jsonl&payloads=true&status=failed")
        assert '"Mail":"***"' in found.text
        view = server.get("/routes/never_ran")
        assert (view["unrun"], view["hash"]) == (True, before["hash"])
        lines = server.get(f"/routes/never_ran/versions/{view['hash']}/diff")["lines"]
        assert [line for line in lines[2:] if line.startswith(("+", "-"))] == ["+mask:", "+- customer.email"]
