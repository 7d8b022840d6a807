"""The command line: ``airflow-integrations …``, and the same commands as ``airflow integrations …``.

One description of the commands (:data:`COMMANDS`) makes both. This module imports neither Airflow nor anything heavy.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence

from airflow_integrations.cli.command import Command, Group, Option, fill, guarded
from airflow_integrations.cli.command_list import COMMANDS
from airflow_integrations.cli.parser import Parser

__all__ = ["COMMANDS", "Command", "Group", "Option", "build_parser", "main"]

ALLOCATIONS = 50_000
"""Container objects between two collections: those that Python's 700 would bring find nothing in modules and models,
which stay, and take a tenth of what a short command does."""


class _Version(argparse.Action):
    """``--version``: the versions are looked up only when they are asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from airflow_integrations.cli.version import run

        parser.exit(run(argparse.Namespace()))


def build_parser() -> Parser:
    """The parser of ``airflow-integrations``. After parsing, ``args.chosen(args)`` runs the command."""
    parser = Parser(
        prog="airflow-integrations",
        description="Routes between business systems on Apache Airflow.",
        epilog="Exit codes: 0 done, 1 mistakes or failures, 2 wrong usage, 130 interrupted, 141 output not read.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the versions and exit")
    fill(parser, COMMANDS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if argv is None:  # the process is this command's own
        gc.set_threshold(ALLOCATIONS, 50, 100)
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # else all packages' metadata is read

    def work() -> int:
        parser = build_parser()
        if "_ARGCOMPLETE" in os.environ:
            from airflow_integrations.cli.completion import complete

            complete(parser)
        given = sys.argv[1:] if argv is None else [*argv]
        args, rest = parser.parse_known_args([*given[1:], "--help"] if given[:1] == ["help"] else given)
        if rest:
            args.parser.refuse(rest)
        code: int = args.chosen(args)
        return code

    code = guarded(work)
    if argv is None:
        gc.freeze()  # else Python goes through all objects when it ends: a quarter of a short command's time
    return code
