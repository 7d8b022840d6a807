"""Where entities go. One kind is one class in one file of this package, or a third party's entry point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol

from airflow_integrations.config.model import Model
from airflow_integrations.entity import content_hash, older
from airflow_integrations.formats.json import decode
from airflow_integrations.http.exchange import ExchangeFactory
from airflow_integrations.ledger.progress import Progress
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

__all__ = ["Outbound", "Outgoing", "Result", "ResultStatus"]

_UNREAD: Any = object()
ResultStatus = Literal["delivered", "waiting", "failed", "in_doubt", "skipped", "pending"]


class Outbound:
    """One entity about to be sent. ``encoded`` is its value as JSON; the other forms are decoded when asked for.

    ``generation`` is how often the entity was delivered before. It is part of the idempotency key, so that an
    entity that goes from A to B and back to A is sent under three keys, and every retry of one state under the same.
    Whoever learns it late sets it before the key is first read.

    ``deleted``: the source no longer has the entity, and the target is to be told. ``encoded`` is then the last state
    that is known, or ``null``. ``target_id`` is what the target called it when it was delivered, where it said so.
    ``batch`` names the batch it was sent in without an answer; only the engine needs it. So does ``at``, the place of
    its line among all that the run sends; and ``carried``: an
    earlier run made it of the record, so that it is older than what this run makes of the same version; and
    ``unanswered``: an earlier attempt of this run sent it, and no answer says what became of it.

    ``delivered``: the target has confirmed a state of it before, and has not been told since that it is gone.
    ``progress``: which steps of this content the target has confirmed, for kinds that send an entity in steps.
    ``names`` are names that expressions see of this request alone.
    """

    # Cached by hand, because every entity needs them: before Python 3.12 the lock of a cached_property costs as much as
    # hashing 500 bytes.
    _hash: str | None = None
    _key: str | None = None
    _value: Any = _UNREAD
    carried = False
    unanswered = False
    delivered = False
    progress: Progress | None = None
    names: Mapping[str, Any] | None = None

    def __init__(
        self,
        key: str,
        encoded: bytes,
        *,
        version: str | None = None,
        source: bytes | None = None,
        found: bytes | None = None,
        route: str = "",
        generation: int = 0,
        deleted: bool = False,
        target_id: str | None = None,
        batch: str | None = None,
        at: int = 0,
    ) -> None:
        self.key = key
        self.encoded = encoded
        self.version = version
        self.generation = generation
        self.deleted = deleted
        self.target_id = target_id
        self.batch = batch
        self.at = at
        self._route = route
        self._source = source
        self._found = found

    @property
    def idempotency_key(self) -> str:
        """32 hexadecimal digits: the same for the same content and generation of one entity of a route, in any run."""
        made = self._key
        if made is None:
            parts = [self._route.encode(), self.key.encode(), self.encoded]
            if self.generation or self.deleted:
                parts.append(b"%d" % self.generation)
            if self.deleted:
                parts.append(b"deleted")
            made = self._key = content_hash(b"\x00".join(parts))
        return made

    @property
    def hash(self) -> str:
        """32 hexadecimal digits over all that outgoing reads of it, whatever its route, key and generation.

        Two states with the same hash are the same content. A deletion never has the hash of a state.
        """
        made = self._hash
        if made is None:
            if self._source is None and self._found is None and not self.deleted:
                made = content_hash(self.encoded)
            else:  # JSON holds no NUL
                last = b"deleted" if self.deleted else b""
                made = content_hash(b"\x00".join((self.encoded, self._source or b"", self._found or b"", last)))
            self._hash = made
        return made

    def passed_by(self, version: str | None, content: str | None) -> bool:
        """Whether another state of the entity, with this version and content hash, counts instead of this one."""
        if older(self.version, version):
            return True
        return self.carried and not self.deleted and content != self.hash and not older(version, self.version)

    def for_step(self, idempotency_key: str, names: Mapping[str, Any]) -> Outbound:
        """The same content in another request: with a key and names of its own. What was decoded is shared."""
        step = Outbound.__new__(type(self))
        step.__dict__.update(self.__dict__, _key=idempotency_key, names=names)
        return step

    def without_content(self) -> Outbound:
        """What is left to know of it once its content was taken: for what is held until many have their fate."""
        left = Outbound(
            self.key,
            b"null",
            version=self.version,
            route=self._route,
            generation=self.generation,
            deleted=self.deleted,
            target_id=self.target_id,
            batch=self.batch,
            at=self.at,
        )
        left.__dict__.update(_hash=self.hash, carried=self.carried, delivered=self.delivered)
        return left

    @property
    def value(self) -> Any:
        if self._value is _UNREAD:
            self._value = decode(self.encoded)
        return self._value

    @cached_property
    def source(self) -> Any:
        return decode(self._source) if self._source else self.value

    @cached_property
    def found(self) -> dict[str, Any] | None:
        return decode(self._found) if self._found else None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entity at the target.

    ``delivered``: the target confirmed it. ``waiting``: the target took it and says later what became of it.
    ``failed``: the target refused it, sending it again as it is would not help. ``in_doubt``: it was sent and nothing
    says what became of it. ``skipped``: not sent, on purpose. ``pending``: not sent, or sent without effect, because
    the target went away: the engine sends it again later.
    """

    status: ResultStatus
    target_id: str | None = None
    reason: str | None = None
    http_status: int | None = None
    cause: str | None = None
    """The class of what went wrong; None where nothing did. Those of the kinds here: ``refused`` (the target said no),
    ``later`` (the target said: not now), ``unwritable`` (no request could be written for it), ``too_large``,
    ``unknown`` (no answer, or none about it),
    ``unreadable`` (an answer that says neither yes nor no), ``rate_limit``, ``server``, ``outage``, ``setup``."""
    retry_after: float | None = None
    """Seconds that the target asked to wait before it is sent again."""
    later: bool | None = None
    """For ``failed``: True where it may go well later, False where it will not; None leaves it to ``http_status``. For
    ``in_doubt``: False where a person has to look first; None leaves it to the route's ``delivery.in_doubt``."""
    deadline: float | None = None
    """For ``waiting``: seconds from now after which it counts as failed."""
    exchange: ExchangeFactory | None = field(default=None, compare=False, repr=False)
    """Gives what was asked last and what the target answered, for people; the same one for all entities of a request.
    Of use where something is ``failed``, ``in_doubt`` or ``pending``."""
    value: Any = field(default=None, compare=False, repr=False)
    """Of a step: what the route reads in the answer for the steps behind it."""


