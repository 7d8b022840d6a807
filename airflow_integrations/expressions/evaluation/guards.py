"""Slow paths of compiled expressions: field access, items, text, risky operators."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.limits import MAX_DIGITS, MAX_STEPS, bounded_text, plain_digits
from airflow_integrations.expressions.evaluation.meter import Meter, go_through
from airflow_integrations.expressions.evaluation.methods import METHODS, attributes
from airflow_integrations.expressions.namespace import Namespace
from airflow_integrations.window import rfc3339

__all__ = [
    "cut",
    "divide",
    "each",
    "each_or_none",
    "field",
    "formatted",
    "item",
    "kind_of",
    "method",
    "multiply",
    "plain",
    "power",
    "remainder",
    "text_of",
    "verdict",
    "without",
]


def kind_of(value: Any) -> str:
    """What a value is, in words for people."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true or false"
    for kinds, word in (
        (str, "text"),
        ((int, Decimal), "a number"),
        (Mapping, "an object"),
        ((list, tuple), "a list"),
        (float, "a binary float"),
        (dt.datetime, "a moment"),
        (dt.date, "a date"),
        (dt.timedelta, "a span of time"),
        (Namespace, "a namespace"),
    ):
        if isinstance(value, kinds):
            return word
    return f"of type {type(value).__name__}"


def field(value: Any, name: str) -> Any:
    """``value.name``: the field of an object, None where it or the object is missing."""
    if value is None:
        return None
    if isinstance(value, (Mapping, Namespace)):
        return value.get(name)
    if name in attributes(value):
        return getattr(value, name)
    if isinstance(value, (list, tuple)):
        raise EntityError(f"it is a list, so it has no field {name!r}; write [x.{name} for x in …], or …[0].{name}")
    raise EntityError(f"it is {kind_of(value)}, not an object, so it has no field {name!r}")


def item(value: Any, key: Any) -> Any:
    """``value[key]``: None where there is no such field or position, or nothing to look into."""
    if value is None:
        return None
    if isinstance(value, (Mapping, Namespace)):
        return value.get(key) if key is not None else None
    if isinstance(value, (list, tuple, str)):
        if type(key) is not int:
            raise EntityError(f"it is {kind_of(value)}: a position in it is a whole number, not {kind_of(key)}")
        return value[key] if -len(value) <= key < len(value) else None
    if type(key) is str and key in attributes(value):
        return getattr(value, key)
    raise EntityError(f"it is {kind_of(value)}: nothing in it can be reached with […]")


