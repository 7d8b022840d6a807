"""Names that are looked up one by one when they are first read, such as Airflow Variables under ``var``."""

from __future__ import annotations

from collections.abc import Callable

from airflow_integrations.errors import SetupError

__all__ = ["Namespace"]


class Namespace:
    """``var.x`` in expressions and templates: ``read("x")`` is called once per name and remembered.

    A name for which ``read`` returns None raises SetupError: no entity is to blame for a deployment that lacks it.
    """

    __slots__ = ("_known", "_read", "label")

    def __init__(self, label: str, read: Callable[[str], str | None]) -> None:
        self.label = label
        self._read = read
        self._known: dict[str, str] = {}

    def get(self, name: str) -> str:
        """The value of one name. Raises SetupError where there is none."""
        try:
            return self._known[name]
        except KeyError:
            pass
        value = self._read(name)
        if value is None:
            kind = "Variable" if self.label == "var" else "value"
            raise SetupError(f"{self.label}.{name}: no {kind} {name!r}; create it where Airflow keeps its Variables")
        self._known[name] = value
        return value

    def __repr__(self) -> str:  # values may be secret
        return f"Namespace({self.label!r})"
