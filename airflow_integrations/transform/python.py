"""``python``: a function of one's own."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from airflow_integrations.config.model import ShortForm
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError, IntegrationError, SetupError
from airflow_integrations.expressions import AIRFLOW_NAMES, Sees, Structure, scope_names
from airflow_integrations.run import Run, Services, entity_names
from airflow_integrations.transform import Fates, FoundMistakes, TransformerBase

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["Python"]


_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def _named(reference: str) -> str:
    if _REFERENCE.fullmatch(reference) is None:
        raise ValueError(f"{reference!r} names no function; write module:function, such as shop_rules:clean")
    return reference


class Python(TransformerBase):
    """Calls a function from any module that the worker can import: Airflow's plugins folder, an installed package.

    ``per: entity``: ``function(value, **with) -> value``; None filters the entity out, EntityError rejects it.
    ``per: batch``: ``function(values, **with)`` returns a list of the same length and order, with None for those to
    filter out and an EntityError for those to reject. Where it raises, it is called again with halves of the batch
    until the bad entity is alone. Values are copies. OutageError and the like stop the run.
    """

    only_own_key = True

    class Config(ShortForm):
        """A function that changes entities."""

        short_form: ClassVar[str] = "function"

        function: Annotated[str, AfterValidator(_named), Field(examples=["shop_rules:clean"])]
        """``module:function``. It is imported when the task runs, never when the file is read.

        Example: ``function: shop_rules:clean``
        """
        per: Literal["entity", "batch"] = "entity"
        """Whether the function takes one entity, or a list of them.

        Example: ``per: batch``
        """
        with_: Annotated[dict[str, Annotated[Structure, Sees("entity")]], Field(alias="with")] = Field(
            default_factory=dict
        )
        """Named arguments, in the grammar of ``map``. Per batch they read window, params and var only.

        Example: ``with: {currency: {const: EUR}}``
        """

    async def open(self, run: Run, services: Services) -> None:
        await super().open(run, services)
        try:
            self._function = _imported(self.config.function)
        except ValueError as error:
            raise SetupError(f"{self.place}: {error}") from None
        self._arguments = [(name, what.compile()) for name, what in self.config.with_.items()]

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        results: list[Any] = []
        if self.config.per == "batch":
            try:
                arguments = self._given(dict(self.base))
            except EntityError as error:
                results = [error] * len(batch)
            else:
                results = self._of_many([entity.value for entity in batch], arguments)
        else:
            results = [self._of_one(entity) for entity in batch]
        going_on = []
        for entity, result in zip(batch, results, strict=True):
            if isinstance(result, EntityError):
                self.reject(entity, result, fates)
            elif result is None:
                fates.filtered(entity)
            elif not _is_finite(result):
                told = f"{self.config.function} gave the number NaN or Infinity, which JSON does not have"
                self.reject(entity, EntityError(told), fates)
            else:
                entity.value = result
                going_on.append(entity)
        return going_on

    def _of_one(self, entity: Entity) -> Any:
        names = entity_names(self.base, self.place.entity, entity)
        self.watch.see(names)
        try:
            return self._function(_copied(entity.value), **self._given(names))
        except Exception as error:
            return self._told(error)

    def _of_many(self, values: list[Any], arguments: dict[str, Any]) -> list[Any]:
        try:
            results = self._function([_copied(value) for value in values], **_copied(arguments))
            if type(results) is not list or len(results) != len(values):
                shown = len(results) if isinstance(results, list) else type(results).__name__
                told = f"{self.config.function} got a list of {len(values)} and gave {shown}, not a list of as many"
                wrong = EntityError(told)
                return [wrong] * len(values)
            return results
        except Exception as error:
            if len(values) == 1 or (isinstance(error, IntegrationError) and not isinstance(error, EntityError)):
                return [self._told(error)]
        middle = len(values) // 2
        return self._of_many(values[:middle], arguments) + self._of_many(values[middle:], arguments)

    def _given(self, names: dict[str, Any]) -> dict[str, Any]:
        given = {}
        for name, compute in self._arguments:
            try:
                given[name] = _copied(compute(names))
            except EntityError as error:
                raise EntityError(error.reason, field=f"with.{name}") from None
        return given

    def _told(self, error: Exception) -> EntityError:
        if isinstance(error, EntityError):
            return error
        if isinstance(error, IntegrationError):
            raise error  # an outage, a missing Variable: no entity is to blame
        return EntityError(f"{self.config.function} raised {type(error).__name__}: {str(error)[:200]}")

    @classmethod
    def mistakes(cls, config: Any, route: Route) -> FoundMistakes:
        for name, what in config.with_.items():
            if not name.isidentifier():
                yield ("with", name), f"{name!r} is not a name of an argument"
            if config.per == "batch" and (more := sorted(what.names - scope_names("run") - AIRFLOW_NAMES.keys())):
                yield (
                    ("with", name),
                    f"reads {more[0]}, but a batch has many: arguments of a batch read window, params and var",
                )

    @classmethod
    def check_files(cls, config: Any) -> FoundMistakes:
        try:
            _imported(config.function)
        except ValueError as error:
            yield ("function",), str(error)


def _imported(reference: str) -> Callable[..., Any]:
    module, _, name = reference.partition(":")
    try:
        found = getattr(import_module(module), name, None)
    except Exception as error:
        raise ValueError(f"{module!r} cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise ValueError(f"{module!r} has no function {name!r}")
    if inspect.iscoroutinefunction(found):
        raise ValueError(f"{reference} is asynchronous; give a plain function")
    return found  # type: ignore[no-any-return]


def _is_finite(value: Any) -> bool:
    """Whether no float in it is NaN or infinite: JSON would have null in its place."""
    try:
        return _are_finite((value,))
    except RecursionError:  # it is told where it is written
        return True


def _are_finite(values: Iterable[Any]) -> bool:
    for value in values:
        kind = type(value)
        if kind is dict or kind is list:
            if not _are_finite(value.values() if kind is dict else value):
                return False
        elif kind is float and not math.isfinite(value):
            return False
    return True


def _copied(value: Any) -> Any:
    """A deep copy of JSON-like data: what the function changes is its own, never ``source`` or a lookup's table."""
    if type(value) is dict:
        return {name: _copied(inner) for name, inner in value.items()}
    return [_copied(inner) for inner in value] if type(value) is list else value
