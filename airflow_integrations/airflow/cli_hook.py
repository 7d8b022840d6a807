"""``airflow integrations …``: the whole of it goes, as written, to ``airflow-integrations``."""

from __future__ import annotations

import argparse
import sys

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand

__all__ = ["get_commands"]


class _Everything(Arg):
    """All that follows, options and ``--help`` included.

    argparse keeps options for itself, in spite of ``REMAINDER``, unless no character begins an option.
    """

    def __init__(self) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            ("arguments",), nargs=argparse.REMAINDER, help="as for airflow-integrations"
        )

    def add_to_parser(self, parser: argparse.ArgumentParser) -> None:
        super().add_to_parser(parser)
        parser.prefix_chars = "\0"


def _run(arguments: argparse.Namespace) -> None:
    from airflow_integrations.cli import main

    sys.exit(main(arguments.arguments))


def get_commands() -> list[CLICommand]:
    """Called whenever an ``airflow`` command starts: nothing of our own is imported until ours is run."""
    return [
        ActionCommand(
            name="integrations",
            help="Routes between systems: new, validate, preview, test, run, …",
            func=_run,
            args=(_Everything(),),
        )
    ]
