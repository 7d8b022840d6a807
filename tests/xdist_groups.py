"""What the tests of one xdist group share, and the order in which groups and tests begin."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar

import pytest
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

__all__ = ["Distribution", "Shared", "group_of", "longest_first"]

T = TypeVar("T")

GROUPS = ("airflow", "pages", "postgres", "console", "production")
"""The longest first. Groups that are not named here begin behind them."""


class Shared:
    """What one group has started: made for the first test that asks for it, ended behind the group's last test.

    A fixture of the session would live until the session's end, and an Airflow takes half a core all that time.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._made: dict[str, Any] = {}
        self._failed: dict[str, BaseException] = {}

    def get(self, name: str, start: Callable[[], AbstractContextManager[T]]) -> T:
        """What ``start()`` gives, the same for all of the group. What failed to start, or is missing here, is not tried
        again."""
        if name in self._failed:
            raise self._failed[name]
        if name not in self._made:
            try:
                self._made[name] = self._open.enter_context(start())
            except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:
                self._failed[name] = error
                raise
        made: T = self._made[name]
        return made

    def end(self) -> None:
        """End what was started last first."""
        self._made.clear()
        self._failed.clear()
        self._open.close()


def group_of(item: pytest.Item | None) -> str | None:
    """The xdist group of a test; None for one that has none."""
    mark = item.get_closest_marker("xdist_group") if item else None
    return str(mark.args[0]) if mark else None


def longest_first(items: list[pytest.Item]) -> None:
    """Put each group together, then the groups and the single tests that take long before all others. Otherwise one
    worker is left with them in the end, and the others have nothing to do. What is equal keeps its random order.

    A test with the mark ``last`` comes behind the others of its group: what it waits for comes by itself meanwhile."""

    def rank(item: pytest.Item) -> tuple[int, str, bool]:
        group = group_of(item)
        if group is not None:
            last = item.get_closest_marker("last") is not None
            return (GROUPS.index(group) if group in GROUPS else len(GROUPS), group, last)
        return (len(GROUPS) + (1 if item.get_closest_marker("long") else 2), "", False)

    items.sort(key=rank)


class Distribution(LoadGroupScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands the tests to the workers as ``--dist loadgroup`` does, forgets a unit that has ended, and knows each test's
    place.

    xdist looks through all units that a worker has ever had, each time that one of its tests ends, and through the
    names of all tests for each that it hands out: of ten thousand tests that took ten seconds of the CPU's time.
    """

    _places: dict[str, int] | None = None

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self._places is None:  # all workers have found the same tests in the same order: that was looked at
            self._places = {name: place for place, name in enumerate(self.registered_collections[node])}
        unit, tests = self.workqueue.popitem(last=False)
        self.assigned_work.setdefault(node, {})[unit] = tests
        node.send_runtest_some([self._places[name] for name, ended in tests.items() if not ended])

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        units = self.assigned_work[node]
        unit = self._split_scope(self.registered_collections[node][item_index])
        if all(units[unit].values()):
            del units[unit]
