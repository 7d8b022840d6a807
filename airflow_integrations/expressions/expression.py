"""A Python expression in a route: checked when it is made, compiled when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions.language.dependencies import Path, Reads, reads
from airflow_integrations.expressions.language.grammar import Parsed, parse
from airflow_integrations.expressions.scopes import Sees, field_holder

__all__ = ["Compiled", "Expression", "written"]

Compiled = Callable[[Mapping[str, Any]], Any]
"""Takes what is visible, by name; raises EntityError, or SetupError where ``var`` lacks a name."""


class Expression:
    """One expression and the scope it sees. Equal where text and scope are equal; it does not change.

    Raises ValueError, with the remedy, for text that is not an expression. Whether its names exist is not checked here.
    """

    def __init__(self, text: str, sees: str = "run") -> None:
        self.text = text
        self.sees = sees
        self._parsed = parse(written(text), field_holder(sees, "order") or "params")

    @property
    def parsed(self) -> Parsed:
        """The checked tree, for what is compiled together with others."""
        return self._parsed

    @cached_property
    def _reads(self) -> Reads:
        return reads(self._parsed.body)

    @property
    def names(self) -> frozenset[str]:
        """The free names that it reads; no functions, no names of its own loops."""
        return frozenset(self._reads.names)

    @property
    def fields(self) -> frozenset[Path]:
        """The paths of the fields that it reads, such as ``("order", "lines", "*", "sku")``."""
        return frozenset(self._reads.fields)

    def compile(self) -> Compiled:
        """The function; made once."""
        return self._function

    def compile_for_literals(self) -> Compiled:
        """As :meth:`compile`, but a moment or a date stays one: for who writes values by their types."""
        return self._typed

    @cached_property
    def _function(self) -> Compiled:
        from airflow_integrations.expressions.evaluation.compiler import needs_plain

        return self._made(plain=needs_plain(self._parsed.body))

    @cached_property
    def _typed(self) -> Compiled:
        return self._made(plain=False)

    def _made(self, *, plain: bool) -> Compiled:
        from airflow_integrations.expressions.evaluation.compiler import Policy, call, function

        policy = Policy()
        body = policy.translate(self._parsed)
        if plain:
            body = call("_plain", body)
        return function(body, self.names, policy, self._explain)

    def _explain(self, error: Exception, names: Mapping[str, Any]) -> Exception:
        from airflow_integrations.expressions.evaluation.error_locator import Fault, Walker, unset_names, words_for
        from airflow_integrations.expressions.evaluation.guards import plain
        from airflow_integrations.expressions.evaluation.limits import LimitError

        if isinstance(error, SetupError):
            return error
        if unset := unset_names(self.names, names):
            return unset
        if not isinstance(error, (LimitError, MemoryError)):
            try:
                plain(Walker(self._parsed, names, [0, 0]).run())
            except Fault as fault:
                return EntityError(str(fault))
            except SetupError as setup:
                return setup
            except Exception as other:
                error = other
        return EntityError(f"{self._parsed.segment(self._parsed.body)}: {words_for(error)}")

    def __reduce__(self) -> tuple[type[Expression], tuple[str, str]]:
        return Expression, (self.text, self.sees)

    def __deepcopy__(self, memo: dict[int, Any]) -> Expression:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and (self.text, self.sees) == (other.text, other.sees)

    def __hash__(self) -> int:
        return hash((Expression, self.text, self.sees))

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __str__(self) -> str:
        return self.text

    @classmethod
    def __pydantic_schema_seeing__(cls, sees: Sees) -> CoreSchema:
        def make(value: Any) -> Expression:
            if isinstance(value, Expression):
                return value if value.sees == sees.scope else cls(value.text, sees.scope)
            return cls(written(value), sees.scope)

        return core_schema.no_info_plain_validator_function(
            make,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda expression: expression.text),
            metadata={
                "pydantic_js_functions": [
                    lambda schema, handler: {
                        "type": "string",
                        "description": "A Python expression, such as order.customer.address.country.",
                        "examples": ["order.number", 'order.status == "paid"'],
                    }
                ]
            },
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return cls.__pydantic_schema_seeing__(Sees("run"))


def written(value: Any) -> str:
    """The text of an expression as a route file gives it. Raises ValueError with the remedy for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        short = len(value) < 6 and all(isinstance(part, str) and len(part) < 40 and '"' not in part for part in value)
        fields = (
            [part if "." in part or not part.isidentifier() else f"order.{part}" for part in value] if short else []
        )
        meant = f"[{', '.join(fields)}]" if fields else "[l.sku for l in order.lines]"
        raise ValueError(
            f'one expression belongs here, and this is a YAML list; quote it, such as "{meant}", or use >-'
        )
    if isinstance(value, Mapping):
        raise ValueError("one expression belongs here, and this is a YAML mapping; quote it, or use >-")
    if value is None:
        raise ValueError("one expression belongs here, and this is empty")
    raise ValueError(f'one expression belongs here, and this is {str(value).lower()}; quote it: "{value}"')
