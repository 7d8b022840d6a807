"""``validate``: all mistakes of all files at once, with their lines."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from airflow_integrations.cli.command import FAILED, OK, UsageError
from airflow_integrations.cli.route_options import routes_folder
from airflow_integrations.cli.terminal import annotation, out
from airflow_integrations.errors import Mistake, RouteError
from airflow_integrations.formats.json import encode
from airflow_integrations.plurals import counted
from airflow_integrations.route.by_key import spread_note
from airflow_integrations.route_files.discovery import route_paths
from airflow_integrations.route_files.load import check_all, read_routes
from airflow_integrations.schema.shipped import outdated_schema
from airflow_integrations.testing.case_file import load_tests, test_paths

__all__ = ["all_mistakes", "run"]


def run(args: argparse.Namespace) -> int:
    files = [Path(file) for file in args.files]
    if missing := [file for file in files if not file.is_file()]:
        if missing[0].is_dir():
            raise UsageError(f"{missing[0]} is a folder; to check all routes in it: --routes {missing[0]}")
        raise UsageError(f"no such file: {missing[0]}")
    root = _root(args, files)
    mistakes = all_mistakes(root)
    if args.online:
        from airflow_integrations.cli.validate_online import online_mistakes

        mistakes = sorted({*mistakes, *online_mistakes(root)})
    if files:
        asked = {_name(file, root) for file in files}
        routes = {_name(path, root) for path in route_paths(root.resolve())}
        mistakes = [mistake for mistake in mistakes if mistake.file in asked or mistake.file not in routes]
    count = len(files) or sum(1 for _ in route_paths(root.resolve()))
    if args.format == "json":
        out(encode({"files": count, "mistakes": [_plain(mistake) for mistake in mistakes]}).decode())
    else:
        for mistake in mistakes:
            out(_annotated(mistake, root) if args.format == "github" else str(mistake))
        out(_summary(count, mistakes, root))
    for note in _notes(root) if not mistakes else ():
        print(f"note: {note}", file=sys.stderr)  # noqa: T201
    if outdated := outdated_schema(root):
        print(f"note: {outdated}", file=sys.stderr)  # noqa: T201
    return FAILED if mistakes else OK


def _notes(root: Path) -> Iterator[str]:
    """Hints about routes that are valid. Routes are read once more only where a file mentions what a hint is about."""
    files = [path for path in root.rglob("*") if path.suffix in (".yaml", ".yml", ".json") and path.is_file()]
    if any(b"spread" in path.read_bytes() for path in files):
        for name, loaded in read_routes(root).routes.items():
            if note := spread_note(loaded.route):
                yield f"{name}: {note}"


def all_mistakes(root: Path) -> list[Mistake]:
    """The mistakes of every route, of the files that routes name, and of route tests."""
    mistakes = set(check_all(root))
    for path in test_paths(root):
        try:
            load_tests(path, root)
        except RouteError as error:
            mistakes.update(error.mistakes)
    return sorted(mistakes)


def _root(args: argparse.Namespace, files: list[Path]) -> Path:
    try:
        root = routes_folder(args)
    except UsageError:
        if args.routes or not files:
            raise
        return files[0].parent
    outside = [file for file in files if not file.resolve().is_relative_to(root.resolve())]
    if not outside:
        return root
    if args.routes or len(outside) < len(files):
        raise UsageError(f"{outside[0]} is not in the routes folder {root}")
    return outside[0].parent


def _name(path: Path, root: Path) -> str:
    return (
        str(path.resolve().relative_to(root.resolve().parent))
        if path.resolve().is_relative_to(root.resolve().parent)
        else str(path)
    )


def _summary(files: int, mistakes: Iterable[Mistake], root: Path) -> str:
    found = list(mistakes)
    where = f"{counted(files, 'file')} in {root}"
    if not found:
        return f"{where}: no mistakes"
    broken = len({mistake.file for mistake in found})
    return f"{where}: {counted(len(found), 'mistake')} in {counted(broken, 'file')}"


def _plain(mistake: Mistake) -> dict[str, object]:
    return {
        "file": mistake.file,
        "line": mistake.line,
        "column": mistake.column,
        "path": mistake.path,
        "message": mistake.message,
    }


def _annotated(mistake: Mistake, root: Path) -> str:
    """With the file's path from where the command was started, which is how GitHub finds it."""
    file = os.path.relpath(root.resolve().parent / mistake.file)
    message = f"{mistake.path}: {mistake.message}" if mistake.path else mistake.message
    return annotation("error", message, file=file, line=mistake.line, column=mistake.column, title="Route")
