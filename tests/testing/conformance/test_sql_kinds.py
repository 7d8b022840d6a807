"""The conformance suites, on the kinds for databases, against real ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sql_surroundings import Surroundings, Tables

from airflow_integrations.run import Services
from airflow_integrations.testing import IncomingSuite, OutgoingSuite, Source, Target

RECORDS = [{"id": number, "amount": Decimal("0.25") + number} for number in range(1, 231)]


@pytest.fixture
def tables(database_url: str) -> Tables:
    tables = Tables(database_url)
    values = ", ".join(f"({record['id']}, {record['amount']})" for record in RECORDS)
    tables.run(
        "CREATE TABLE amounts (id int primary key, amount numeric(10, 2))",
        f"INSERT INTO amounts (id, amount) VALUES {values}",
        "CREATE TABLE got (id int primary key, amount numeric(10, 2) CHECK (amount > 0))",
    )
    return tables


class TestSqlIncoming(IncomingSuite):
    @pytest.fixture(
        params=[
            {"table": "amounts"},
            {"query": "select id, amount from amounts", "key": "id"},
            {"query": "select id, amount from amounts order by id"},
            {"table": "amounts", "cursor": {"column": "id", "initial": 1}},
        ],
        ids=["table", "query", "unordered", "cursor"],
    )
    def source(self, request: pytest.FixtureRequest, tables: Tables) -> Source:
        config = {"connection": "db", **request.param}
        return Source(kind="sql", config=config, records=RECORDS, services=lambda: Services(Surroundings(tables.url)))


class TestSqlOutgoing(OutgoingSuite):
    @pytest.fixture(params=[1, 2, 10])
    def target(self, request: pytest.FixtureRequest, tables: Tables) -> Target:
        def received() -> list[Any]:
            return [{"id": id_, "amount": Decimal(str(amount))} for id_, amount in tables.rows("select * from got")]

        def deleted() -> set[str]:
            there = {str(id_) for (id_,) in tables.rows("select id from got")}
            return {str(record["id"]) for record in RECORDS[:5]} - there

        return Target(
            kind="sql",
            config={"connection": "db", "table": "got", "key": "id"},
            entities=[{**record, "amount": Decimal(f"{record['amount']:f}")} for record in RECORDS[:5]],
            refused={"id": 666, "amount": -1},
            batch=request.param,
            services=lambda: Services(Surroundings(tables.url)),
            received=received,
            deleted=deleted,
        )
