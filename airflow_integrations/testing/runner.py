"""Runs the route tests of a folder: no network, no Airflow, no credentials."""

from __future__ import annotations

import asyncio
import tempfile
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from airflow_integrations.errors import IntegrationError, Mistake, RouteError
from airflow_integrations.plurals import counted
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run
from airflow_integrations.simulate.params import route_params
from airflow_integrations.simulate.replay import RecordedSystem, Recording, ReplayServices
from airflow_integrations.simulate.sample import read_entities
from airflow_integrations.simulate.trial import Trial, attempt, quiet_log
from airflow_integrations.testing.case import Case, Given
from airflow_integrations.testing.case_file import LoadedTests, load_tests, test_paths
from airflow_integrations.testing.check import failures
from airflow_integrations.testing.given_ledger import fill, stored
from airflow_integrations.testing.sockets import no_network
from airflow_integrations.window import Window

__all__ = ["Outcome", "Report", "run_case", "run_route_tests"]

TIME_LIMIT = 60.0
"""Seconds that one test may take: a loop without end in a python transformer fails instead of hanging."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test went. ``failures`` is empty where it passed."""

    file: str
    line: int
    route: str
    name: str
    failures: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        return not self.failures

    def __str__(self) -> str:
        head = f"{'passed' if self.passed else 'FAILED'}  {self.file}:{self.line}  {self.name}"
        return "\n".join([head, *(f"    {failure}" for failure in self.failures)])


@dataclass(slots=True)
class Report:
    """How the tests of a folder went. ``mistakes`` are those of test files and of the routes they test."""

    outcomes: list[Outcome] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.mistakes and all(outcome.passed for outcome in self.outcomes)

    def __str__(self) -> str:
        failed = [str(outcome) for outcome in self.outcomes if not outcome.passed]
        return "\n".join([*map(str, self.mistakes), *failed, self.summary()])

    def summary(self) -> str:
        """``12 passed, 1 failed``"""
        passed = sum(outcome.passed for outcome in self.outcomes)
        parts = [f"{passed} passed"]
        if len(self.outcomes) > passed:
            parts.append(f"{len(self.outcomes) - passed} failed")
        if self.mistakes:
            parts.append(f"{counted(len(self.mistakes), 'mistake')} in files")
        return ", ".join(parts)


def run_route_tests(
    folder: Path | str,
    *,
    files: Collection[Path] | None = None,
    only: str = "",
    told: Callable[[Outcome], None] | None = None,
) -> Report:
    """Run every ``*.test.yaml`` of a routes folder, or just ``files`` of it, and report.

    ``only`` keeps tests with this text in their name; ``told`` is called after each test. Nothing is raised for a test
    that fails: ``assert run_route_tests("dags/routes").ok`` is a whole pytest test. Not to be called inside a running
    event loop.
    """
    root = Path(folder)
    report = Report()
    for path in files if files is not None else test_paths(root):
        try:
            loaded = load_tests(path, root)
        except RouteError as error:
            report.mistakes += error.mistakes
            continue
        for outcome in _outcomes(loaded, only):
            report.outcomes.append(outcome)
            if told:
                told(outcome)
    report.mistakes = sorted(set(report.mistakes))
    return report


def _outcomes(loaded: LoadedTests, only: str) -> Iterator[Outcome]:
    for case, line in zip(loaded.tests.tests, loaded.lines, strict=True):
        if only.lower() in case.name.lower():
            started = time.monotonic()
            found = run_case(loaded.route, loaded.tests.given, case)
            seconds = time.monotonic() - started
            yield Outcome(loaded.name, line, loaded.route.route, case.name, tuple(found), seconds)


def run_case(route: Route, shared: Given, case: Case) -> list[str]:
    """What went otherwise than the test expects. The network is refused meanwhile."""
    given = joined(shared, case.given)
    try:
        trial, recording = _tried(route, given)
    except IntegrationError as error:  # before the run began: its window, params or files
        return [f"given: {error}"]
    except TimeoutError:
        return [f"the test took longer than {TIME_LIMIT:.0f} s"]
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"]
    return failures(case.expect, trial, recording.unanswered)


def joined(shared: Given, own: Given) -> Given:
    """What a test gives over what its file gives: mappings are joined, everything else replaces."""
    update = {}
    for name in own.model_fields_set:
        value = getattr(own, name)
        update[name] = {**getattr(shared, name), **value} if isinstance(value, dict) else value
    if {"entities", "file"} & own.model_fields_set:
        update = {"entities": None, "file": None, **update}
    return shared.model_copy(update=update)


def _tried(route: Route, given: Given) -> tuple[Trial, Recording]:
    names = {*given.answers, *given.connections}
    recording = Recording(
        RecordedSystem(name, given.answers.get(name, ()), given.connections.get(name)) for name in names
    )
    try:
        window = Window.parse(given.window.start, given.window.end)
    except ValueError as error:
        raise RouteError([Mistake("window", 0, 0, "", str(error))]) from None
    run = Run(
        route,
        "test",
        window,
        params=route_params(route, given.params),
        keys=frozenset(given.keys) if given.keys is not None else None,
        entities=_entities(given),
        explicit=True,
    )

    async def tried() -> Trial:
        async with (
            asyncio.timeout(TIME_LIMIT),
            ReplayServices(recording, variables=given.var, log=quiet_log()) as services,
        ):
            fill(services.ledger, given, services.now())
            trial = await attempt(run, services, services, recording, Path(folder))
            trial.stored = stored(services.ledger, services.now())
            return trial

    with tempfile.TemporaryDirectory(prefix="route-test-") as folder, asyncio.Runner() as runner:
        runner.get_loop()  # before the network is refused: on some systems a loop opens a socket to itself
        with no_network():
            return runner.run(tried()), recording


def _entities(given: Given) -> tuple[object, ...] | None:
    if given.file is not None:
        return tuple(read_entities(given.file.path))
    return tuple(given.entities) if given.entities is not None else None
