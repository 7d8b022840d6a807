"""``new``: a route and its test to start from; both work as they are written."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_integrations.cli.command import FAILED, OK, UsageError
from airflow_integrations.cli.discover.place import is_place
from airflow_integrations.cli.new.scaffold import SCHEMA_FILE, route_text, test_text
from airflow_integrations.cli.route_options import routes_folder
from airflow_integrations.cli.terminal import out
from airflow_integrations.display.printable import visible
from airflow_integrations.errors import Mistake, RouteError
from airflow_integrations.route_files.discovery import route_paths, stem
from airflow_integrations.schema.shipped import outdated_schema, present_schema_text

if TYPE_CHECKING:
    from airflow_integrations.cli.new.from_presets import PresetRoute

__all__ = ["run"]

_OWN = "put in your own Connections, paths and fields"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_ENTITY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def run(args: argparse.Namespace) -> int:
    name, entity = args.name, args.entity
    if not _NAME.fullmatch(name) or stem(f"{name}.yaml") != name or name.endswith(".test"):
        raise UsageError(
            f"{name!r} is not a name for a route; use letters, digits, _, . and -, such as shop_orders_to_erp"
        )
    if entity is not None and not _ENTITY.fullmatch(entity):
        raise UsageError(f"{entity!r} is not a name for an entity; use letters, digits and _, such as order")
    root = routes_folder(args, create=True)
    if is_place(args.target) and not is_place(args.source):
        raise UsageError(f"--to {args.target} needs a place in --from as well, such as --from warehouse:sales.orders")
    between = _between_presets(args)
    names = [route.name for route in between] or [name]
    files = [root / f"{each}{ending}" for each in names for ending in (".yaml", ".test.yaml")]
    if is_place(args.source):
        files.append(root / "schemas" / f"{name}.json")
    _refuse_taken(root, names, files)
    texts, notes = _texts(name, entity, args.source, args.target, between)
    for path, text in zip(files, texts, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        out(f"wrote {path}")
    for note in notes:
        out(visible(note))
    present, beside = present_schema_text(), root / SCHEMA_FILE
    if not beside.exists():
        beside.write_text(present, encoding="utf-8")
        out(f"wrote {beside}: editors complete and check routes by it; commit it beside them")
    elif outdated_schema(root):
        beside.write_text(present, encoding="utf-8")
        out(f"renewed {beside}, which was that of another version; commit it beside the routes")
    mine = "look through the remarks in the route" if is_place(args.source) else _OWN
    return _told(root, names, mine)


def _between_presets(args: argparse.Namespace) -> list[PresetRoute]:
    if is_place(args.source) or args.source == "http":
        if args.alone:
            raise UsageError("--alone is for routes between presets, such as --from shopify --to sap_s4hana")
        return []
    from airflow_integrations.cli.new.from_presets import preset_routes

    return preset_routes(args.name, args.source, args.target, args.entity or "order", alone=args.alone)


def _refuse_taken(root: Path, names: Sequence[str], files: Sequence[Path]) -> None:
    taken = [path for path in files if path.exists()]
    if root.is_dir():
        # names that differ by case only would stage into one folder on some file systems
        lower = {name.lower() for name in names}
        taken += [path for path in route_paths(root.resolve()) if stem(path.name).lower() in lower]
    if not taken:
        return
    told = f"{taken[0]} is there already; nothing was written"
    if taken[0].name.removesuffix(".test.yaml").removesuffix(".yaml") not in names[-1:]:
        told += f" (--alone writes {names[-1]} without it)"
    raise UsageError(told)


def _texts(
    name: str, entity: str | None, source: str, target: str, between: Sequence[PresetRoute]
) -> tuple[Sequence[str], tuple[str, ...]]:
    """The texts of the files, and what is to be told."""
    if between:
        return [text for route in between for text in route.texts()], ()
    if is_place(source):
        from airflow_integrations.cli.new.discovered.route import discovered_texts

        made = discovered_texts(name, source, target, entity)
        return (made.route, made.test, made.schema), made.notes
    if target not in ("http", "none"):
        raise UsageError(f"--to {target} needs a preset in --from as well, such as --from shopify")
    return (route_text(name, entity or "order", target), test_text(name, entity or "order", target)), ()


def _mistakes(root: Path, name: str) -> Iterator[Mistake]:
    """Of the route's two files alone: the others of a folder may be many."""
    from airflow_integrations.route.check import deep_mistakes
    from airflow_integrations.route_files.load import read_route
    from airflow_integrations.testing.case_file import load_tests

    try:
        loaded = read_route(root, name)
    except RouteError as error:
        yield from error.mistakes
        return
    for loc, text in deep_mistakes(loaded.route):
        yield loaded.mistake(loc, text)
    try:
        load_tests(root / f"{name}.test.yaml", root)
    except RouteError as error:
        yield from error.mistakes


def _told(root: Path, names: Sequence[str], first: str) -> int:
    mine = [mistake for name in names for mistake in _mistakes(root, name)]
    for mistake in mine:  # such as an entity's name that means something else already
        out(str(mistake))
    out(f"Next: {first}, then")
    out(f"  airflow-integrations validate\n  airflow-integrations test {' '.join(names)}")
    for name in names:
        out(f"  airflow-integrations preview {name}")
    for parents in names[:-1]:
        out(
            f"{names[-1]} waits for what {parents} delivers; what has not changed lately is fetched once by\n"
            f"  airflow-integrations run {parents} --window-start 2000-01-01"
        )
    return FAILED if mine else OK
