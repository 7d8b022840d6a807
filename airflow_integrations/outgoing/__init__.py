"""Where entities go. One kind is one class in one file of this package, or a third party's entry point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol

from airflow_integrations.entity import content_hash
from airflow_integrations.formats.json import decode
from airflow_integrations.model import Model
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services

__all__ = ["Outbound", "Outgoing", "Result", "ResultStatus"]

ResultStatus = Literal["delivered", "failed", "in_doubt", "skipped", "pending"]


class Outbound:
    """One entity about to be sent. ``encoded`` is its value as JSON; the other forms are decoded when asked for."""

    def __init__(
        self,
        key: str,
        encoded: bytes,
        *,
        version: str | None = None,
        source: bytes | None = None,
        found: bytes | None = None,
        route: str = "",
    ) -> None:
        self.key = key
        self.encoded = encoded
        self.version = version
        self._route = route
        self._source = source
        self._found = found

    @cached_property
    def idempotency_key(self) -> str:
        """32 hexadecimal digits: the same for the same content of the same entity of the same route, in any run."""
        return content_hash(b"\x00".join((self._route.encode(), self.key.encode(), self.encoded)))

    @cached_property
    def value(self) -> Any:
        return decode(self.encoded)

    @cached_property
    def source(self) -> Any:
        return decode(self._source) if self._source else self.value

    @cached_property
    def found(self) -> dict[str, Any] | None:
        return decode(self._found) if self._found else None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entity at the target.

    ``delivered``: the target confirmed it. ``failed``: the target refused it, sending it again as it is would not
    help. ``in_doubt``: it was sent and nothing says what became of it. ``skipped``: not sent, on purpose.
    ``pending``: not sent, or sent without effect, because the target went away: the engine sends it again later.
    """

    status: ResultStatus
    target_id: str | None = None
    reason: str | None = None
    http_status: int | None = None


class Outgoing(Protocol):
    """A target of entities. Creating an instance does no I/O."""

    Config: ClassVar[type[Model]]

    def __init__(self, config: Any, route: Route) -> None: ...

    @property
    def repeatable(self) -> bool:
        """Whether sending one entity twice does no harm (an upsert, PUT, an idempotency key, or the route says so)."""
        ...

    async def open(self, run: Run, services: Services) -> None:
        """Once, before the first batch."""
        ...

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        """Deliver a batch (1 to ``delivery.batch`` entities, no key twice); one result each, in the same order.

        Called concurrently up to ``delivery.concurrency``, never with a key that is under way in another call.
        Raises OutageError when the target is away and nothing of the batch took effect: the engine stops sending,
        the task fails and Airflow's retry goes on with what is left. Raises SetupError for Connections and
        credentials. Never raises for what is one entity's matter.
        """
        ...

    async def close(self) -> None:
        """Give back what ``open`` took."""
        ...
