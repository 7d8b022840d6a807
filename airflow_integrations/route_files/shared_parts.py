"""Reuse: ``use: _shared/clean.yaml`` in a route file, and the ``_defaults.yaml`` of its folders.

A reference is relative to the file that makes it and stays below the routes folder. In ``transform`` a step
``- use:`` stands for the steps of a list; in the other parts ``use:`` stands for a mapping, and what is written
beside it wins: mappings merge deeply, lists and scalars replace, ``null`` too. ``use: preset:shopify/order`` names a
part that comes with the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from os.path import realpath
from pathlib import Path

from airflow_integrations.errors import Mistake
from airflow_integrations.route_files.discovery import DEFAULTS, is_route, stem
from airflow_integrations.route_files.nodes import MAX_NODES, Node
from airflow_integrations.route_files.parser import MAX_BYTES, parse
from airflow_integrations.route_files.presets import PREFIX, PresetError, preset_part

__all__ = ["NOT_IN_DEFAULTS", "SHARED_PARTS", "Assembled", "RouteAssembler"]

SHARED_PARTS = ("incoming", "outgoing", "entity", "schedule", "delivery", "tasks")
"""Where ``use:`` names a mapping to start from."""

MAX_USES = 1000
"""Files that one route's steps are made of: files that use files twice each would grow without bound."""

NOT_IN_DEFAULTS = frozenset({"route", "description", "entity", "incoming", "transform", "outgoing"})
"""What a route is about stands in its own file."""


@dataclass(frozen=True, slots=True)
class Read:
    """One file as it was read: its text, and what it says, where that could be understood."""

    path: Path
    text: str
    node: Node | None
    mistakes: tuple[Mistake, ...]


@dataclass(slots=True)
class Assembled:
    """A route file with all it refers to in place. ``files`` begins with the route's own."""

    node: Node
    files: list[Path]
    mistakes: list[Mistake] = field(default_factory=list)
    uses: int = 0
    size: int = 0

    def use_of(self, read: Read) -> Node | None:
        if read.path not in self.files:
            self.files.append(read.path)
            self.mistakes.extend(read.mistakes)
        return read.node


class _TooLarge(Exception):
    """Files that use files, more than once each, all the way down."""

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake


