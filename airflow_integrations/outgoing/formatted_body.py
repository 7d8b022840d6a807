"""Bodies in the formats that files are written in, and the numbers of those that are interchanges."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Structure
from airflow_integrations.formats.json import decode, encode
from airflow_integrations.formats.writing import Record
from airflow_integrations.formats.writing.control import Control
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.body_format import BodyFormat
from airflow_integrations.outgoing.http.request_body import structured
from airflow_integrations.run import Services

__all__ = ["FormattedBody", "Numbers"]


class _Made(NamedTuple):
    """A record that the route's ``body`` makes."""

    value: Any
    encoded: bytes


class FormattedBody:
    """Entities, or what ``body`` makes of them, in a format. A list that it makes is a record for each of its values.

    Called as any other body it writes an interchange with a number that nobody has been given: to see whether it can be
    written. :meth:`numbered` writes the one that is sent.
    """

    def __init__(self, options: BodyFormat, body: Structure | None) -> None:
        self._options = options
        self._make = structured(body) if body is not None else None

    @property
    def counted(self) -> bool:
        """Whether each body has a number."""
        return self._options.partner is not None

    def __call__(self, part: Sequence[Outbound], names: Mapping[str, Any]) -> bytes:
        return self._written(part, names, self._options.trial)

    def numbered(self, part: Sequence[Outbound], names: Mapping[str, Any], control: Control) -> bytes:
        """The body with this number. Raises EntityError as it does without one."""
        return self._written(part, names, control)

    def _written(self, part: Sequence[Outbound], names: Mapping[str, Any], control: Control | None) -> bytes:
        out = io.BytesIO()
        writer = self._options.writer(out, control)
        for record in self._records(part, names):
            writer.add(record)
        writer.finish()
        return out.getvalue()

    def _records(self, part: Sequence[Outbound], names: Mapping[str, Any]) -> Sequence[Record]:
        if self._make is None:
            return part
        encoded = self._make(part, names) or b"null"
        value = decode(encoded)
        if not isinstance(value, list):
            return [_Made(value, encoded)]
        if not value:
            raise EntityError("it gives an empty list, and there would be nothing to send", field="body")
        return [_Made(each, encode(each)) for each in value]


class Numbers:
    """Numbers of the interchanges that one run sends: a further attempt at the same content gets the same."""

    def __init__(self, options: BodyFormat, route: str, services: Services) -> None:
        assert options.partner is not None
        self._partner, self._first, self._most = options.partner
        self._route, self._services = route, services

    def of(self, key: str) -> Control:
        """``key``: the idempotency key of what is sent. It asks the ledger, and may wait for it."""
        from airflow_integrations.ledger.control_numbers import reserve  # SQLAlchemy: no route's check needs it

        services = self._services
        given = reserve(
            services.ledger,
            self._partner,
            f"{self._route} {key}",
            route=self._route,
            first=self._first,
            most=self._most,
            now=services.now(),
        )
        return Control(*given)

    async def awaited(self, key: str) -> Control:
        """As :meth:`of`, without holding up others meanwhile."""
        import asyncio

        return await asyncio.to_thread(self.of, key)
