"""The rules by which a route reads the answers to a request, beyond their status."""

from __future__ import annotations

from typing import Annotated, TypeVar

from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.formats.answer import AnswerFormat

__all__ = ["AnswerRules", "RefusalRules", "ruled"]


class AnswerRules(AnswerFormat):
    """What an answer means, whatever its status says. The rules of a request replace those beside ``upsert``."""

    error_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that means an error, such as ``body.errors``: nothing that it says is believed.

    Example: ``error_when: body.errors``
    """
    retry_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that means *later*, such as a throttled request: it is sent again as after a 503.

    Example: ``retry_when: body.code == "THROTTLED"``
    """
    stop_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer that refuses our credentials: the run stops, as for a 401.

    Example: ``stop_when: body.code == "ACCESS_DENIED"``
    """


class RefusalRules(AnswerRules):
    """The rules for a request that writes."""

    refused_when: Annotated[Expression, Sees("answer")] | None = None
    """True for an answer by which the target took nothing, such as a 500 for a duplicate: a refusal, and final.

    Example: ``refused_when: body.code == "DUPLICATE"``
    """


_R = TypeVar("_R", bound=AnswerRules)
_FORMAT = frozenset(AnswerFormat.model_fields)


def ruled(own: _R, shared: RefusalRules) -> _R:
    """A request with the rules that count for it: its own, and those beside it where it has none."""
    missing = [
        name
        for name in type(own).model_fields
        if name in RefusalRules.model_fields and name not in _FORMAT and getattr(own, name) is None
    ]
    if own.model_fields_set.isdisjoint(_FORMAT):
        missing += _FORMAT
    return own.model_copy(update={name: getattr(shared, name) for name in missing})