class RouteAssembler:
    """The files below one routes folder. Each is read once, however many routes use it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._read: dict[Path, Read] = {}

    def name(self, path: Path) -> str:
        """What mistakes call a file: its path from the folder that holds the routes folder."""
        return str(path.relative_to(self.root.parent)) if path.is_relative_to(self.root.parent) else str(path)

    def path(self, name: str) -> Path:
        """The file that mistakes call ``name``."""
        return self.root.parent / name

    def route_name(self, path: Path) -> str:
        """What a file's route is called: what it says, else the file's name."""
        node = self.read(path).node
        said = node.get("route") if node else None
        return said.value if said and isinstance(said.value, str) else stem(path.name)

    def read(self, path: Path) -> Read:
        if path not in self._read:
            self._read[path] = self._fresh(path)
        return self._read[path]

    def _fresh(self, path: Path) -> Read:
        name = self.name(path)
        try:
            if not Path(realpath(path)).is_relative_to(self.root):
                raise OSError(f"it is a link that leaves {self.root.name}/")
            with path.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
        except OSError as error:
            why = error.strerror or str(error)
            return Read(path, "", None, (Mistake(name, 1, 1, "", f"the file cannot be read: {why}"),))
        node, mistakes = parse(content, name)
        return Read(path, content.decode("utf-8-sig", "replace"), node, tuple(mistakes))

    def assemble(self, path: Path) -> Assembled | tuple[Mistake, ...]:
        """A route file and all it refers to, or the mistakes where its own text cannot be understood."""
        own = self.read(path)
        if own.node is None:
            return own.mistakes
        if not isinstance(own.node.value, dict):
            return (*own.mistakes, own.node.mistake("a route file holds a mapping, such as entity: …, incoming: …"))
        route = Assembled(own.node, [path], list(own.mistakes))
        parts = self._with_shared_parts(route, own.node, path)
        transform = parts.get("transform")
        if transform is not None and isinstance(transform.value, list):
            try:
                steps = self._steps(route, transform, path, (path,))
            except _TooLarge as found:
                return (*route.mistakes, found.mistake)
            parts = parts.with_value({**parts.value, "transform": transform.with_value(steps)})
        route.node = self._over_defaults(route, parts, path)
        return route

    def _with_shared_parts(self, route: Assembled, node: Node, path: Path) -> Node:
        found = {
            key: self._mapping(route, inner, path, key, (path,)) if key in SHARED_PARTS else inner
            for key, inner in node.value.items()
        }
        return node.with_value(found)

    def _over_defaults(self, route: Assembled, node: Node, path: Path) -> Node:
        """The route's own words over those of its folder's defaults, over those of the folders above."""
        folder = path.parent
        while folder.is_relative_to(self.root):
            file = folder / DEFAULTS
            if file.is_file() and (defaults := route.use_of(self.read(file))) is not None:
                if not isinstance(defaults.value, dict):
                    route.mistakes.append(defaults.mistake("defaults are a mapping, such as owner: …"))
                else:
                    node = merged(self._allowed_defaults(route, defaults, file), node)
            folder = folder.parent
        return node

    def _allowed_defaults(self, route: Assembled, defaults: Node, file: Path) -> Node:
        allowed = {}
        for key, inner in defaults.value.items():
            if key in NOT_IN_DEFAULTS:
                remedy = "" if key in ("route", "description") else "; share parts of it with use:"
                message = f"{key!r} is not a default: it stands in the route's own file{remedy}"
                route.mistakes.append(inner.mistake(message, key, at_key=True))
            else:
                allowed[key] = inner
        return self._with_shared_parts(route, defaults.with_value(allowed), file)

    def _mapping(self, route: Assembled, node: Node, path: Path, place: str, above: tuple[Path, ...]) -> Node:
        use = node.get("use")
        if use is None:
            return node
        beside = node.with_value({key: inner for key, inner in node.value.items() if key != "use"})
        if isinstance(use.value, str) and use.value.startswith(PREFIX):
            return self._preset(route, use, place, beside)
        target = self._target(route, use, path, f"{place}.use", above)
        shared = route.use_of(self.read(target)) if target else None
        if target is None or shared is None:
            return self._unusable(route, use, target, f"{place}.use", beside)
        if not isinstance(shared.value, dict):
            route.mistakes.append(use.mistake(f"{self.name(target)} holds no mapping to use here", f"{place}.use"))
            return beside
        return merged(self._mapping(route, shared, target, place, (*above, target)), beside)

    def _preset(self, route: Assembled, use: Node, place: str, beside: Node) -> Node:
        try:
            parts = preset_part(use.value, place)
        except PresetError as error:
            route.mistakes.append(use.mistake(str(error), f"{place}.use"))
            return beside
        return merged(reduce(merged, parts), beside)

    def _steps(self, route: Assembled, node: Node, path: Path, above: tuple[Path, ...]) -> list[Node]:
        found: list[Node] = []
        for index, step in enumerate(node.value):
            use = step.get("use")
            if use is None:
                found.append(step)
                continue
            place = f"transform.{index}.use"
            for key in step.value.keys() - {"use"}:
                message = f"{key!r} cannot stand beside use: the steps of the file are taken as they are"
                route.mistakes.append(step.value[key].mistake(message, f"transform.{index}", at_key=True))
            target = self._target(route, use, path, place, above)
            shared = route.use_of(self.read(target)) if target else None
            if target is None or shared is None:
                self._unusable(route, use, target, place, step)
            elif not isinstance(shared.value, list):
                route.mistakes.append(use.mistake(f"{self.name(target)} holds no list of steps to use here", place))
            else:
                found.extend(self._steps(route, shared, target, (*above, target)))
            route.uses += 1
            route.size += sum(inner.size for inner in shared.value) if shared and isinstance(shared.value, list) else 0
            if route.uses > MAX_USES or route.size > MAX_NODES:
                limits = f"more than {MAX_USES} files or {MAX_NODES} values, with all references written out"
                raise _TooLarge(use.mistake(limits, place))
        return found

    def _unusable(self, route: Assembled, use: Node, target: Path | None, place: str, beside: Node) -> Node:
        if target is not None:
            route.mistakes.append(use.mistake(f"{self.name(target)} has mistakes of its own", place))
        return beside

    def _target(self, route: Assembled, use: Node, path: Path, place: str, above: tuple[Path, ...]) -> Path | None:
        """The file that ``use`` names, or None and a mistake."""
        reference = use.value
        if not isinstance(reference, str) or not reference or "\0" in reference:
            message = "use names one file, such as _shared/clean.yaml"
        else:
            target = Path(realpath(path.parent / reference))
            if Path(reference).is_absolute() or not target.is_relative_to(self.root):
                message = f"{reference!r} leaves the routes folder; put the file under {self.root.name}/"
            elif not _is_file(target):
                message = f"no file {reference!r} in {self.name(path.parent)}/"
            elif target in above:
                chain = " → ".join(self.name(file) for file in (*above[above.index(target) :], target))
                message = f"the files use each other in a circle: {chain}"
            elif is_route(target.name) and not self._is_apart(target):
                message = f"{reference!r} would be read as a route itself; begin its name or its folder's with _"
            else:
                return target
        route.mistakes.append(use.mistake(message, place))
        return None

    def _is_apart(self, target: Path) -> bool:
        return any(part.startswith(("_", ".")) for part in target.relative_to(self.root).parts)

    def written(self, route: Assembled) -> Mapping[str, frozenset[Path]]:
        """In which folders each text of the route was written, where shared files of other folders take part."""
        if all(file.parent == route.files[0].parent for file in route.files):
            return {}
        found: dict[str, set[Path]] = {}
        waiting = [route.node]
        while waiting:
            node = waiting.pop()
            if isinstance(node.value, dict):
                waiting.extend(node.value.values())
            elif isinstance(node.value, list):
                waiting.extend(node.value)
            elif isinstance(node.value, str):
                found.setdefault(node.value, set()).add(self.path(node.file).parent)
        return {text: frozenset(folders) for text, folders in found.items()}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL
        return False


def merged(base: Node, over: Node) -> Node:
    """``over`` where it says something, else ``base``. Of ``cron`` and ``every`` only the one that wins stays."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    found = dict(base.value)
    for mine, other in (("cron", "every"), ("every", "cron")):
        if mine in over.value and other not in over.value:
            found.pop(other, None)
    for key, inner in over.value.items():
        found[key] = merged(found[key], inner) if key in found else inner
    return over.with_value(found)
