"""Route files to Routes, with file, line and column for every mistake.

    routes/*.yaml, *.route.json ─▶ read_routes ─▶ RouteFiles: the routes that are valid, the mistakes of the others

A broken file never hides another. Mistakes call a file by its path from the folder that holds the routes folder:
``routes/orders.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.config.suggestions import suggestion
from airflow_integrations.errors import Mistake, RouteError
from airflow_integrations.route.check import deep_mistakes
from airflow_integrations.route.definition import Route
from airflow_integrations.route.links import link_mistakes
from airflow_integrations.route.webhooks.paths import by_path, clashes
from airflow_integrations.route_files.discovery import route_paths, stem
from airflow_integrations.route_files.mistakes import mistakes_of, placed
from airflow_integrations.route_files.names_in_invalid import partial_mistakes
from airflow_integrations.route_files.nodes import Node
from airflow_integrations.route_files.shards import Shard, written_names
from airflow_integrations.route_files.shared_parts import RouteAssembler

__all__ = [
    "LoadedRoute",
    "RouteFiles",
    "UnknownRouteError",
    "check_all",
    "merged",
    "mistakes_between",
    "own_mistakes",
    "read_route",
    "read_routes",
]


@dataclass(frozen=True, slots=True)
class LoadedRoute:
    """A valid route and where it came from."""

    route: Route
    path: Path
    """The route's own file."""
    text: str
    """What that file says, as it is written."""
    files: tuple[Path, ...]
    """All files that the definition was made of: its own first, then shared ones and defaults."""
    node: Node = field(repr=False, compare=False)
    """The definition with the place of every part of it."""

    def mistake(self, loc: tuple[int | str, ...], message: str) -> Mistake:
        """A mistake in this route, at the place of ``loc``."""
        return placed(self.node, loc, message)


