"""The documentation of one option, as its docstring says it: the text, an example and the version that added it."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass

__all__ = ["OptionDoc", "option_doc"]

_PART = re.compile(r"^(Example|Since):[ \t]*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OptionDoc:
    """``example`` is YAML: the option as a route writes it, with other options of the same block where it needs them.

    ``since`` is the version that added the option; None for one that the first version had.
    """

    text: str
    example: str | None = None
    since: str | None = None


def option_doc(docstring: str) -> OptionDoc:
    """The parts of a docstring. ``Example:`` and ``Since:`` begin a line and come last::

        Five cron fields or a preset such as ``@daily``, in ``timezone``.

        Example: ``cron: "0 6 * * *"``
        Since: 0.2

    Double backticks around an example of one line keep it one piece; a longer one stands indented below ``Example:``.
    """
    text, *rest = _PART.split(inspect.cleandoc(docstring))
    parts = dict(zip(rest[::2], map(_unquoted, rest[1::2]), strict=True))
    return OptionDoc(text.strip(), parts.get("Example"), parts.get("Since"))


def _unquoted(part: str) -> str:
    part = textwrap.dedent(part.strip("\n")).strip()
    return part[2:-2] if part.startswith("``") and part.endswith("``") else part
