"""One step or choice, ready to be sent: its conditions compiled, its options completed by those of the outgoing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.outgoing.http.answers.rule_options import ruled
from airflow_integrations.outgoing.http.delivering import Delivering
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.http.request_writer import merged_headers
from airflow_integrations.outgoing.http.sender import Sender
from airflow_integrations.outgoing.http.steps.options import Choice, Step, label_of
from airflow_integrations.route.definition import Route
from airflow_integrations.route.delivery import InDoubt
from airflow_integrations.run import Services

__all__ = ["MOST_ITEMS", "Way", "completed", "doubt_policy"]

MOST_ITEMS = 1_000
"""Elements of the list of ``each``: every one is a request, and a result that is kept."""

_SHARED = ("idempotency_header", "idempotent", "retry_unsafe", "max_body_bytes")


class Way:
    """``place`` is its place in the route, for messages."""

    def __init__(
        self,
        way: Step | Choice,
        place: str,
        outer: HttpOptions,
        policy: InDoubt | None,
        base: Mapping[str, Any],
        route: Route,
        client: RecordingClient,
        services: Services,
    ) -> None:
        options = completed(way, outer)
        self.label = label_of(way)
        self.name = way.name if isinstance(way, Step) else None
        self.client = client
        self.policy = doubt_policy(options, policy)
        self.needs_value = isinstance(way, Step) and way.result is not None
        self.sender = Sender(
            options,
            base,
            route.entity.name,
            client,
            services,
            route=route.route,
            key=lambda part: part[0].idempotency_key,
            place=place,
            values=self.needs_value,
        )
        self._when = _compiled(way.when, "when")
        self._each = _compiled(way.each, "each") if isinstance(way, Step) else None
        self.is_list = self._each is not None
        self.always = self._when is None
        """It has no condition."""

    def applies(self, names: Mapping[str, Any]) -> bool:
        """Whether its ``when`` holds. Raises EntityError where that cannot be told."""
        return self._when is None or bool(self._when(names))

    def items(self, names: Mapping[str, Any]) -> list[Any]:
        """The elements of its list. Raises EntityError where it is none, or too long."""
        assert self._each is not None
        found = self._each(names)
        if not isinstance(found, list | tuple):
            read = "nothing" if found is None else kind_of(found)
            raise EntityError(f"each read {read} where a list belongs")
        if len(found) > MOST_ITEMS:
            raise EntityError(f"each read {len(found)} elements; a step is taken for {MOST_ITEMS} at most")
        return list(found)


def completed(way: Delivering, outer: HttpOptions) -> HttpOptions:
    """Its options as those of a route with this request alone: what it leaves out is taken from the outgoing."""
    own = ruled(way, outer)
    values = {name: getattr(own, name) for name in Delivering.model_fields}
    values |= {name: getattr(outer, name) for name in _SHARED if name not in way.model_fields_set}
    values["headers"] = merged_headers(outer.headers, way.headers)
    identity = way.result if isinstance(way, Step) else getattr(way, "id", None)
    connection = getattr(way, "connection", None) or outer.connection
    return HttpOptions.model_construct(connection=connection, id=identity, **values)


def doubt_policy(options: Delivering, asked: InDoubt | None) -> InDoubt:
    """What is done where a request is unanswered. ``asked`` is the route's ``delivery.in_doubt``."""
    if asked in ("resend", "hold"):
        return asked
    if asked == "verify" and options.verify is not None:
        return asked
    if options.repeatable:
        return "resend"
    return "verify" if options.verify is not None else "hold"


def _compiled(expression: Expression | None, option: str) -> Callable[[Mapping[str, Any]], Any] | None:
    if expression is None:
        return None
    evaluate = expression.compile()

    def value(names: Mapping[str, Any]) -> Any:
        try:
            return evaluate(dict(names))
        except EntityError as error:
            raise EntityError(f"{option}: {error.reason}") from None

    return value