def cut(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """``value[start:stop:step]`` of text or a list; None stays None."""
    if value is None:
        return None
    if isinstance(value, (str, list, tuple)):
        return value[start:stop:step]
    raise EntityError(f"it is {kind_of(value)}: [from:to] takes a part of text or of a list")


def method(value: Any, name: str) -> Callable[..., Any]:
    """``value.name(…)``: one of the methods in ``methods.py``."""
    known = METHODS.get(type(value))
    found = known.get(name) if known else None
    if found is None:
        if value is None:
            raise EntityError(
                f'it is missing, so there is no {name}(); write (… or "").{name}(…) where it may be missing'
            )
        raise EntityError(f"it is {kind_of(value)}, which has no {name}()")
    return partial(found, value)


def multiply(left: Any, right: Any) -> Any:
    """``left * right``; what would become huge is refused before it is made."""
    if type(left) is int and type(right) is int:
        if left.bit_length() + right.bit_length() > 3 * MAX_DIGITS:
            raise EntityError(f"the product has more than {MAX_DIGITS} digits")
        return left * right
    if isinstance(left, (str, list, tuple)) or isinstance(right, (str, list, tuple)):
        raise EntityError(
            f"{kind_of(left)} cannot be multiplied by {kind_of(right)}; write decimal(…) around a number in quotes; "
            "text is padded with .ljust(), .rjust() and .zfill()"
        )
    return left * right


def divide(left: Any, right: Any) -> Any:
    """``left / right`` of numbers, a Decimal: 28 significant digits, or as many as both have where that is more."""
    if type(left) not in (int, Decimal) or type(right) not in (int, Decimal):
        if isinstance(left, dt.timedelta) and isinstance(right, dt.timedelta):
            return divide(left // dt.timedelta(microseconds=1), right // dt.timedelta(microseconds=1))
        raise EntityError(f"{kind_of(left)} cannot be divided by {kind_of(right)}")
    above, below = Decimal(left), Decimal(right)
    digits = len(above.as_tuple().digits) + len(below.as_tuple().digits)
    if digits > 2 * MAX_DIGITS:
        raise EntityError(f"the numbers have more than {MAX_DIGITS} digits")
    context = decimal.Context(prec=max(28, digits), Emax=MAX_DIGITS, Emin=-MAX_DIGITS)
    return context.divide(above, below)


def remainder(left: Any, right: Any) -> Any:
    """``left % right`` of numbers. Text has f-strings."""
    if isinstance(left, str):
        raise EntityError("`%` is for numbers; text is put together with an f-string")
    return left % right


def power(base: Any, exponent: Any) -> Any:
    """``base ** exponent`` with a whole exponent; never a binary float, never more than MAX_DIGITS digits."""
    if type(base) not in (int, Decimal) or type(exponent) is not int:
        raise EntityError(
            f"{kind_of(base)} cannot be raised to {kind_of(exponent)}: powers take a number and a whole number"
        )
    if exponent < 0:
        return divide(1, power(base, -exponent))
    if type(base) is int:
        if base.bit_length() * exponent > 3 * MAX_DIGITS:
            raise EntityError(f"the power has more than {MAX_DIGITS} digits")
        return base**exponent
    if exponent > MAX_DIGITS:
        raise EntityError(f"an exponent is at most {MAX_DIGITS}")
    result = Decimal(1)
    for _ in range(exponent):  # Decimal's own ** rounds
        result *= base
    return result


def text_of(value: Any) -> str:
    """A value as text, as JSON would write it: numbers with all digits, true and false, moments as RFC 3339."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return str(value)
    if kind is Decimal:
        return plain_digits(value)
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise EntityError('the moment has no time zone; write moment(x, tz="Europe/Madrid")')
        return rfc3339(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    if value is None:
        raise EntityError('it is missing; write (… or "") where it may be missing')
    if isinstance(value, (Mapping, list, tuple)):
        raise EntityError(f"it is {kind_of(value)}, not a text; write json(…) for all of it, or one of its fields")
    raise EntityError(f"it is {kind_of(value)}, which has no text")


def formatted(value: Any, spec: str) -> str:
    """``{value:spec}`` in an f-string. Numbers are formatted as Decimal wherever a binary float would be used."""
    kind = type(value)
    if kind is int and spec and spec[-1] in "eEfFgG%":
        value = Decimal(value)
    if isinstance(value, Decimal):
        plain_digits(value)  # bounds it
    elif kind is int:
        if value.bit_length() > 4 * MAX_DIGITS:
            raise EntityError(f"the number has more than {MAX_DIGITS} digits")
    elif not isinstance(value, (str, dt.date)):
        value = text_of(value)
    try:
        return bounded_text(format(value, spec))
    except ValueError:
        raise EntityError(f"{kind_of(value)} cannot be formatted as {spec}") from None


def each(value: Any, meter: Meter) -> Any:
    """What a loop goes through: a list. The elements of all loops of one evaluation are counted together."""
    kind = type(value)
    if kind is not list and kind is not tuple:
        if value is None:
            raise EntityError("it is missing; write (… or []) where it may be missing")
        if isinstance(value, Mapping):
            raise EntityError("it is an object, not a list; write items(…), keys(…) or values(…)")
        raise EntityError(f"it is {kind_of(value)}, not a list")
    meter[0] += len(value)
    if meter[0] > MAX_STEPS:
        go_through(0, meter)
    return value


def each_or_none(value: Any, meter: Meter) -> Any:
    """What ``each:`` goes through: a list; nothing where it is missing."""
    if type(value) is list:  # the usual case, without another call
        meter[0] += len(value)
        if meter[0] > MAX_STEPS:
            go_through(0, meter)
        return value
    return () if value is None else each(value, meter)


def plain(value: Any) -> Any:
    """A result as JSON can hold it: moments become RFC 3339 text, wherever they are."""
    if isinstance(value, dt.date):
        return text_of(value)
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if value is None or isinstance(value, (str, int, Decimal)):
        return value
    raise EntityError(f"it is {kind_of(value)}, which is not data; name what you need of it")


def verdict(value: Any) -> bool:
    """What a condition gives: true or false, and nothing else."""
    if value is True or value is False:
        return value
    raise EntityError(f"it is {kind_of(value)}; a condition is true or false, so compare it with something")


def without(value: dict[str, Any], optional: tuple[str, ...]) -> dict[str, Any]:
    """An object without those optional fields that are None."""
    for name in optional:
        if value[name] is None:
            del value[name]
    return value
