"""Who is to blame: the rule's own table, and whatever a system does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.blame import MOST_SUSPECTS, Ended, are_to_blame, each_alone


class System:
    """Ends the connection at entities that are ``bad``, says nothing to ``silent`` ones, and takes ``good`` ones. From
    its ``away``-th question on it is away; ``lets_in``: it still opens connections then, and ends each."""

    def __init__(self, away: int | None = None, *, lets_in: bool = False) -> None:
        self.away, self.lets_in = away, lets_in
        self.asked = 0
        self.sent: list[int] = []
        self.taken: list[int] = []
        self.sent_while_away: list[int] = []

    def _is_away(self) -> bool:
        self.asked += 1
        return self.away is not None and self.asked > self.away

    async def is_there(self) -> bool:
        return not self._is_away() or self.lets_in

    async def send(self, entity: tuple[int, str]) -> str | Ended:
        number, nature = entity
        self.sent.append(number)
        if self._is_away():
            self.sent_while_away.append(number)
            return Ended("away")
        if nature == "good":
            self.taken.append(number)
            return "taken"
        return Ended(f"no {number}", heard=nature == "bad")


async def fates(system: System, natures: list[str]) -> list[str | Ended]:
    return await each_alone(list(enumerate(natures)), system.send, system.is_there)


G, B, S = "good", "bad", "silent"


@pytest.mark.parametrize(
    ("natures", "away", "told"),
    [
        ([G, B, G], None, "g!g"),
        ([B], None, "!"),
        ([B, B, B, G, B], None, "!!!g!"),  # one that is served between begins the count anew
        ([B, B, B, B, G], None, "!!!"),  # the fourth in a row: the system is to blame
        ([G, B, B, G, B, B, G], None, "g!!g!!g"),
        ([G, S, G], None, "g"),  # nobody heard that it was this one
        ([G, G], 0, ""),
        ([B, G], 2, ""),  # it does not let us in again
        ([G, G, G], 4, "gg"),
    ],
)
async def test_the_table(natures: list[str], away: int | None, told: str) -> None:
    found = await fates(System(away), natures)
    assert "".join("!" if isinstance(fate, Ended) else "g" for fate in found) == told


async def test_it_has_the_systems_own_words() -> None:
    assert await fates(System(), [G, B]) == ["taken", Ended("no 1")]


@given(
    st.lists(st.sampled_from([G, G, B, S]), max_size=20),
    st.none() | st.integers(0, 40),
    st.booleans(),
)
async def test_whatever_the_system_does(natures: list[str], away: int | None, lets_in: bool) -> None:
    system = System(away, lets_in=lets_in)
    found = await fates(system, natures)
    blamed = [number for number, fate in enumerate(found) if isinstance(fate, Ended)]
    # each is sent once, in order, and what became of it is told
    assert system.sent == list(range(len(system.sent)))
    assert len(system.sent) - len(found) in (0, 1)
    assert system.taken == [number for number, fate in enumerate(found) if fate == "taken"]
    # no good one is blamed by a system that is there, and one that is away costs three an attempt
    assert all(natures[number] == B or number in system.sent_while_away for number in blamed)
    assert sum(number in system.sent_while_away for number in blamed) <= MOST_SUSPECTS
    if not lets_in:
        assert not set(blamed) & set(system.sent_while_away)
    # where it is there, and no more than three in a row are bad, all have their fate
    if away is None and S not in natures and "bad" * 4 not in "".join(natures):
        assert len(found) == len(natures)


@pytest.mark.parametrize("count", range(1, 7))
def test_nobody_is_to_blame_for_a_system_that_serves_nobody(count: int) -> None:
    assert not are_to_blame(count, serves=False)
    assert are_to_blame(count, serves=True) == (count <= MOST_SUSPECTS)
