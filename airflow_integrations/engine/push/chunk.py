"""A chunk of entities that push has reserved in the ledger, and the batches that are cut out of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from airflow_integrations.ledger.records import Known
from airflow_integrations.outgoing import Outbound

__all__ = ["Batch", "Chunk"]

Entries = deque[tuple[int, Outbound]]


@dataclass(slots=True)
class Chunk:
    """Entities that were reserved together."""

    claim: int | None
    keys: frozenset[str]
    known: dict[str, Known]
    taken: frozenset[str]
    repeated: frozenset[str]
    """Keys that it has more than once: what is known of them changes while it is sent."""
    open: int
    """How many of its entities have no fate yet."""
    entries: Entries
    """Those that are not yet in a batch."""
    unanswered: dict[int, list[int]]
    """Batches that an earlier attempt of this run sent without an answer, by the ordinal of their first entity."""
    unanswered_earlier: dict[int, list[int]]
    """The same of batches that an earlier run sent."""
    bytes: int
    """The size of all of its entities."""
    progress: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Of keys whose entities go in steps: content hash and steps that the target has confirmed, as the ledger has
    them."""

    @property
    def plain(self) -> bool:
        """Nothing is known of any of its entities: all of them go out."""
        return not (self.known or self.taken or self.repeated or self.unanswered or self.unanswered_earlier)


@dataclass(slots=True)
class Batch:
    """Entities of one request, no key twice."""

    chunk: Chunk
    ordinals: list[int] = field(default_factory=list)
    outbounds: list[Outbound] = field(default_factory=list)
    unanswered: bool = False
    """An earlier attempt of this run sent it, and it is unanswered."""
    unanswered_earlier: bool = False
    """An earlier run sent it, and it is unanswered: one entity, or several that went together."""

    def went_unanswered(self, run: int) -> None:
        """Nobody knows whether it arrived. A target that knows it by its idempotency key must get it again as it is, in
        whatever run that will be: each of its entities remembers it. ``run`` is the ledger's number."""
        if len(self.outbounds) > 1:
            for outbound in self.outbounds:
                outbound.batch = f"{run}:{self.outbounds[0].at}:{len(self.outbounds)}"

    @property
    def places(self) -> list[int]:
        """Where the lines of its entities are among all that the run sends."""
        return [outbound.at for outbound in self.outbounds]

    @property
    def keys(self) -> list[str]:
        return [outbound.key for outbound in self.outbounds]
