"""Values that a database would read as something else, or would refuse together with all that goes with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sql_surroundings import Tables, route_of, run_of

from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.sql.target import SqlOutgoing

FAR = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]
HUGE = Decimal("1e999999999")
"""Written out, it would have a billion digits."""
REFUSED: dict[str, dict[str, tuple[str, list[Any]]]] = {
    "postgresql": {
        "naive": ("timestamp", FAR[:1]),
        "address": ("inet", [1, True, Decimal("1.5"), "10.0.0.1/99", "\0"]),
        "span": ("interval", [1, False, "long"]),
        "bits": ("bit(3)", [1, True, 2**70]),
        "doc": ("xml", ["<a"]),
        "amount": ("double precision", [Decimal("1E+400"), Decimal("1E-400"), "NaN"]),
        "short": ("real", [Decimal("1E+300")]),
        "low": ("small", [11, "x", Decimal("1.5")]),
        "note": ("text", [HUGE]),
        "total": ("numeric", [HUGE, Decimal("1e-999999999")]),
        "scaled": ("numeric(12, 2)", [HUGE, Decimal("1e-999999999")]),
    },
    "mariadb": {
        "clock": ("time", ["1", "101", "1.5", "2026-01-31T02:30:00", 90]),
        "year": ("year", [1, 99, True, Decimal("1.5"), 2156]),
        "bits": ("bit(3)", [Decimal("1.5"), True, "", 8]),
        "naive": ("datetime", FAR[1:]),
        "amount": ("double", [Decimal("1E+400"), Decimal("1E-400")]),
    },
    "sqlite": {
        "at": ("timestamp", ["2026-02-30T00:00:00Z", "soon", ""]),
        "day": ("date", ["2026-02-30", "infinity", 20260131]),
        "clock": ("time", ["25:00", "1"]),
        "amount": ("real", [Decimal("1E+400")]),
        "note": ("text", [HUGE]),
        "total": ("numeric", [HUGE, Decimal("1e-999999999")]),
        "doc": ("json", [2**63, Decimal("1E+400"), Decimal("0.1000000000000000000001")]),
    },
}
KEPT: dict[str, dict[str, tuple[str, Any, Any]]] = {
    "postgresql": {
        "low": ("small", 3, 3),
        "amount": ("money", Decimal("1.50"), "$1.50"),
        "span": ("interval", "90 minutes", "1:30:00"),
    },
    "mariadb": {
        "clock": ("time", "-101:30:00.5", "-5 days, 18:30:00"),
        "year": ("year", 2026, 2026),
        "bits": ("bit(3)", 5, b"\x05"),
        "doc": ("json", {"a": [Decimal("1.10")]}, '{"a":[1.10]}'),
        "yes": ("json", "true", '"true"'),
    },
    "sqlite": {"clock": ("time", "12:30", "12:30"), "doc": ("json", Decimal("1.5"), 1.5)},
}


async def told(tables: Tables, columns: dict[str, str], values: list[dict[str, Any]]) -> list[str]:
    """The status of each entity. They are in one batch, on two ways: few are inserted, many are copied."""
    if tables.dialect == "postgresql":
        tables.run("CREATE DOMAIN small AS int CHECK (VALUE < 10)")
    tables.run(
        f"CREATE TABLE odd (id int primary key, {', '.join(f'{name} {type_}' for name, type_ in columns.items())})"
    )
    route = route_of("outgoing", {"table": "odd", "key": "id", "time_zone": "Pacific/Auckland"})
    outgoing = SqlOutgoing(route.outgoing.config, route)
    batch = [Outbound(str(number), encode({"id": number, **one}), route="orders") for number, one in enumerate(values)]
    async with tables.services() as services:
        await outgoing.open(run_of(route), services)
        results = await outgoing.send(batch)
        await outgoing.close()
    return [result.status for result in results]


@pytest.mark.parametrize("many", [False, True])
async def test_what_does_not_fit_fails_alone(tables: Tables, many: bool) -> None:
    cases = REFUSED[tables.dialect]
    odd: list[dict[str, Any]] = [{name: value} for name, (_, values) in cases.items() for value in values]
    good: list[dict[str, Any]] = [{}] * (100 if many else 1)
    found = await told(tables, {name: type_ for name, (type_, _) in cases.items()}, [*good, *odd, *good])
    wrong = [each for each, status in zip(odd, found[len(good) :], strict=False) if status != "failed"]
    assert wrong == []
    assert set(found[: len(good)] + found[-len(good) :]) == {"delivered"}
    assert tables.rows("select count(*) from odd") == [(2 * len(good),)]


async def test_what_fits_is_written_as_it_is(tables: Tables) -> None:
    cases = KEPT[tables.dialect]
    values = [{name: value} for name, (_, value, _) in cases.items()]
    assert set(await told(tables, {name: type_ for name, (type_, _, _) in cases.items()}, values)) == {"delivered"}
    for number, (name, (_, _, expected)) in enumerate(cases.items()):
        ((found,),) = tables.rows(f"select {name} from odd where id = {number}")
        assert found == expected or str(found).startswith(str(expected)), name


@pytest.fixture
def tables(database_url: str) -> Tables:
    return Tables(database_url)
