from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_integrations.engine.push.latency import Ages
from airflow_integrations.outgoing import Outbound
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run
from airflow_integrations.window import Window

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
WINDOW = Window(datetime(2026, 1, 1, 11, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC))
FETCHED = f"{(NOW - 10) * 1e6:.0f}"
ENTITY = {"key": "entity.id"}


def ages(*versions: str | None, dated: bool) -> list[float]:
    entity = ENTITY | ({"version": "entity.changed"} if dated else {})
    route = Route.load(
        {
            "route": "orders",
            "entity": entity,
            "incoming": {"http": {"connection": "shop", "path": "/"}},
            "outgoing": {"none": {}},
        }
    )
    outbounds = [Outbound(str(number), b"{}", version=version) for number, version in enumerate(versions)]
    return Ages(Run(route, "r", WINDOW), FETCHED).of(outbounds, NOW)


def test_an_entity_without_a_version_is_as_old_as_its_fetch() -> None:
    earlier = f"{(NOW - 7200) * 1e6:.0f}"
    assert ages(FETCHED, earlier, None, dated=False) == pytest.approx([10, 7200, 10])


@pytest.mark.parametrize(
    ("version", "age"),
    [
        ("2026-01-01T11:59:00Z", 60),
        ("2026-01-01T12:59:00+01:00", 60),
        ("2026-01-01T12:00:05Z", 0),  # its clock is ahead of ours
        ("2026-01-01T11:59:00", 10),  # of which time zone?
        ("2020-01-01T00:00:00Z", 10),  # a first load
        ("17", 10),
        ("v3-beta", 10),
        (None, 10),
    ],
)
def test_a_version_that_is_a_moment_of_the_window_is_the_event(version: str | None, age: float) -> None:
    assert ages(version, dated=True) == pytest.approx([age])
