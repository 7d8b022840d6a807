"""Files of route tests to models, with file, line and column for every mistake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.errors import Mistake, RouteError
from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import read_route
from airflow_integrations.route_files.mistakes import mistakes_of, node_at
from airflow_integrations.route_files.parser import parse
from airflow_integrations.testing.case import TestFile

__all__ = ["ENDINGS", "LoadedTests", "load_tests", "test_paths"]

ENDINGS = (".test.yaml", ".test.yml")


@dataclass(frozen=True, slots=True)
class LoadedTests:
    """The tests of one file and the route they are for. ``lines`` says where each test begins."""

    name: str
    """What messages call the file: its path from the folder that holds the routes folder."""
    tests: TestFile
    lines: tuple[int, ...]
    route: Route


def test_paths(root: Path) -> Iterator[Path]:
    """Every file of route tests below a routes folder, in a fixed order."""
    found = (path for path in root.rglob("*") if path.name.endswith(ENDINGS) and path.is_file())
    yield from sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


test_paths.__test__ = False  # type: ignore[attr-defined]  # pytest: this is not a test


def load_tests(path: Path, root: Path) -> LoadedTests:
    """The tests of a file and their route. Raises RouteError with every mistake of the file, and of the route's."""
    root, path = root.resolve(), path.resolve()
    name = str(path.relative_to(root.parent)) if path.is_relative_to(root.parent) else str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RouteError([Mistake(name, 0, 0, "", f"the file cannot be read: {error.strerror}")]) from None
    node, mistakes = parse(content, name)
    if node is None or mistakes:
        raise RouteError(mistakes)
    data = node.plain()
    try:
        tests = TestFile.model_validate(data, context=Folder(root, path.parent))
    except ValidationError as error:
        raise RouteError(mistakes_of(error, TestFile, node, data)) from None
    lines = tuple(node_at(node, ("tests", index)).line for index in range(len(tests.tests)))
    return LoadedTests(name, tests, lines, read_route(root, tests.route or _stem(path.name)).route)


def _stem(name: str) -> str:
    return next(name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending))
