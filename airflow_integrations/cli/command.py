"""Commands as data: the same description makes argparse's parser and Airflow's command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from airflow_integrations.cli.parser import Parser
from airflow_integrations.cli.terminal import flush
from airflow_integrations.errors import IntegrationError, RouteError

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "OK",
    "UNREAD",
    "USAGE",
    "Command",
    "Group",
    "Option",
    "UsageError",
    "awaited",
    "fill",
    "formats",
    "guarded",
    "whole",
]

T = TypeVar("T")

OK, FAILED, USAGE, INTERRUPTED, UNREAD = 0, 1, 2, 130, 141
"""What a command's process exits with: done; mistakes were found or something failed; called wrongly; Ctrl-C; whoever
read the output, such as ``head``, closed it before the end (128 and the number of SIGPIPE, as other programs do)."""


class UsageError(IntegrationError):
    """The command was called with arguments that do not fit each other, or name what does not exist."""


@dataclass(frozen=True, slots=True)
class Option:
    """One argument. ``settings`` are the keywords of argparse's ``add_argument``, and of Airflow's ``Arg``."""

    flags: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


class _Json(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object) -> None:
        namespace.format = "json"


def formats(*names: str) -> tuple[Option, ...]:
    """``--format``, the first of the names where it is left out, and ``--json`` for the one that programs read."""
    told = {"choices": names, "default": names[0], "help": f"how to print it; default: {names[0]}"}
    short = {"action": _Json, "nargs": 0, "dest": "format", "default": names[0], "help": "as --format json"}
    return Option(("--format",), told), Option(("--json",), short)


@dataclass(frozen=True, slots=True)
class Command:
    """One command. Its ``module`` in this package has ``run(args) -> int``; it is imported when called."""

    name: str
    help: str
    module: str
    options: tuple[Option, ...] = ()
    description: str | None = None

    def __call__(self, args: argparse.Namespace) -> int:
        """Run it and return the exit code."""
        code: int = import_module(f"airflow_integrations.cli.{self.module}").run(args)
        return code


def guarded(work: Callable[[], int]) -> int:
    """The exit code of ``work``. A user's mistake, Ctrl-C and a reader that went are told in a line or not at all,
    never by a stack trace."""
    try:
        code = work()
        flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return USAGE
    except RouteError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return FAILED
    except IntegrationError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it ends
        return UNREAD
    return code


def awaited(work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns, on an event loop of its own; Ctrl-C cancels it, and KeyboardInterrupt is raised."""
    import asyncio  # many commands need none

    async def told_once() -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def tell(_: object, context: dict[str, Any]) -> None:
            # Ctrl-C comes between any two steps of Python, also where asyncio has seen that a future is open and is
            # about to set it. It has cancelled that future, and what is told of it then is nothing but that.
            cancelled = task is not None and task.cancelling()
            if not (cancelled and isinstance(context.get("exception"), asyncio.InvalidStateError)):
                loop.default_exception_handler(context)

        loop.set_exception_handler(tell)
        return await work

    return asyncio.run(told_once())


@dataclass(frozen=True, slots=True)
class Group:
    """Commands below one word, such as ``pools create``."""

    name: str
    help: str
    commands: tuple[Command, ...]


class _Below(Parser):
    """The parser of one command, made when it is asked to parse: nobody pays for the options of forty others."""

    def __init__(self, *, command: Command | Group, **settings: Any) -> None:
        self._command = command
        self._settings: dict[str, Any] | None = settings

    def made(self) -> Parser:
        """Itself, with its options."""
        settings, self._settings = self._settings, None
        if settings is not None:
            super().__init__(**settings)
            if isinstance(self._command, Group):
                fill(self, self._command.commands, dest=f"{self._command.name}_command")
            else:
                for option in self._command.options:
                    self.add_argument(*option.flags, **option.settings)
                self.set_defaults(chosen=self._command, parser=self)
        return self

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.made()
        return super().parse_known_args(args, namespace)


def fill(parser: Parser, commands: Iterable[Command | Group], *, dest: str = "command") -> None:
    """Give ``parser`` the commands; after parsing ``args`` has the ``chosen`` :class:`Command` and its ``parser``."""
    below = parser.add_subparsers(dest=dest, metavar="COMMAND", required=True, parser_class=_Below)
    for command in commands:
        told = getattr(command, "description", None) or command.help
        below.add_parser(command.name, help=command.help, description=told, command=command)


def whole(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All options and arguments of a parser and of the commands below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from whole(below.made())
        else:
            yield action
