"""The catalogue of functions: what each is called, takes, gives and costs. Templates have the same ones as filters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

__all__ = ["CATALOGUE", "Builds", "Function", "Reads", "Returns", "function"]

Returns = Literal["number", "truth", "text", "moment", "any"]
"""``number``: Decimal or int, never text. ``moment``: a date or a moment. ``any``: what went in, or parts."""
Reads = Literal["little", "all", "deep"]
"""How much of a long argument a function goes through: ``all`` of a text or list, ``deep``: what is in it, too."""
Builds = Literal["nothing", "whole", "pieces"]
"""What a function makes: ``nothing`` (it gives a part of what went in, or something short), one long thing, or many."""

Body = TypeVar("Body", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Function:
    """One function. ``call`` is what runs, ``signature`` what a call is checked against."""

    name: str
    group: str
    call: Callable[..., Any]
    """Takes the meter of the evaluation first where ``metered`` says so."""
    signature: inspect.Signature
    doc: str
    returns: Returns
    checked: Callable[[dict[str, Any], Any], None] | None
    """Called with a call's constant arguments by name when it is read; raises ValueError."""
    reads: Reads
    builds: Builds
    metered: bool
    """Whether it charges what it costs itself."""
    takes_missing: bool
    """Whether its first argument may be missing in a template."""
    is_plain: bool
    """Whether it gives letters, digits and the marks of numbers and times only, so that a template may write it into
    any language."""

    def usage(self) -> str:
        """``decimal(value, places=None)``, for documentation and error messages."""
        return f"{self.name}({', '.join(_shown(*self.signature.parameters.values()))})"

    def filter_usage(self) -> str:
        """``decimal(places=None)``: what stands behind ``|``."""
        rest = _shown(*list(self.signature.parameters.values())[1:])
        return f"{self.name}({', '.join(rest)})" if rest else self.name

    def check(self, args: Sequence[Any], keywords: Mapping[str, Any], constant: Callable[[Any], Any]) -> None:
        """Raises TypeError where a call does not fit the signature, ValueError where a constant argument is wrong.

        The arguments are as they were written. ``constant`` gives the value of one that is written out; LookupError.
        """
        bound = self.signature.bind(*args, **keywords)
        if self.checked is None:
            return
        known: dict[str, Any] = {}
        for name, written in bound.arguments.items():
            try:
                known[name] = constant(written)
            except LookupError:
                continue
        self.checked(known, bound.arguments.keys())


def _shown(*parameters: inspect.Parameter) -> list[str]:
    parts = []
    for parameter in parameters:
        text = parameter.name
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            text = f"{text}, …"
        elif parameter.default is not inspect.Parameter.empty:
            text = f"{text}={parameter.default!r}"
        parts.append(text)
    return parts


CATALOGUE: dict[str, Function] = {}
"""Name to function, in the order of documentation."""


def function(
    group: str,
    *,
    name: str | None = None,
    also: str | None = None,
    returns: Returns = "any",
    runs: Callable[..., Any] | None = None,
    checked: Callable[..., None] | None = None,
    reads: Reads = "all",
    builds: Builds | None = None,
    metered: bool = False,
    takes_missing: bool = False,
    is_plain: bool | None = None,
) -> Callable[[Body], Body]:
    """Enters a function into the catalogue; its docstring is its documentation.

    ``runs`` is run instead of the decorated body, where a builtin does exactly what the body's signature allows.
    ``also`` is another name for it. ``metered`` functions take the meter as their first parameter.
    """

    def enter(body: Body) -> Body:
        called = name or body.__name__.rstrip("_")
        signature = inspect.signature(body)
        if metered:
            signature = signature.replace(parameters=list(signature.parameters.values())[1:])
        made: Builds = builds or ("whole" if returns in ("text", "any") else "nothing")
        plain = returns in ("number", "truth", "moment") if is_plain is None else is_plain
        doc = inspect.cleandoc(body.__doc__ or "")
        for each in (called, also):
            if each:
                text = doc if each == called else f"The same as `{called}`."
                CATALOGUE[each] = Function(
                    each, group, runs or body, signature, text, returns, checked, reads, made, metered, takes_missing,
                    plain,
                )  # fmt: skip
        return body

    return enter
