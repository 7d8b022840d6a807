"""Paging by a value of the last record: the next request asks for what is behind it, and for its equals again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, cast

from msgspec import Raw
from pydantic import BeforeValidator, Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.partial import PartReader
from airflow_integrations.incoming.http.paging import Sized, check_place, record_print
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.requester import Response
from airflow_integrations.incoming.sort_value import NUMBER, SortValue, same_place, sort_value, step_back

__all__ = ["Keyset", "Tie"]

OverItem = Annotated[Expression, Sees("item")]
_Value = tuple[SortValue, ...]
"""Of one record: its value, and that of ``tie`` where there is one."""


class Tie(Model):
    """A second field that tells records of one value apart.

    Example:
        param: after_id
        value: item.id
    """

    param: Annotated[str, Field(min_length=1)]
    """The parameter that carries it, such as ``after_id``.

    Example: ``param: after_id``
    """
    value: OverItem
    """What the API orders by where the first value is the same, such as ``item.id``.

    Example: ``value: item.id``
    """


def _no_bound(value: object) -> None:
    if value is not None:
        raise ValueError("style keyset begins a new list with each page, which is never too long; leave at_most out")


def _no_total(value: object) -> None:
    if value is not None:
        raise ValueError("does not go with style keyset: what it counts changes with each request; leave it out")


class Keyset(Sized):
    """The request carries a value of the last record, by which the API orders.

    Example:
        style: keyset
        param: updated_after
        value: item.updated_at
        size: 250
    """

    style: Literal["keyset"]
    param: Annotated[str, Field(min_length=1)]
    """The parameter that carries the value, such as ``updated_after``.

    Example: ``param: updated_after``
    """
    value: OverItem
    """What the API orders by, such as ``item.updated_at``.

    Example: ``value: item.updated_at``
    """
    inclusive: bool = True
    """Whether the API gives records that equal the parameter, too (``>=``). ``false``: only those behind it (``>``).

    Example: ``inclusive: false``
    """
    order: Literal["ascending", "descending"] = "ascending"
    """Whether values grow or fall from record to record.

    Example: ``order: descending``
    """
    tie: Tie | None = None
    """For an API that orders by two fields and takes a parameter for each.

    Example: ``tie: {param: after_id, value: item.id}``
    """
    size: Annotated[int, Field(strict=True, ge=2, le=100_000)] | None = None
    """Records on a full page. A full page of one value stops the run: there may be more of it.

    Example: ``size: 250``
    """

    total: Annotated[None, BeforeValidator(_no_total)] = None
    at_most: Annotated[None, BeforeValidator(_no_bound)] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.size is None and self.more is None and self.end_when is None and self.tie is None:
            raise ValueError(
                "style keyset needs size (the records on a full page), more, end_when or tie: otherwise nobody can "
                "tell whether a page of one value is all there is of it"
            )
        names = [self.param, *([self.tie.param] if self.tie else []), *([self.size_param] if self.size_param else [])]
        if len(set(names)) < len(names):
            raise ValueError("param, tie.param and size_param are different parameters")
        return self

    @property
    def compares(self) -> bool:
        return True

    def place_in(self, draft: RequestTemplate, at: Mapping[str, Any]) -> RequestTemplate:
        asked: dict[str, Any] = {}
        if at.get("ask") is not None:
            names = (self.param, self.tie.param) if self.tie else (self.param,)
            asked = {name: _given(*value) for name, value in zip(names, at["ask"], strict=True)}
        values = self.sized(asked)
        return self.put(draft, values) if values else draft

    def mark(self, at: Mapping[str, Any]) -> Any:
        return dict(at)

    def unseen(self, at: Mapping[str, Any], said: Response, raw: list[Any]) -> list[Any]:
        if not at:
            return raw
        return [] if self._lacks_border(at, said, raw) else _without(at, raw)

    def after(
        self, at: Mapping[str, Any], said: Response, raw: Sequence[Any], ended: bool | None
    ) -> dict[str, Any] | None:
        if self._lacks_border(at, said, raw):
            # They changed or left, or the API gives no equals: one step back it gives them, or they are gone.
            return {**at, "ask": at["below"], "back": True}
        listed = list(zip(self._values(said, raw), raw, strict=True))
        values = [value for value, _ in listed if value is not None]
        if ended or not raw:
            if ended is False:
                name = "more" if self.more is not None else "end_when"
                raise AnswerError(f"{said.place}: pagination.{name} says that more follows, but the page is empty")
            self._check(at, said, values)
            return None
        if not values:
            raise AnswerError(
                f"{said.place}: no record of the page can be read, so that there is no value to go on from"
            )
        self._check(at, said, values)
        last, fresh = values[-1], len(_without(at, raw))
        length, largest = len(raw), max(len(raw), at.get("largest", 0))
        moved = not at or not _same(_restored(at["top"]), last)
        capped = at.get("capped", False) or bool(at and at["short"] and fresh and moved)
        prints, below, before = _border(listed, last)
        tied = below is None
        full = length > 1 and length >= (2 if self.size is None else largest if capped else self.size)
        if (tied and full) or (not fresh and ended is False):
            raise self._stuck(said, last, length)
        if not fresh:
            return None
        if below is not None:
            step: dict[str, Any] = {"below": _dumped(below), "before": before}
            ask = last if self.inclusive else below
        else:
            step = {"below": at.get("ask"), "before": []} if moved else {name: at[name] for name in ("below", "before")}
            prints = list(dict.fromkeys([*([] if moved else at["seen"]), *prints]))
            ask = last
        asked = at.get("ask") if tied and not self.inclusive else _dumped(ask)
        short = self.size is not None and length < self.size
        step |= {"ask": asked, "top": _dumped(last), "seen": prints, "back": False}
        step |= {"largest": largest, "capped": capped, "short": short}
        check_place(step, said)
        return step

    def _lacks_border(self, at: Mapping[str, Any], said: Response, raw: Sequence[Any]) -> bool:
        """Whether equals of the last record were asked for and not even the known ones came."""
        if not at or not self.inclusive or at["back"]:
            return False
        known = set(at["seen"])
        if any(record_print(record) in known for record in raw):
            return False
        top = _restored(at["top"])
        return not any(value is not None and _same(value, top) for value in self._values(said, raw))

    def _values(self, said: Response, raw: Sequence[Any]) -> Iterator[_Value | None]:
        """Of each record; None where it cannot be read: it is rejected where its key is read."""
        expressions = (self.value, self.tie.value) if self.tie else (self.value,)
        part = _part_reader(expressions)
        functions = [expression.compile() for expression in expressions]
        names = dict(said.names)
        for number, record in enumerate(raw, 1):
            try:
                item = None if type(record) is BadRecord else part.value(record)
            except ContentError:
                item = None
            if item is None and type(record) in (BadRecord, Raw):
                yield None
                continue
            names["item"] = item
            try:
                values = [function(names) for function in functions]
            except EntityError as error:
                raise AnswerError(f"{said.place}: pagination.value: {said.answer.redact(error.reason)}") from None
            made = tuple(map(sort_value, values))
            if None in made:
                place = made.index(None)
                value = values[place]
                what = "nothing" if value is None else f"neither a number nor a text but {kind_of(value)}"
                raise AnswerError(
                    f"{said.place}: pagination.value: {expressions[place].text} gives {what} for record {number} of "
                    "the page; name a field that every record has and that the API orders by"
                )
            yield cast(_Value, made)

    def _check(self, at: Mapping[str, Any], said: Response, values: list[_Value]) -> None:
        """Raises AnswerError where records are in another order, or are not those that were asked for."""
        if not values:
            return
        asked = _restored(at["ask"]) if at and at["ask"] is not None else None
        for column in zip(*([asked] if asked else []), *values, strict=True):
            number = next((one for one in column if one.kind == NUMBER), None)
            other = next((one for one in column if one.kind != NUMBER), None)
            if number is not None and other is not None:
                raise AnswerError(
                    f"{said.place}: pagination.value: {self.value.text} gives {number.kind} ({number.text[:40]}) and "
                    f"{other.kind} ({other.text[:40]}): they have no order; name a field of one type"
                )
        if asked is not None:
            first = values[0]
            if self._step_back([asked, first]):
                raise AnswerError(
                    f"{said.place}: {self.param} asked for records {'from' if self.inclusive else 'behind'} "
                    f"{_told(asked)}, and the API gave one of {_told(first)}. It ignores the parameter, or reads it "
                    "less exactly than records have it: check pagination.param, or cut the value, such as "
                    "value: item.updated_at[:19]"
                )
            if not self.inclusive and _texts(asked) == _texts(first):
                raise AnswerError(
                    f"{said.place}: {self.param} asked for records behind {_told(asked)}, and the API gave one that "
                    "equals it: write pagination.inclusive: true"
                )
        if at and at["back"] and any(_same(_restored(at["top"]), value) for value in values):
            raise AnswerError(
                f"{said.place}: {self.param} asked for records from {_told(_restored(at['top']))}, and the API gave "
                "none that equals it though there are some: write pagination.inclusive: false"
            )
        if found := self._step_back(values):
            raise AnswerError(
                f"{said.place}: {self.value.text} goes back from {_told(found[0])} to {_told(found[1])} on one page: "
                f"records are not in {self.order} order of it, and some would be lost. Ask the API for that order, "
                "such as query: {sort: updated_at}, or write the order it has in pagination.order"
            )

    def _step_back(self, values: list[_Value]) -> tuple[_Value, _Value] | None:
        """Two records that stand in the wrong order; None where there are none."""
        if self.order == "descending":
            found = _steps_back(values[::-1])
            return found and found[::-1]
        return _steps_back(values)

    def _stuck(self, said: Response, last: _Value, length: int) -> AnswerError:
        remedy = (
            "write the field that is unique in pagination.tie"
            if self.tie
            else "order by a second field as well, and write it in pagination.tie"
        )
        return AnswerError(
            f"{said.place}: a whole page ({length} records) has the value {_told(last)} of {self.value.text}, and "
            "the API may have more of it, which no request can reach. Ask for larger pages (pagination.size and "
            f"size_param), {remedy}, or use another style"
        )


@lru_cache(maxsize=64)
def _part_reader(expressions: tuple[Expression, ...]) -> PartReader:
    from airflow_integrations.expressions.language.field_paths import only_fields

    return PartReader(only_fields(expressions, "item"))


def _without(at: Mapping[str, Any], raw: Sequence[Any]) -> list[Any]:
    """The records but those that the page before brought. Stops to compare when all of these were found."""
    if not at:
        return list(raw)
    missing = {*at["seen"], *(at["before"] if at["back"] else ())}
    found: set[str] = set()
    fresh: list[Any] = []
    for place, record in enumerate(raw):
        if len(found) == len(missing):
            return [*fresh, *raw[place:]]
        print_ = record_print(record)
        if print_ in missing:
            found.add(print_)
        else:
            fresh.append(record)
    return fresh


def _border(listed: list[tuple[_Value | None, Any]], last: _Value) -> tuple[list[str], _Value | None, list[str]]:
    """Prints of the records of the last value; the value before it, or None; prints of the records of that one."""
    prints: list[str] = []
    before: list[str] = []
    below: _Value | None = None
    for value, record in reversed(listed):
        if below is None and (value is None or _same(value, last)):
            prints.append(record_print(record))
            continue
        if value is None:
            continue
        if below is None:
            below = value
        if not _same(value, below):
            break
        before.append(record_print(record))
    return prints, below, before


def _same(one: _Value, other: _Value) -> bool:
    return all(map(same_place, one, other))


def _steps_back(values: list[_Value]) -> tuple[_Value, _Value] | None:
    """By the first value, and by the second where the first is the same."""
    found = step_back([value[0] for value in values])
    if found is not None:
        return (found[0],), (found[1],)
    if not values or len(values[0]) == 1:
        return None
    start = 0
    for end in range(1, len(values) + 1):
        if end == len(values) or not same_place(values[start][0], values[end][0]):
            found = step_back([value[1] for value in values[start:end]])
            if found is not None:
                return (found[0],), (found[1],)
            start = end
    return None


def _texts(value: _Value) -> list[str]:
    return [one.text for one in value]


def _told(value: _Value) -> str:
    return ", ".join(text[:40] for text in _texts(value))


def _dumped(value: _Value) -> list[Any]:
    """As the saved place has it: texts, and whether they are numbers."""
    return [[one.text, one.kind == NUMBER] for one in value]


def _restored(dumped: list[Any]) -> _Value:
    found = [sort_value(_given(*value)) for value in dumped]
    return tuple(one for one in found if one is not None)


def _given(text: str, number: bool) -> str | int | Decimal:
    """The value as the source gave it."""
    if not number:
        return text
    return Decimal(text) if "." in text else int(text)
