"""Where events come from by themselves: queues, streams, folders. One kind is one class in one file of this package,
or a third party's entry point in the group ``airflow_integrations.listen``.

A listener hands over what came and hears when it is safe; it knows nothing of the inbox.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from airflow_integrations.listen.context import ListenContext
    from airflow_integrations.listen.options import ListenOptions

__all__ = ["Listener", "Message"]


@dataclass(slots=True, eq=False)
class Message:
    """What came, as it came."""

    id: str | None
    """The same when it is delivered again, and another message's never. None where the broker has no such thing: then
    a message that comes twice counts twice, unless the route's ``event_id`` tells."""
    body: bytes
    subject: str
    """The topic, routing key, stream or file that it came by."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    content_type: str | None = None
    """What the sender says the body is."""
    records: bytes | None = None
    """A JSON array, where the kind has read the records itself: the body is then not looked at."""
    fault: str | None = None
    """Why it is of no use, where the kind knows already."""
    handle: Any = None
    """The kind's own."""


class Listener(Protocol):
    """One source of messages.

    The class has a nested pydantic model ``Config`` (a :class:`~airflow_integrations.listen.options.ListenOptions`):
    that one spec gives validation, defaults, documentation, JSON Schema and error messages. Creating an instance does
    no I/O. A client library is imported when it is first used.
    """

    Config: ClassVar[type[ListenOptions]]

    def __init__(self, config: Any, route: str) -> None:
        """``route`` is the route's name: consumers and groups are called after it."""
        ...

    def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        """What comes, in its order, as much at a time as is there; at most ``prefetch`` messages are not yet settled.

        Connects when it is begun, and ends only by being closed. Raises OutageError where the broker is away or goes
        away, SetupError for Connections, credentials and queues that are not there; it is begun anew later, and gives
        again what was not settled.
        """
        ...

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        """A whole batch is done with, before the next one is asked for.

        What is ``taken`` is safe: acknowledge it. What is ``dead`` is of no use, with the reason: it goes to the
        broker's dead letters. There is none where the configuration does not say ``dead_letters``. Raises
        OutageError.
        """
        ...