@dataclass(frozen=True, slots=True)
class RouteFiles:
    """What a routes folder holds: valid routes by name, and the mistakes of all files."""

    routes: dict[str, LoadedRoute]
    mistakes: tuple[Mistake, ...]
    broken: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Of the files whose route is not valid: what the file is called, and its text, empty where it cannot be read."""
    broken_paths: tuple[Path, ...] = field(default=(), repr=False)
    """Those files."""
    names: frozenset[str] = field(default=frozenset(), repr=False)
    """Where only a share was read: what all routes of the folder are called, as far as that can be seen."""

    def may_hold(self, name: str) -> bool:
        """Whether a route of this name is here, or perhaps in one of the broken files."""
        return name in self.routes or any(name == called or not text or name in text for called, text in self.broken)


def read_routes(root: Path, shard: Shard | None = None) -> RouteFiles:
    """Every route below ``root``, or those of a share. Of two files with one name the one that is called so loads; the
    other is told."""
    shelf = RouteAssembler(root)
    if not shelf.root.is_dir():
        return RouteFiles({}, (Mistake(str(root), 0, 0, "", "there is no such folder"),))
    files = list(route_paths(shelf.root))
    written = {} if shard is None else written_names(files)
    if shard is not None:
        files = [path for path in files if shard.holds(written[path])]
    owners = _owners((shelf.route_name(path), path) for path in files)
    routes: dict[str, LoadedRoute] = {}
    mistakes: list[Mistake] = []
    broken: list[tuple[str, str]] = []
    broken_paths: list[Path] = []
    for path in files:
        name = shelf.route_name(path)
        if owners[name] != path:
            mistakes.append(_taken(shelf, path, name, owners[name]))
        found = _load(shelf, path)
        if isinstance(found, LoadedRoute) and written.get(path, name) != name:
            found = [_unseen_name(found)]
        if not isinstance(found, LoadedRoute):
            mistakes.extend(found)
            broken.append((stem(path.name), shelf.read(path).text))
            broken_paths.append(path)
        elif owners[name] == path:
            routes[name] = found
    return RouteFiles(routes, _ordered(mistakes), tuple(broken), tuple(broken_paths), frozenset(written.values()))


def merged(folders: Sequence[RouteFiles]) -> RouteFiles:
    """What several folders hold. Of two routes with one name the first counts."""
    if len(folders) == 1:
        return folders[0]
    return RouteFiles(
        {name: loaded for found in reversed(folders) for name, loaded in found.routes.items()},
        tuple(mistake for found in folders for mistake in found.mistakes),
        tuple(broken for found in folders for broken in found.broken),
        tuple(path for found in folders for path in found.broken_paths),
        frozenset(name for found in folders for name in found.names),
    )


def _unseen_name(loaded: LoadedRoute) -> Mistake:
    """The mistake of a file in whose text the name of its route cannot be seen: another share might hold it as well."""
    return loaded.mistake(
        ("route",),
        f"the routes are divided among loader files by their names: write  route: {loaded.route.route}  as a line of "
        "its own, at its very beginning, or leave it out and call the file so",
    )


class UnknownRouteError(RouteError):
    """No file of the folder holds the route that was asked for."""


def read_route(root: Path, name: str) -> LoadedRoute:
    """One route. Reads no more files than it must: those called so first.

    Raises RouteError with the mistakes of its file, or where no file holds such a route.
    """
    shelf = RouteAssembler(root)
    files = list(route_paths(shelf.root)) if shelf.root.is_dir() else []
    for path in sorted(files, key=lambda path: stem(path.name) != name):  # a stable sort keeps the order of files
        if stem(path.name) != name and name not in shelf.read(path).text:
            continue
        if shelf.route_name(path) == name:
            found = _load(shelf, path)
            if isinstance(found, LoadedRoute):
                return found
            raise RouteError(_ordered(found))
    known = suggestion(name, {shelf.route_name(path) for path in files}, of="Routes here")
    raise UnknownRouteError([Mistake(str(root), 0, 0, "", f"no file holds the route {name!r}; {known}")])


def check_all(root: Path) -> list[Mistake]:
    """The mistakes of all files, those in the files they name included (schemas, lookup tables), and what routes say
    wrongly of each other."""
    found = read_routes(root)
    return list(_ordered([*own_mistakes(found), *mistakes_between(found)]))


def own_mistakes(found: RouteFiles) -> Iterator[Mistake]:
    """The mistakes of each file by itself, and those in the files that it names."""
    yield from found.mistakes
    for loaded in found.routes.values():
        for loc, message in deep_mistakes(loaded.route):
            yield loaded.mistake(loc, message)


def mistakes_between(found: RouteFiles) -> Iterator[Mistake]:
    """What routes say wrongly of each other. ``found`` are all routes of a folder."""
    routes = {name: loaded.route for name, loaded in found.routes.items()}
    for name, loc, message in link_mistakes(routes, found.may_hold):
        yield found.routes[name].mistake(loc, message)
    yield from _clashes(found.routes)
    yield from _alike(found.routes)


def _clashes(routes: dict[str, LoadedRoute]) -> Iterator[Mistake]:
    for sharing in by_path(loaded.route for loaded in routes.values()).values():
        for route, option, text in clashes(sharing):
            yield routes[route.route].mistake(("trigger", "webhook", option), text)


def _alike(routes: dict[str, LoadedRoute]) -> Iterator[Mistake]:
    """Routes whose names differ by case only: their folders in staging are one where a file system ignores case."""
    first: dict[str, str] = {}
    for name in routes:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            where = routes[other].node.file
            text = (
                f"the names {name!r} and {other!r} (in {where}) differ by case only, and some file systems would keep "
                "what both stage in one folder; give one of them another name"
            )
            yield routes[name].mistake(("route",), text)


def _owners(names: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """The one file for each name: the one called so, else the first."""
    owners: dict[str, Path] = {}
    for name, path in names:
        if name not in owners or (stem(path.name) == name and stem(owners[name].name) != name):
            owners[name] = path
    return owners


def _taken(shelf: RouteAssembler, path: Path, name: str, owner: Path) -> Mistake:
    message = f"the route {name!r} is in {shelf.name(owner)} already; give this one a name of its own"
    node = shelf.read(path).node
    said = node.get("route") if node else None
    return said.mistake(message, "route") if said else Mistake(shelf.name(path), 1, 1, "route", message)


def _load(shelf: RouteAssembler, path: Path) -> LoadedRoute | Iterable[Mistake]:
    assembled = shelf.assemble(path)
    if isinstance(assembled, tuple):
        return assembled
    data = {"route": stem(path.name), **assembled.node.plain()}
    folder = Folder(shelf.root, path.parent, shelf.written(assembled))
    try:
        route = Route.load(data, folder=folder)
    except ValidationError as error:
        found = mistakes_of(error, Route, assembled.node, data)
        names = (placed(assembled.node, loc, text) for loc, text in partial_mistakes(data, folder))
        return [*assembled.mistakes, *found, *names]
    if assembled.mistakes:
        return assembled.mistakes
    return LoadedRoute(route, path, shelf.read(path).text, tuple(assembled.files), assembled.node)


def _ordered(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """In the order of the files; a mistake in a shared file once, however many routes use it."""
    return tuple(_once(sorted(set(mistakes))))


def _once(mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
    seen = set()
    for mistake in mistakes:
        place = (mistake.file, mistake.line, mistake.column, mistake.message)
        if place not in seen:
            seen.add(place)
            yield mistake
