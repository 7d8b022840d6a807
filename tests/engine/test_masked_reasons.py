"""What a route's mask hides is in nothing that a run tells: reasons, history, journal, log; payloads stay whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import MemoryOutgoing
from push_scene import Scene, answering
from sqlalchemy import select

from airflow_integrations.engine.fetch.staged_payloads import Wanted, incomings_of, payload_of, read_payloads, source_in
from airflow_integrations.errors import EntityError
from airflow_integrations.ledger.records import PayloadRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.run import Run, Services

MAIL = "ana.buyer@example.com"
ROUTE: dict[str, Any] = {
    "mask": ["customer.email"],
    "transform": [{"map": {"Number": "order.number", "Mail": "order.customer.email", "Total": "decimal(order.total)"}}],
}


def order(number: int, **fields: Any) -> dict[str, Any]:
    return {"number": number, "customer": {"email": MAIL}, "total": "1.50", **fields}


def refuse(value: dict[str, Any]) -> None:
    """A transformer of somebody's own that quotes what it does not like."""
    raise EntityError(f"{value['Mail']} is unknown")


def told(services: Services) -> str:
    """All texts that the ledger keeps of entities and runs."""
    with services.ledger.read() as connection:
        entities = connection.execute(select(tables.entity.c.message, tables.entity.c.history)).all()
        runs = connection.execute(select(tables.run.c.verdict)).all()
    return repr((entities, runs))


@pytest.fixture
def scene(make_run: Callable[..., Run], services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


@pytest.mark.parametrize(
    "answer",
    [
        answering("failed", reason=f"{MAIL} is blocked", http_status=422),
        answering("in_doubt", reason=f"no word about {MAIL}"),
        answering("skipped", reason=f"{MAIL} is a test"),
        answering("pending", reason=f"too busy for {MAIL}", http_status=503),
    ],
    ids=["failed", "in doubt", "skipped", "pending"],
)
async def test_a_target_that_quotes_what_it_was_sent(
    scene: Scene, services: Services, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    MemoryOutgoing.answer = answer
    await scene.run(order(1), route=ROUTE)
    assert "***" in told(services)
    assert MAIL not in told(services) + caplog.text
    journal = scene.staging(scene.make_run()).folder / "push.journal"
    assert MAIL.encode() not in journal.read_bytes()


async def test_a_record_that_transform_rejects(
    scene: Scene, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = [*ROUTE["transform"], {"python": f"{__name__}:refuse"}]
    await scene.run(order(1), order(2), route={**ROUTE, "transform": refusing})
    assert "***" in told(services)
    assert MAIL not in told(services) + caplog.text
    ref = PayloadRef(str(scene.folder / "orders" / "run-1"), "problems-transform", 0)
    near = scene.staging(scene.make_run())
    assert MAIL.encode() in (payload_of(near, "1", ref) or b"")  # the payload itself is kept as it is, to be mended


async def test_the_source_is_staged_beside_what_goes_out_where_a_route_has_a_mask(scene: Scene) -> None:
    MemoryOutgoing.answer = answering("failed", reason="no", http_status=422)
    await scene.run(order(1), order(2), route=ROUTE)
    near = scene.staging(scene.make_run())
    wanted = [Wanted("2", PayloadRef(str(near.folder), "push", 1))]
    ((_, payload),) = read_payloads(near, wanted)
    source = source_in(payload)
    assert source is not None
    assert source == incomings_of(near, wanted)["2"]
    unmasked = {name: value for name, value in ROUTE.items() if name != "mask"}
    await scene.run(order(3), route=unmasked)
    ref = PayloadRef(str(scene.folder / "orders" / "run-2"), "push", 0)
    ((_, payload),) = read_payloads(near, [Wanted("3", ref)])
    assert source_in(payload) is None


async def test_what_many_keys_came_from_is_found_in_one_pass(scene: Scene) -> None:
    MemoryOutgoing.answer = answering("failed", reason="no", http_status=422)
    keys = ['a"b', 'a","b', "a\\", "ключ", "[1", "plain", "12"]
    await scene.run(*(order(0) | {"number": key} for key in keys), route=ROUTE)
    near = scene.staging(scene.make_run())
    wanted = [Wanted(key, PayloadRef(str(near.folder), "push", at)) for at, key in enumerate([*keys, "not there"])]
    found = incomings_of(near, wanted)
    assert set(found) == set(keys)
    for one in wanted[:-1]:
        assert incomings_of(near, [one]) == {one.key: found[one.key]}
    assert incomings_of(near, wanted, patience=-1.0).keys() <= set(keys)