class Outgoing(Protocol):
    """A target of entities. Creating an instance does no I/O.

    A kind that can ask its target for an entity has one more method; a kind that cannot leaves it out::

        async def verify(self, outbound: Outbound) -> Result | None

    ``delivered`` (with the target's id) where the target has this state of the entity; None where it has not, or where
    sending it again does no harm: it is then sent again; ``in_doubt`` with the reason where that cannot be told. It
    changes nothing at the target, and raises OutageError and SetupError as ``send`` does.

    A kind that can delete has the class attribute ``deletes = True``; others are never given a deletion.

    A kind may send an entity in several requests, its steps: then ``in_steps`` is True. It is given entities with a
    ``progress``, notes there what the target has confirmed, and sends nothing again that stands there. Where
    ``progress.unanswered`` it decides by itself whether the step at stake is sent again, asked for, or left in doubt.

    A kind that puts many batches into one thing, such as a file, has ``gathers = True``. The engine then calls these
    instead of ``send``, one at a time::

        async def take(self, batch: Sequence[Outbound]) -> list[Result | None]
        full: bool
        async def publish(self) -> list[Result]
        async def forget(self) -> None

    ``take`` holds what it gives None for, without effect at the target. ``publish`` makes that visible there and gives
    one result for each that is held, in order; whatever it raises, nothing is held any more. It is called when no more
    comes, when the kind is ``full``, and when a later state of a key that is held is next. ``forget`` is called when
    the results are on disk: from then on nobody asks again what became of these. ``send`` does both.
    """

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

        Some of them may be deletions, between others: deleting what the target no longer has counts as delivered.

        Called concurrently up to ``delivery.concurrency``, never with a key that is in flight in another call.
        Raises OutageError when the target is away and nothing of the batch took effect: the engine stops sending,
        the task fails and Airflow's retry goes on with what is left. Raises SetupError for Connections and
        credentials. Never raises for what is one entity's matter. The errors' ``exchange`` is kept for people, as the
        results' is.
        """
        ...

    async def close(self) -> None:
        """Give back what ``open`` took."""
        ...
