"""Questions that a service cannot answer while it answers others: each is the matter of whoever needs it, alone.

It is the rule of :mod:`airflow_integrations.blame`. Questions are asked at the same time, so those in trouble count as
in a row, and a question that was answered before shows whether the service is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from airflow_integrations.blame import MOST_SUSPECTS, are_to_blame
from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.http.errors import Refused

__all__ = ["MOST_SILENT", "Suspects", "Trouble", "all_of", "may_be_its_own"]

MOST_SILENT = 20
"""Where more questions are in trouble before any was answered, the service is away. More than the suspects: those that
an earlier run put off come together, and first."""

Q = TypeVar("Q", bound=Hashable)
Trouble = OutageError | Refused | AnswerError
"""What stands for the answer to a question: an outage of this question, its 403, or an answer that is of no use."""


class Suspects:
    """One kind of question to one service, for the length of a stage.

    Whether the service is there, a question shows that was answered before: it is asked again, where questions are
    ``repeatable``. Where they are not, more than MOST_SUSPECTS in trouble mean that it is away. Until a first question
    is answered nobody knows, and the end of the stage decides; a ``live`` one has no end, so there the service is away.
    """

    def __init__(self, *, live: bool, repeatable: bool = True) -> None:
        self._live = live
        self._repeatable = repeatable
        self._most = MOST_SILENT if repeatable else MOST_SUSPECTS
        self._good: Sequence[Hashable] | None = None
        """The group that was answered last."""
        self._silent: set[Hashable] = set()
        """Questions in trouble since nothing was answered."""
        self._trouble: Trouble | None = None

    @property
    def answered(self) -> bool:
        """Whether any question was. Until then nobody knows who is to blame for a refusal."""
        return self._good is not None

    async def ask(
        self,
        groups: Iterable[Sequence[Q]],
        ask: Callable[[Sequence[Q]], Awaitable[Any]],
        *,
        divides: Callable[[Any], bool] = lambda answer: False,
        tells: Callable[[Any], bool] = lambda answer: True,
        lets_in: Callable[[], Awaitable[bool]] | None = None,
    ) -> list[tuple[Sequence[Q], Any]]:
        """What ``ask`` gives for each group of questions, or a :data:`Trouble`; all groups are asked at the same time.

        A group in trouble, or with an answer that ``divides``, is halved until who is to blame is alone. ``tells``:
        whether an answer shows that the service is there. ``lets_in``: asks it something else, where none of these
        questions was ever answered; if it answers that, MOST_SUSPECTS are to blame. What it refuses more of is the
        matter of who asks. Raises the trouble where the service is taken to be away, or refuses everything, and what
        ``ask`` raises besides.
        """
        left = list(groups)
        found: list[tuple[Sequence[Q], Any]] = []
        alone: list[Q] = []
        failing, answered = 0, False

        async def is_there() -> bool:
            if self._good is None or not self._repeatable:
                return False
            try:
                return tells(await ask(self._good))  # type: ignore[arg-type]
            except (OutageError, Refused, AnswerError):
                return False

        async def one(group: Sequence[Q]) -> Any:
            nonlocal failing, answered
            try:
                answer = await ask(group)
            except (OutageError, Refused, AnswerError) as trouble:
                if not may_be_its_own(trouble):
                    raise
                failing += 1
                if failing > self._most:
                    failing = 0
                    if not await is_there():
                        raise
                return trouble
            if tells(answer):
                answered = True
                self._good = group
                self._silent.clear()
            return answer

        while left:
            failing = len(alone)
            answers = await all_of(map(one, left))
            troubled = [answer for answer in answers if isinstance(answer, Trouble)]
            sure = are_to_blame(len(alone) + len(troubled), serves=answered)
            halves: list[Sequence[Q]] = []
            for group, answer in zip(left, answers, strict=True):
                if len(group) > 1 and (isinstance(answer, Trouble) or divides(answer)):
                    half = len(group) // 2
                    halves += [group[:half], group[half:]]
                    continue
                found.append((group, answer))
                if isinstance(answer, Trouble):
                    alone.append(group[0])
            if troubled and not sure:
                await self._judge(troubled[0], alone, is_there, lets_in, last=not halves)
            left = halves
        return found

    async def _judge(
        self,
        trouble: Trouble,
        alone: Sequence[Hashable],
        is_there: Callable[[], Awaitable[bool]],
        lets_in: Callable[[], Awaitable[bool]] | None,
        *,
        last: bool,
    ) -> None:
        """Raises ``trouble`` where the service is away, as far as one can tell."""
        if self._good is not None and self._repeatable:
            if not await is_there():
                raise trouble
            return
        self._trouble = trouble
        self._silent.update(alone)
        if last and lets_in is not None and are_to_blame(len(self._silent), serves=True) and await lets_in():
            return
        if len(self._silent) > self._most or (self._live and last):
            raise trouble

    def finished(self) -> None:
        """The stage is over. Raises the trouble where nothing was ever answered."""
        if self._trouble is not None and self._good is None:
            raise self._trouble


def may_be_its_own(trouble: Trouble) -> bool:
    """Not where the server turns away whoever asks: for want of a login, or because too much was asked."""
    if isinstance(trouble, Refused):
        return trouble.status == 403
    if isinstance(trouble, AnswerError):
        return True
    asked_to_wait = trouble.status is None and trouble.retry_after is not None
    return trouble.status != 429 and not asked_to_wait


async def all_of(coroutines: Iterable[Any]) -> list[Any]:
    """All results in order; the first exception cancels the rest before it is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
