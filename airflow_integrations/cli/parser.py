"""Argparse's parser with errors that help: what was probably meant, and which commands there are."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["Parser"]

_WRONG_USAGE = 2


class Parser(argparse.ArgumentParser):
    """Argparse's parser. Its errors say what was probably meant, and list the commands where none is given."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message; exit with 2."""
        if message.endswith("required: COMMAND"):
            self.exit(_WRONG_USAGE, f"{self.format_help()}\nerror: which COMMAND?\n")
        super().error(message + _meant(message))

    def refuse(self, rest: Sequence[str]) -> NoReturn:
        """Exit for arguments that no option of this command takes."""
        known = [flag for action in self._actions for flag in action.option_strings]
        guesses = [_guess(word.partition("=")[0], known) for word in rest if word.startswith("-")]
        needless = "" if rest[0].startswith("-") else f"; {self.prog} --help tells what it takes"
        self.error(f"unrecognized arguments: {' '.join(rest)}{next(filter(None, guesses), needless)}")


def _meant(message: str) -> str:
    """``; did you mean list?`` for a word that is none of the choices."""
    found = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)$", message)
    return _guess(found[1], [word.strip(" '") for word in found[2].split(",")]) if found else ""


def _guess(word: str, known: Sequence[str]) -> str:
    import difflib  # only for errors: a command starts fast

    close = difflib.get_close_matches(word, known, n=1) or [name for name in known if name.startswith(word)]
    return f"; did you mean {close[0]}?" if close else ""
