from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.alerting.lifecycle import QUIET, due, sent, step, unsent
from airflow_integrations.ledger.alerts import AlertState

REPEAT = 4 * 3600.0
LOOK = 120.0


@dataclass
class Story:
    """One alert, looked at every two minutes; ``messages`` are those that arrived, with their moments."""

    state: AlertState = field(default_factory=lambda: AlertState(0.0, 0.0))
    now: float = 0.0
    targets: tuple[str, ...] = ("ops",)
    messages: list[tuple[float, str, str, int]] = field(default_factory=list)

    def look(self, fires: bool, *, works: bool = True) -> list[str]:
        self.now += LOOK
        self.state = step(self.state, "broken" if fires else None, self.targets, self.now)
        told: list[str] = []
        for target in self.targets:
            what = due(self.state, target, self.now, REPEAT)
            if what is None:
                continue
            if not works:
                self.state = unsent(self.state, target)
                continue
            self.messages.append((self.now, target, what, self.state.targets[target].owed))
            self.state = sent(self.state, target, what, self.now)
            told.append(what)
        return told


def test_told_once_again_after_a_while_and_when_it_is_over() -> None:
    story = Story()
    assert story.look(False) == []
    assert story.look(True) == ["firing"]
    told = [what for _ in range(int(2 * REPEAT / LOOK)) for what in story.look(True)]
    assert told == ["still", "still"]
    assert story.look(False) == ["resolved"]
    assert story.look(False) == []


def test_what_could_not_be_told_is_told_the_next_time() -> None:
    story = Story()
    assert story.look(True, works=False) == []
    assert story.state.targets["ops"].failed == 1
    assert story.look(True) == ["firing"]
    assert story.state.targets["ops"].failed == 0
    assert story.look(False, works=False) == []
    assert story.look(False) == ["resolved"]


def test_what_was_over_before_it_could_be_told_is_told_afterwards() -> None:
    story = Story()
    story.look(True, works=False)
    story.look(False, works=False)
    assert story.look(False) == ["passed"]
    assert story.look(False) == []


def test_what_comes_and_goes_is_told_together() -> None:
    story = Story()
    for fires in (True, False, True, False, True, False, True, False):
        story.look(fires)
    while story.now < 2 * QUIET:
        story.look(False)
    assert [(what, times) for _, _, what, times in story.messages] == [("firing", 1), ("resolved", 0), ("passed", 3)]


def test_a_new_target_hears_of_what_goes_on_and_one_that_is_gone_is_forgotten() -> None:
    story = Story()
    story.look(True)
    story.targets = ("ops", "boss")
    assert story.look(True) == ["firing"]
    assert story.messages[-1][1] == "boss"
    story.targets = ("boss",)
    assert story.look(False) == ["resolved"]
    assert set(story.state.targets) == {"boss"}


looks = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=80)


@given(looks)
def test_nothing_is_lost_and_nobody_believes_what_is_not_so(looks: list[tuple[bool, bool]]) -> None:
    """However it fires and however often the mail server is away: once that works and all is quiet, every episode was
    told, and the target knows that it is over."""
    story = Story()
    episodes, before = 0, False
    for fires, works in looks:
        story.look(fires, works=works)
        episodes += fires and not before
        before = fires
    for _ in range(int(QUIET / LOOK) + 2):
        story.look(False)
    told = story.state.targets.get("ops")
    assert told is None or (not told.knows and told.owed == 0)
    # an episode that begins while the target still believes in the one before is told with "resolved"
    assert sum(times for _, _, _, times in story.messages) == episodes
    assert (episodes > 0) == bool(story.messages)


@given(looks)
def test_nobody_hears_too_much(looks: list[tuple[bool, bool]]) -> None:
    story = Story()
    for fires, works in looks:
        story.look(fires, works=works)
    alarms = [at for at, _, what, _ in story.messages if what != "resolved"]
    assert all(later - earlier >= QUIET for earlier, later in pairwise(alarms))
    resolved = [what for _, _, what, _ in story.messages]
    assert resolved.count("resolved") <= resolved.count("firing")
    for before, after in pairwise(["resolved", *resolved]):
        if after == "resolved":
            assert before in ("firing", "still")


@given(st.integers(min_value=1, max_value=600))
def test_reminders_come_at_their_pace(count: int) -> None:
    story = Story()
    for _ in range(count):
        story.look(True)
    assert len(story.messages) == 1 + int((count - 1) * LOOK // REPEAT)


@pytest.mark.parametrize("fires", [True, False])
def test_to_look_twice_at_the_same_changes_nothing(fires: bool) -> None:
    state = step(AlertState(0.0, 0.0), "broken" if fires else None, ["ops"], 10.0)
    assert step(state, "broken" if fires else None, ["ops"], 20.0) == state
