"""What was asked and answered is kept for people where something did not arrive, without what a mask hides."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from engine_kinds import MemoryOutgoing
from push_scene import Scene, answering

from airflow_integrations.display.exchange import whose
from airflow_integrations.engine.push.journal.exchange_log import (
    AT_ONCE,
    KEPT,
    KEPT_LENGTH,
    PART_LENGTH,
    Exchanges,
    exchange_of,
)
from airflow_integrations.errors import OutageError
from airflow_integrations.http.exchange import Exchange, ExchangeFactory
from airflow_integrations.ledger.records import PayloadRef
from airflow_integrations.masking.mask import Mask
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

NAME = 'Ana "Bo" <ß> & Co'
NONE = Mask()


@pytest.fixture
def scene(make_run: Callable[..., Run], services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


@pytest.fixture(params=["local", "memory"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> Staging:
    base = tmp_path if request.param == "local" else f"memory://{tmp_path.name}"
    return Staging(base, "orders", "run-1")


def exchange(body: str, **fields: Any) -> ExchangeFactory:
    made = Exchange(at=1.0, request="POST https://erp.example/orders", status=422, body=body, **fields)
    return lambda: made


def at(staging: Staging, ordinal: int) -> PayloadRef:
    return PayloadRef(str(staging.folder), "push", ordinal)


def outbounds(*values: Any) -> list[Outbound]:
    return [Outbound(str(at), json.dumps(value).encode()) for at, value in enumerate(values)]


async def test_what_the_target_said_of_an_entity_that_failed(scene: Scene) -> None:
    said = exchange("no such customer", request_body='{"number":1}')
    MemoryOutgoing.answer = lambda batch: [
        Result("delivered") if outbound.key == "2" else Result("failed", reason="no", exchange=said)
        for outbound in batch
    ]
    await scene.run({"number": 1}, {"number": 2}, {"number": 3})
    near = scene.staging(scene.make_run())
    assert exchange_of(near, at(near, 0), NONE, frozenset(), known=True) == said()
    assert exchange_of(near, at(near, 1), NONE, frozenset(), known=True) is None
    assert exchange_of(near, at(near, 2), NONE, frozenset(), known=True) == said()


@pytest.mark.parametrize(
    ("entities", "length", "told"), [(2, KEPT_LENGTH + 1, True), (2, 9, False), (1, KEPT_LENGTH + 1, False)]
)
def test_of_a_batch_it_is_told_where_the_entitys_own_part_is(
    staging: Staging, make_run: Callable[..., Run], entities: int, length: int, told: bool
) -> None:
    exchanges = Exchanges(staging, make_run().route)
    exchanges.note(range(entities), outbounds(*range(entities)), exchange("no", request_body="x" * length))
    exchanges.close()
    found = exchange_of(staging, at(staging, 0), NONE, frozenset(), known=True)
    assert found is not None
    assert found.entities == (2 if entities == 2 else None)
    assert (whose(found) is not None) == told


@pytest.mark.parametrize("as_json", [True, False])
def test_of_a_long_batch_the_entitys_own_part_is_kept_and_masked(
    staging: Staging, make_run: Callable[..., Run], as_json: bool
) -> None:
    batch = [Outbound(f"K-{n}", json.dumps({"n": n, "name": f"Name-{n}", "x": "y" * 900}).encode()) for n in range(40)]
    body = f"[{','.join(one.encoded.decode() for one in batch)}]"
    if not as_json:
        body = "\n".join(f"K-{n};Name-{n};{'y' * 900}" for n in range(40))
    exchanges = Exchanges(staging, make_run(route={"mask": ["name"]}).route)
    results = [Result("delivered") for _ in batch]
    refused = exchange("no", request_body=body)
    results[0] = results[30] = Result("failed", reason="no", exchange=refused)
    exchanges.of(range(40), batch, results)
    exchanges.close()
    first, late = [
        exchange_of(staging, at(staging, n), Mask(["name"]), frozenset({f"Name-{n}"}), known=True) for n in (0, 30)
    ]
    assert first is not None
    assert late is not None
    assert first.part is None, "it is in what is kept of the request"
    assert late.part is not None
    assert ('"n": 30' if as_json else "K-30;***;") in late.part
    assert "Name-" not in late.part
    assert len(late.part) <= PART_LENGTH + 2


async def test_nothing_is_written_where_everything_arrives(scene: Scene) -> None:
    await scene.run({"number": 1}, {"number": 2})
    assert not list(scene.folder.rglob("push*exchanges*"))


async def test_the_last_one_counts_and_an_outage_has_one(scene: Scene) -> None:
    def away(batch: Any) -> Any:
        error = OutageError("503", status=503)
        error.exchange = exchange("busy")
        raise error

    MemoryOutgoing.answer = away
    run = scene.make_run(run_id="run-1")
    with pytest.raises(OutageError):
        await scene.whole(run, {"number": 1}, final=False)
    near = scene.staging(run)
    first = exchange_of(near, at(near, 0), NONE, frozenset(), known=True)
    assert first is not None
    assert first.body == "busy"
    MemoryOutgoing.answer = answering("failed", reason="no", exchange=exchange("gone"))
    await scene.whole(run, {"number": 1})
    last = exchange_of(near, at(near, 0), NONE, frozenset(), known=True)
    assert last is not None
    assert last.body == "gone"


@pytest.mark.parametrize(
    "written",
    [NAME, json.dumps(NAME)[1:-1], json.dumps(NAME, ensure_ascii=False)[1:-1], quote(NAME, safe="")],
)
async def test_what_a_mask_hides_is_in_no_form_on_disk(scene: Scene, written: str) -> None:
    said = exchange(f"no {written}!", request_body=f'{{"name":"{written}"}}', headers={"X-Said": written})
    MemoryOutgoing.answer = answering("failed", reason="no", exchange=said)
    await scene.run({"number": 1, "name": NAME}, {"number": 2, "name": "Peter"}, route={"mask": ["name"]})
    (file,) = scene.folder.rglob("push.exchanges")
    assert written not in json.loads(file.read_text().split("\n")[0])["exchange"]["body"]
    near = scene.staging(scene.make_run())
    shown = exchange_of(near, at(near, 0), Mask(["name"]), frozenset(), known=True)
    assert shown is not None
    assert (shown.body, shown.request_body, shown.headers) == ("no ***!", '{"name":"***"}', {"X-Said": "***"})
    assert shown.status == 422


def test_a_mask_that_came_later(staging: Staging, make_run: Callable[..., Run]) -> None:
    exchanges = Exchanges(staging, make_run(route={"mask": ["name"]}).route)
    two = outbounds({"name": "Peter", "mail": "ana@example.com"}, {"mail": "bo@example.com"})
    exchanges.note([0, 1], two, exchange("Peter, ana@example.com and bo@example.com", request_body="all", error="no"))
    exchanges.note([2], two[:1], exchange("Peter and ana@example.com"))
    exchanges.close()
    same = exchange_of(staging, at(staging, 0), Mask(["name"]), frozenset({"Peter"}), known=True)
    assert same is not None
    assert same.body == "***, ana@example.com and bo@example.com"
    mask = Mask(["name", "mail"])
    many = exchange_of(staging, at(staging, 0), mask, frozenset({"Peter", "ana@example.com"}), known=True)
    assert many is not None
    assert (many.request_body, many.body, many.error, many.status) == (None, None, None, 422)
    alone = exchange_of(staging, at(staging, 2), mask, frozenset({"Peter", "ana@example.com"}), known=True)
    assert alone is not None
    assert alone.body == "*** and ***"
    gone = exchange_of(staging, at(staging, 2), mask, frozenset({"Peter"}), known=False)
    assert gone is not None
    assert (gone.request_body, gone.body, gone.status) == (None, None, 422)


def test_a_secret_is_hidden_before_the_rest_is_cut(staging: Staging, make_run: Callable[..., Run]) -> None:
    exchanges = Exchanges(staging, make_run(route={"mask": ["name"]}).route)
    exchanges.note([0], outbounds({"name": "Ana Buyer"}), exchange("x" * (KEPT_LENGTH - 4) + "Ana Buyer"))
    exchanges.close()
    shown = exchange_of(staging, at(staging, 0), NONE, frozenset(), known=True)
    assert shown is not None
    assert shown.body == "x" * (KEPT_LENGTH - 4) + "***"


def test_it_is_bounded(staging: Staging, make_run: Callable[..., Run]) -> None:
    exchanges = Exchanges(staging, make_run().route)
    for ordinal in range(KEPT):
        exchanges.note([ordinal], outbounds(1), exchange("y" * 2 * KEPT_LENGTH))

    def never() -> Exchange:
        pytest.fail("what is not kept is not made")

    exchanges.note([KEPT], outbounds(1), never)
    exchanges.close()
    last = exchange_of(staging, at(staging, KEPT - 1), NONE, frozenset(), known=True)
    assert last is not None
    assert len(last.body or "") == KEPT_LENGTH
    assert exchange_of(staging, at(staging, KEPT), NONE, frozenset(), known=True) is None
    assert exchange_of(staging, at(staging, 0), NONE, frozenset(), known=True) is not None


def test_further_attempts_add_to_it_and_clearing_push_forgets_it(
    staging: Staging, make_run: Callable[..., Run]
) -> None:
    route = make_run().route
    for body in ("first", "second"):
        exchanges = Exchanges(staging, route)
        for ordinal in range(AT_ONCE + 1):
            exchanges.note([ordinal], outbounds(1), exchange(body))
        exchanges.close()
    for ordinal in (0, AT_ONCE):
        shown = exchange_of(staging, at(staging, ordinal), NONE, frozenset(), known=True)
        assert shown is not None
        assert shown.body == "second"
    if staging.local:  # a crash cut the last line short
        file = staging.folder / "push.exchanges"
        file.write_bytes(file.read_bytes()[:-20])
        cut = exchange_of(staging, at(staging, AT_ONCE), NONE, frozenset(), known=True)
        assert cut is not None
        assert cut.body == "first"
    staging.clear("push")
    assert exchange_of(staging, at(staging, 0), NONE, frozenset(), known=True) is None
