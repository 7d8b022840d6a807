"""What the tests of a group share begins once and ends; no worker is left with a long test in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from xdist_groups import GROUPS, Distribution, Shared, longest_first


def test_what_is_shared_is_started_once_and_ends_with_the_group_last_first() -> None:
    told: list[str] = []

    @contextmanager
    def resource(name: str) -> Iterator[str]:
        told.append(f"{name} starts")
        yield name
        told.append(f"{name} ends")

    shared = Shared()
    for _ in range(2):
        for name in ("target", "airflow"):
            assert shared.get(name, lambda name=name: resource(name)) == name  # type: ignore[misc]
    shared.end()
    assert told == ["target starts", "airflow starts", "airflow ends", "target ends"]
    shared.get("target", lambda: resource("target"))
    assert told[4:] == ["target starts"]


@pytest.mark.parametrize("outcome", [pytest.skip, pytest.fail])
def test_what_cannot_start_is_tried_once(outcome: Callable[[str], NoReturn]) -> None:
    tries = []

    @contextmanager
    def missing() -> Iterator[None]:
        tries.append(1)
        outcome("no PostgreSQL")
        yield

    shared = Shared()
    for _ in range(2):
        with pytest.raises(BaseException, match="no PostgreSQL"):
            shared.get("postgres", missing)
    assert tries == [1]


def test_groups_come_together_then_long_tests_then_the_others(request: pytest.FixtureRequest) -> None:
    def item(name: str, *marks: pytest.MarkDecorator) -> pytest.Item:
        found = pytest.Function.from_parent(request.node.parent, name=name, callobj=lambda: None)
        for mark in marks:
            found.add_marker(mark)
        return found

    second, first = GROUPS[1], GROUPS[0]
    items = [
        item("short"),
        item("b3", pytest.mark.xdist_group(second), pytest.mark.last),
        item("b1", pytest.mark.xdist_group(second)),
        item("other", pytest.mark.xdist_group("other")),
        item("long", pytest.mark.long),
        item("a", pytest.mark.xdist_group(first)),
        item("short2"),
        item("b2", pytest.mark.xdist_group(second)),
    ]
    longest_first(items)
    assert [each.name for each in items] == ["a", "b1", "b2", "b3", "other", "long", "short", "short2"]


class Worker:
    """What the distribution sees of one: what it was given to run, in the order in which it came."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.given: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def test_each_test_is_given_once_a_group_to_one_worker_and_what_has_ended_is_forgotten(
    pytestconfig: pytest.Config,
) -> None:
    tests = [f"tests/test_a.py::test_{number}[{number}]" for number in range(50)]
    tests[:0] = [f"tests/test_b.py::test_{number}@{GROUPS[0]}" for number in range(20)]
    config = SimpleNamespace(
        option=SimpleNamespace(loadscopereorder=False, verbose=0), getvalue=lambda name: ["popen", "popen"]
    )
    distribution: Any = Distribution(config)
    workers = [Worker("gw0"), Worker("gw1")]
    for worker in workers:
        distribution.add_node(worker)
    for worker in workers:
        distribution.add_node_collection(worker, tests)
    distribution.schedule()
    ran: dict[str, list[int]] = {"gw0": [], "gw1": []}
    while not all(worker.shutting_down for worker in workers) or any(worker.given for worker in workers):
        for worker in workers:
            if worker.given:
                ran[worker.gateway.id].append(worker.given.pop(0))
                distribution.mark_test_complete(worker, ran[worker.gateway.id][-1])
                assert len(distribution.assigned_work[worker]) <= 4
    assert sorted(ran["gw0"] + ran["gw1"]) == list(range(70))
    assert ran["gw0"][:20] == list(range(20))
    assert distribution.tests_finished
