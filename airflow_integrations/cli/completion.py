"""``completion``: what a shell needs to complete commands, options and the names of routes."""

from __future__ import annotations

import argparse
from typing import Any

from airflow_integrations.cli.command import OK, whole
from airflow_integrations.cli.terminal import out
from airflow_integrations.errors import IntegrationError

__all__ = ["complete", "run"]


def run(args: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    out(shellcode(["airflow-integrations"], shell=args.shell).rstrip("\n"))
    return OK


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks what may follow, and end. Reads names of files, no route."""
    from argcomplete import autocomplete
    from argcomplete.completers import DirectoriesCompleter, SuppressCompleter

    action: Any
    for action in whole(parser):
        if action.dest in ("route", "routes") and action.metavar != "DIR":
            action.completer = _route_names
        elif action.metavar == "DIR":
            action.completer = DirectoriesCompleter()
        elif action.metavar != "FILE" and not action.choices:
            action.completer = SuppressCompleter()
    autocomplete(parser)


def _route_names(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    from airflow_integrations.cli.route_options import routes_folder
    from airflow_integrations.route_files.discovery import route_paths, stem

    try:
        folder = routes_folder(argparse.Namespace(routes=getattr(parsed_args, "routes", None)), fetched=False)
        return sorted({stem(path.name) for path in route_paths(folder.resolve())})
    except (IntegrationError, OSError):
        return []
