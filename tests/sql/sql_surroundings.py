"""What kinds that reach a database need around them, and a second look at it that does not go through them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy

from airflow_integrations.http import Endpoint
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.sql.database import Database
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


@dataclass
class Surroundings:
    """Connections in place of Airflow's: every one of them is this database."""

    url: str
    variables: dict[str, str] = field(default_factory=dict)

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, "http://127.0.0.1:9")

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def database(self, connection: str) -> Database:
        return Database(connection, self.url)


class Tables:
    """One database, looked at and changed by the test itself."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
        self.dialect = "mariadb" if url.startswith("mysql") else url.partition("+")[0].partition(":")[0]

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def services(self, **variables: str) -> Services:
        async def no_time(seconds: float) -> None:
            return None

        return Services(Surroundings(self.url, variables), sleep=no_time)


def route_of(part: str, config: dict[str, Any], **more: Any) -> Route:
    definition: dict[str, Any] = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.id"},
        "incoming": {"http": {"connection": "shop", "path": "/orders"}},
        "outgoing": {"none": {}},
        **more,
        part: {"sql": {"connection": "db", **config}},
    }
    return Route.load(definition)


def run_of(route: Route, **more: Any) -> Run:
    return Run(route, "manual", WINDOW, **{"params": route.params, **more})
