"""The systems that a route asks, by their Connections."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_integrations.config.model import walk
from airflow_integrations.route.definition import Route
from airflow_integrations.route.stage import Stage

__all__ = ["asked_by_delivery", "brokers_of", "connections_of", "databases_of", "stores_of"]


_DATABASES = frozenset({"sql", "sql_outbox", "postgres_changes"})
"""Kinds whose Connections are databases."""
_BROKERS = frozenset({"rabbitmq", "redis", "nats", "mqtt", "kafka", "sqs", "email"})
"""Kinds whose Connections are brokers and mail servers."""


def connections_of(route: Route) -> list[str]:
    """The Connections that a route uses: every option called ``connection`` of its stages, and that of a database that
    it listens to."""
    return _of((route.incoming, *route.transform, route.outgoing, *_listening(route)))


def databases_of(route: Route) -> frozenset[str]:
    """Those of them that are databases."""
    return frozenset(
        leaf
        for stage in (route.incoming, *route.transform, route.outgoing, *_listening(route))
        for place, leaf in walk(stage.config)
        if place
        and place[-1] == "connection"
        and isinstance(leaf, str)
        and (stage.kind in _DATABASES or "sql" in place)
    )


def brokers_of(route: Route) -> frozenset[str]:
    """Those of them that are brokers or mail servers, to which the route sends."""
    return frozenset(_of([route.outgoing]) if route.outgoing.kind in _BROKERS else ())


def _listening(route: Route) -> list[Stage]:
    stage = route.trigger.listen if route.trigger is not None else None
    return [stage] if stage is not None and stage.kind in _DATABASES else []


def stores_of(route: Route) -> frozenset[str]:
    """Those of them that are places of files."""
    return frozenset(_of([stage for stage in (route.incoming, route.outgoing) if stage.kind == "files"]))


def asked_by_delivery(route: Route) -> str:
    """In words, the systems one of which was away where nothing of the route is sent for a while: ``erp``, or ``erp or
    crm`` where a lookup asks the second one."""
    return " or ".join(_of((route.outgoing, *route.transform))) or "the target"


def _of(stages: Iterable[Stage]) -> list[str]:
    found = [
        leaf
        for stage in stages
        for place, leaf in walk(stage.config)
        if place and place[-1] == "connection" and isinstance(leaf, str)
    ]
    return list(dict.fromkeys(found))
