"""The files that a route works by beside its own: lookup tables, schemas, and the schemas that those name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.model import walk
from airflow_integrations.route.definition import Route

__all__ = ["NamedFile", "named_files"]


@dataclass(frozen=True, slots=True)
class NamedFile:
    """One file. ``text`` is how the route names it; None: another file names it."""

    path: Path
    root: Path
    """The folder that references between files do not leave."""
    text: str | None


def named_files(route: Route) -> list[NamedFile]:
    """In the route's order; a file that a kind's ``files_behind`` adds stands behind those of its stage."""
    found = []
    for stage in (route.incoming, *route.transform, route.outgoing):
        references = [leaf for _, leaf in walk(stage.config) if isinstance(leaf, FileReference)]
        found += [NamedFile(each.path, each.root, each.text) for each in references]
        if references:
            behind: Iterator[Path] = getattr(stage.component(), "files_behind", _none)(stage.config)
            found += [NamedFile(path, references[0].root, None) for path in behind]
    return found


def _none(_: object) -> Iterator[Path]:
    return iter(())
