"""The catalogue of functions that expressions may call: what each is called, takes and returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

__all__ = ["CATALOGUE", "Function", "Returns", "function"]

Returns = Literal["number", "truth", "text", "moment", "any"]
"""``number``: Decimal or int, never text. ``moment``: a date or a moment. ``any``: what went in, or parts."""

Body = TypeVar("Body", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Function:
    """One function. ``call`` is what compiled expressions run, ``signature`` what a call is checked against."""

    name: str
    group: str
    call: Callable[..., Any]
    signature: inspect.Signature
    doc: str
    returns: Returns
    checked: Callable[..., None] | None
    """Called with a call's constant arguments by name when an expression is made; raises ValueError."""

    def usage(self) -> str:
        """``decimal(value, places=None)``, for documentation and error messages."""
        parts = []
        for parameter in self.signature.parameters.values():
            text = parameter.name
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                text = f"{text}, …"
            elif parameter.default is not inspect.Parameter.empty:
                text = f"{text}={parameter.default!r}"
            parts.append(text)
        return f"{self.name}({', '.join(parts)})"


CATALOGUE: dict[str, Function] = {}
"""Name to function, in the order of documentation."""


def function(
    group: str,
    *,
    name: str | None = None,
    returns: Returns = "any",
    runs: Callable[..., Any] | None = None,
    checked: Callable[..., None] | None = None,
) -> Callable[[Body], Body]:
    """Enters a function into the catalogue; its docstring is its documentation.

    ``runs`` is run instead of the decorated body, where a builtin does exactly what the body's signature allows.
    """

    def enter(body: Body) -> Body:
        called = name or body.__name__.rstrip("_")
        signature = inspect.signature(body)
        CATALOGUE[called] = Function(
            called, group, runs or body, signature, inspect.cleandoc(body.__doc__ or ""), returns, checked
        )
        return body

    return enter
