"""What a route's parts are told about each other, in Python as in files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.route.check import names_needed_by_outgoing
from airflow_integrations.route.definition import OWN_DAGS, Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import AIRFLOW_ALIASES, Window


def definition(**changes: Any) -> dict[str, Any]:
    return {
        "route": "orders",
        "entity": {"name": "order", "key": "order.number"},
        "incoming": {"http": {"connection": "shop", "path": "/orders"}},
        "outgoing": {"none": {}},
        **changes,
    }


def lookup(folder: Path, name: str) -> dict[str, Any]:
    table = folder / "table.csv"
    table.write_text("country,code\n")
    return {"lookup": {"name": name, "file": str(table), "where": {"country": "order.country"}}}


def test_a_route_made_in_python_is_checked_like_a_file() -> None:
    with pytest.raises(ValidationError) as caught:
        Route.load(
            definition(
                transform=[{"filter": "ordr.paid"}], outgoing={"http": {"connection": "erp", "path": "order.id"}}
            )
        )
    assert [error["loc"] for error in caught.value.errors()] == [
        ("transform", 0, "filter"),
        ("outgoing", "http", "path"),
    ]


def test_what_goes_into_one_file_is_not_spread(tmp_path: Path) -> None:
    files = {"files": {"path": f"{tmp_path}/out/orders.csv"}}
    with pytest.raises(ValidationError, match="outgoing files puts many entities into one file, so one task sends"):
        Route.load(definition(outgoing=files, tasks={"spread": 2}))


def test_outgoing_needs_only_what_it_reads(tmp_path: Path) -> None:
    steps = [lookup(tmp_path, "tax"), lookup(tmp_path, "shop"), {"map": {"Code": "shop.code"}}]
    assert names_needed_by_outgoing(Route.load(definition(transform=steps))) == frozenset()
    http = {"connection": "erp", "path": "/o/{{ tax.code }}", "headers": {"X-Id": "{{ source.id }}"}}
    assert names_needed_by_outgoing(Route.load(definition(transform=steps, outgoing={"http": http}))) == {
        "tax",
        "source",
    }


def test_a_lookup_is_seen_by_what_comes_after_it(tmp_path: Path) -> None:
    after = [lookup(tmp_path, "tax"), {"filter": 'tax.code == "S1"'}]
    assert len(Route.load(definition(transform=after)).transform) == 2
    with pytest.raises(ValidationError, match="tax is not known yet"):
        Route.load(definition(transform=after[::-1]))


@pytest.mark.parametrize("name", sorted(AIRFLOW_ALIASES))
def test_airflows_names_are_aliases_in_a_route_with_a_schedule(name: str) -> None:
    incoming = {"http": {"connection": "shop", "path": "/", "query": {"since": f"{{{{ {name} }}}}"}}}
    with pytest.raises(ValidationError, match=f"{name} is a name of Airflow's that not every run has; write window"):
        Route.load(definition(incoming=incoming))
    route = Route.load(definition(incoming=incoming, schedule={"every": "1h"}))
    window = Window(datetime(2026, 1, 31, 22, tzinfo=UTC), datetime(2026, 1, 31, 23, tzinfo=UTC))
    names = Services(_Nowhere()).base_names(Run(route, "r", window))
    query = route.incoming.config.query["since"].render(names)
    day, start, end = "2026-01-31", "2026-01-31T22:00:00Z", "2026-01-31T23:00:00Z"
    expected = {"ds": day, "ds_nodash": "20260131", "data_interval_end": end}.get(name, start)
    assert query == expected


class _Nowhere:
    def endpoint(self, connection: str) -> Any:
        raise AssertionError

    def variable(self, name: str) -> str | None:
        raise AssertionError


@pytest.mark.parametrize(
    "name",
    [
        *("integrations_maintenance", "Integrations_Maintenance", "integrations_daily_summary", "orders__live"),
        "orders__events",
    ],
)
def test_the_name_of_a_dag_that_is_no_route_s_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="choose another"):
        Route.load(definition(route=name))


def test_the_names_that_are_refused_are_those_of_the_package_s_own_dags() -> None:
    from airflow_integrations.airflow.maintenance.dag import MAINTENANCE
    from airflow_integrations.airflow.maintenance.daily_summary import SUMMARY

    assert {MAINTENANCE, SUMMARY} == set(OWN_DAGS)


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("unix(order.at) if order.at else order.date + ''", None),
        ("unix(order.at) if order.at else order.stamp", None),
        ("order.updated_at or order.created_at", None),
        ("moment(order.at) if order.at else 0", "a time (moment(order.at)) and a number (0)"),
        ("unix(order.at) if order.at else '2026-01-01'", "a number (unix(order.at)) and a text ('2026-01-01')"),
        ("coalesce(order.at, moment(order.made), integer(order.revision))", "a time (moment(order.made)) and a number"),
        ("f'{order.at}' if order.at else 1.5", "a text (f'{order.at}') and a number (1.5)"),
    ],
)
def test_a_version_gives_one_kind_of_value(version: str, told: str | None) -> None:
    entity = {"name": "order", "key": "order.number", "version": version}
    if told is None:
        assert Route.load(definition(entity=entity))
        return
    with pytest.raises(ValidationError) as caught:
        Route.load(definition(entity=entity))
    (error,) = caught.value.errors()
    assert error["loc"] == ("entity", "version")
    assert told in error["msg"]
    assert "nobody can say which of them is older" in error["msg"]
