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
    listening = route.trigger.listen if route.trigger is not None else None
    for stage in (*((listening,) if listening is not None else ()), route.incoming, *route.transform, route.outgoing):
        references = [leaf for _, leaf in walk(stage.config) if isinstance(leaf, FileReference)]
        found += [NamedFile(each.path, each.root, each.text) for each in references]
        for each in references:
            if each.path.suffix.lower() == ".xsd":
                found += [NamedFile(path, each.root, None) for path in _schemas_behind(each)]
        if references:
            behind: Iterator[Path] = getattr(stage.component(), "files_behind", _none)(stage.config)
            found += [NamedFile(path, references[0].root, None) for path in behind]
    return found


def _schemas_behind(reference: FileReference) -> list[Path]:
    from airflow_integrations.formats.xsd import files_of  # lxml: most routes have no schema

    try:
        return files_of(reference.path, reference.root)[1:]
    except ValueError:  # whoever reads by it says what is wrong
        return []


def _none(_: object) -> Iterator[Path]:
    return iter(())
