"""A filtered entity says which step left it out, what that read, and what the source gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine_kinds import MemoryIncoming

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.staged_payloads import filtered_of, payload_of
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.filter_reason import filter_reason
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import segment_writer
from airflow_integrations.staging.folder import Staging


async def test_the_step_its_text_its_values_and_the_record_are_kept(
    make_run: Callable[..., Run], services: Services, staging: Staging, monkeypatch
) -> None:
    monkeypatch.setattr(segment_writer, "SEGMENT_ENTITIES", 2)  # more than one segment: places go on through all
    MemoryIncoming.pages_to_give = [[{"number": n, "state": "open" if n % 2 else "paid"} for n in range(1, 11)]]
    steps: list[dict[str, Any]] = [
        {"filter": "order.number < 9"},
        {"set": {"state": "order.state + '!'"}},
        {"filter": "order.gone is None and order.state == 'paid!'"},
    ]
    run = make_run(route={"transform": steps})
    for stage in (fetch, transform, push):
        await stage(run, services, staging)
    assert (await settle(run, services, staging)).balanced
    told = {}
    for number in range(1, 11):
        record = where(services.ledger, "orders", str(number), services.now())
        assert record is not None
        if record.status != "filtered":
            continue
        assert record.payload is not None
        line = filtered_of(staging, str(number), record.payload)
        assert line is not None
        reason = filter_reason(line, "order", line.value, line.source)
        told[number] = reason.step, reason.text, {path: bytes(value) for path, value in reason.values.items() if value}
        assert payload_of(staging, str(number), record.payload) == (
            b'{"number":%d,"state":"%s"}' % (number, b"open" if number % 2 else b"paid")
        )
    assert told == {
        **{n: (3, steps[2]["filter"], {"order.state": b'"open!"'}) for n in (1, 3, 5, 7)},
        **{n: (1, steps[0]["filter"], {"order.number": b"%d" % n}) for n in (9, 10)},
    }
