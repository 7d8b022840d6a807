"""Who is to blame where a system fails: one of the entities it is sent, one of the questions it is asked, or itself.

1. What failed together goes once more, each alone.
2. One that fails alone is to blame where the system then serves again: it lets us in, or answers others. It has the
   system's own words, and the others go on.
3. Of those that fail in a row, without one in between that is served, :data:`MOST_SUSPECTS` are to blame. Where one
   more fails the system itself is away, as far as anyone can tell: nobody else is blamed, and what was not sent waits.
4. What was not sent is never to blame.

Here is the rule as such, and the way of those that go one after the other; :mod:`airflow_integrations.http.suspects`
is the way of questions that are asked at the same time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["MOST_SUSPECTS", "Ended", "are_to_blame", "each_alone"]

MOST_SUSPECTS = 3
"""Two bad ones beside each other are no rarity, as when both come from one import. A system that is away fails at each:
the fewer are blamed, the fewer lose an attempt."""

E = TypeVar("E")
R = TypeVar("R")


def are_to_blame(in_a_row: int, *, serves: bool) -> bool:
    """Whether so many that failed in a row are to blame themselves. ``serves``: the system has served since."""
    return serves and in_a_row <= MOST_SUSPECTS


@dataclass(frozen=True, slots=True)
class Ended:
    """In the place of an answer: the connection ended. ``why`` are the system's words. ``heard``: the system ended it;
    else nothing was heard any more, or it was about no single entity."""

    why: str
    heard: bool = True


async def each_alone(
    entities: Sequence[E], send: Callable[[E], Awaitable[R | Ended]], is_there: Callable[[], Awaitable[bool]]
) -> list[R | Ended]:
    """What became of the first of ``entities``, in their order: what ``send`` gave, or Ended for one that is to blame.

    Where the system is away the list is shorter than ``entities``. The first one without an answer may have been sent;
    those behind it were not. ``is_there`` opens a connection where there is none, and says whether the system lets us
    in.
    """
    told: list[R | Ended] = []
    in_a_row = 0
    for entity in entities:
        if not await is_there():
            break
        answer = await send(entity)
        if isinstance(answer, Ended):
            in_a_row += 1
            if not answer.heard or not are_to_blame(in_a_row, serves=await is_there()):
                break
        else:
            in_a_row = 0
        told.append(answer)
    return told
