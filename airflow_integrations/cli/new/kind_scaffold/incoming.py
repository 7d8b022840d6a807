"""The texts of an incoming kind: its class, and its conformance test."""

from __future__ import annotations

from string import Template

__all__ = ["CODE", "TESTS"]

CODE = Template('''\
"""``incoming: {$name: …}``: read records from …"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from airflow_integrations.kinds import (
    AnswerError,
    ConnectionId,
    Model,
    Page,
    Request,
    Route,
    Run,
    Services,
    decode_json,
)

__all__ = ["$cls"]


class $cls:
    """Asks for page after page. The engine stages each page before it asks for the next one."""

    class Config(Model):
        connection: ConnectionId
        """The Connection of the source.

        Example: ``connection: $name``
        """
        path: str = "/items"
        """Where the source lists its records.

        Example: ``path: /customers``
        """

    def __init__(self, config: Config, route: Route) -> None:
        self.config = config

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        client = await services.client(self.config.connection)
        number = resume or 1
        while number is not None:
            response = await client.send(Request("GET", self.config.path, query=(("page", str(number)),)))
            if response.status != 200:
                raise AnswerError(f"{self.config.path} answered {response.status}: {response.excerpt()}")
            found = decode_json(response.content)
            number = found["next"]  # the place of the next page; None on the last one
            yield Page(found["items"], resume=number)
''')

TESTS = Template('''\
"""What every incoming kind has to keep to."""

import pytest

from airflow_integrations.kinds import IncomingSuite, ReplayServices, Source

RECORDS = [{"id": number} for number in range(3)]
RESPONSES = [
    {"to": {"query": {"page": "1"}}, "body": {"items": RECORDS[:2], "next": 2}},
    {"to": {"query": {"page": "2"}}, "body": {"items": RECORDS[2:], "next": None}},
]


class Test$cls(IncomingSuite):
    @pytest.fixture
    def source(self):
        return Source(
            kind="$name",
            config={"connection": "source"},
            records=RECORDS,
            services=lambda: ReplayServices.of({"source": RESPONSES}),
        )
''')
