"""``init``: the loader files in Airflow's dags folder, one or several that share the routes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.terminal import out
from airflow_integrations.route_files.shards import MOST_SHARDS

__all__ = ["CHECK", "LOADER", "loader_files", "run"]

LOADER = '''\
"""Airflow DAGs from the route files in the folder ``routes`` beside this file (or ``[integrations] routes``).

A route file with a mistake is left out here and reported by ``integration_routes_check.py``.
"""

from airflow_integrations.airflow.dag.loader import load_routes

globals().update(load_routes(__file__))
'''
CHECK = '''\
"""Shows the mistakes of all route files as one import error in Airflow. Defines no DAG, so that nothing else breaks."""

from airflow_integrations.airflow.dag.loader import check_routes

check_routes(__file__)
'''
_BETWEEN = CHECK.replace("(__file__)", "(__file__, between=True)")
_NAMES = re.compile(r"integration_routes(_check)?(_\d+_of_\d+)?\.py")
_SHARE = re.compile(r"\(__file__, (?:shard=\(\d+, \d+\)|between=True)\)")


def loader_files(shards: int) -> dict[str, str]:
    """The files, name to text: that many which share the routes, and the one that checks all of them."""
    if shards == 1:
        return {"integration_routes.py": LOADER, "integration_routes_check.py": CHECK}
    made = {"integration_routes_check.py": _BETWEEN}
    for number in range(1, shards + 1):
        share = f"{number}_of_{shards}"
        made[f"integration_routes_{share}.py"] = _with(LOADER, number, shards)
        made[f"integration_routes_check_{share}.py"] = _with(CHECK, number, shards)
    return made


def _with(text: str, number: int, of: int) -> str:
    return text.replace("(__file__)", f"(__file__, shard=({number}, {of}))")


def run(args: argparse.Namespace) -> int:
    """Write them. Removes loader files of another number, which would define each route a second time. What somebody
    has changed is neither overwritten nor removed: then nothing is done."""
    if not 1 <= args.shards <= MOST_SHARDS:
        raise UsageError(f"--shards is a number from 1 to {MOST_SHARDS}, not {args.shards}")
    folder, wanted = Path(args.dags), loader_files(args.shards)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; --dags names Airflow's dags folder")
    there = sorted(path for path in folder.glob("integration_routes*.py") if _NAMES.fullmatch(path.name))
    changed = [path for path in there if not _is_ours(path)]
    if changed:
        raise UsageError(
            f"{changed[0]} is not as this command writes it, and was left as it is; nothing was done. Move it away "
            "first: a route in two loader files has two DAGs of one name"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "routes").mkdir(exist_ok=True)
    for path in there:
        if path.name not in wanted:
            path.unlink()
            out(f"removed {path}")
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            out(f"wrote {path}")
    out(f"Route files belong into {folder / 'routes'}, or where [integrations] routes says.")
    return OK


def _is_ours(path: Path) -> bool:
    """Whether the file is one that this command writes, whatever the number."""
    return _SHARE.sub("(__file__)", path.read_text(encoding="utf-8", errors="replace")) in (LOADER, CHECK)
