"""Names of kinds to classes. A class is imported when its kind is first used.

Third parties add kinds through entry points: group ``airflow_integrations.incoming`` (``transform``, ``outgoing``,
``listen``), name = the kind, value = ``module:Class``. A built-in name cannot be taken over.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Literal

__all__ = ["Part", "callbacks", "kinds", "known", "resolve", "third_party"]

Part = Literal["incoming", "transform", "outgoing", "listen"]

_BUILT_IN: dict[Part, dict[str, str]] = {
    "incoming": {
        "http": "airflow_integrations.incoming.http.source:HttpIncoming",
        "graphql": "airflow_integrations.incoming.graphql.source:GraphQLIncoming",
        "odata": "airflow_integrations.incoming.odata.source:ODataIncoming",
        "none": "airflow_integrations.incoming.none:NoIncoming",
        "route": "airflow_integrations.incoming.route:RouteIncoming",
        "sql": "airflow_integrations.incoming.sql.source:SqlIncoming",
        "files": "airflow_integrations.incoming.files.source:FilesIncoming",
    },
    "transform": {
        "filter": "airflow_integrations.transform.filter:Filter",
        "map": "airflow_integrations.transform.map:Map",
        "set": "airflow_integrations.transform.set:Set",
        "drop": "airflow_integrations.transform.drop:Drop",
        "rename": "airflow_integrations.transform.rename:Rename",
        "lookup": "airflow_integrations.transform.lookup.step:Lookup",
        "store": "airflow_integrations.transform.store:Store",
        "validate": "airflow_integrations.transform.validate:Validate",
        "split": "airflow_integrations.transform.split:Split",
        "merge": "airflow_integrations.transform.merge:Merge",
        "python": "airflow_integrations.transform.python:Python",
    },
    "outgoing": {
        "http": "airflow_integrations.outgoing.http.target:HttpOutgoing",
        "graphql": "airflow_integrations.outgoing.graphql.target:GraphQLOutgoing",
        "odata": "airflow_integrations.outgoing.odata.target:ODataOutgoing",
        "none": "airflow_integrations.outgoing.none:NoOutgoing",
        "sql": "airflow_integrations.outgoing.sql.target:SqlOutgoing",
        "files": "airflow_integrations.outgoing.files.target:FilesOutgoing",
        "rabbitmq": "airflow_integrations.outgoing.queues.rabbitmq:RabbitmqOutgoing",
        "redis": "airflow_integrations.outgoing.queues.redis:RedisOutgoing",
        "nats": "airflow_integrations.outgoing.queues.nats:NatsOutgoing",
        "mqtt": "airflow_integrations.outgoing.queues.mqtt:MqttOutgoing",
        "kafka": "airflow_integrations.outgoing.queues.kafka:KafkaOutgoing",
        "sqs": "airflow_integrations.outgoing.queues.sqs:SqsOutgoing",
        "email": "airflow_integrations.outgoing.email.target:EmailOutgoing",
    },
    "listen": {
        "rabbitmq": "airflow_integrations.listen.rabbitmq:RabbitmqListener",
        "redis": "airflow_integrations.listen.redis:RedisListener",
        "nats": "airflow_integrations.listen.nats:NatsListener",
        "mqtt": "airflow_integrations.listen.mqtt:MqttListener",
        "kafka": "airflow_integrations.listen.kafka:KafkaListener",
        "sqs": "airflow_integrations.listen.sqs:SqsListener",
        "files": "airflow_integrations.listen.files:FilesListener",
        "sql_outbox": "airflow_integrations.listen.sql.outbox:OutboxListener",
        "postgres_changes": "airflow_integrations.listen.sql.changes:ChangesListener",
        "imap": "airflow_integrations.listen.imap:ImapListener",
    },
}


def kinds(part: Part) -> dict[str, str]:
    """All kinds of a part: name to ``module:Class``, built-in ones first."""
    found = dict(_BUILT_IN[part])
    for name, place in _added(part).items():
        found.setdefault(name, place)
    return found


def third_party(part: Part) -> bool:
    """Whether there are kinds besides the built-in ones."""
    return len(kinds(part)) > len(_BUILT_IN[part])


def known(part: Part, kind: str) -> bool:
    """Whether there is such a kind. Looks for third parties' only where it is not built in: that takes long."""
    return kind in _BUILT_IN[part] or kind in kinds(part)


def resolve(part: Part, kind: str) -> type[Any]:
    """The class of a kind. Raises KeyError for an unknown kind: ask :func:`known` first."""
    return _class(_BUILT_IN[part].get(kind) or kinds(part)[kind])


@cache
def callbacks() -> dict[str, str]:
    """What installed packages offer to be called when a run has ended: name to ``module:function``, by the entry point
    group ``airflow_integrations.callback``."""
    from importlib.metadata import entry_points

    found: dict[str, str] = {}
    for point in entry_points(group="airflow_integrations.callback"):
        found.setdefault(point.name, point.value)
    return found


@cache
def _added(part: Part) -> dict[str, str]:
    """The kinds of third parties. Reads the metadata of everything that is installed."""
    from importlib.metadata import entry_points

    found: dict[str, str] = {}
    for point in entry_points(group=f"airflow_integrations.{part}"):
        found.setdefault(point.name, point.value)
    return found


@cache
def _class(place: str) -> type[Any]:
    module, _, name = place.partition(":")
    loaded: type[Any] = getattr(import_module(module), name)
    return loaded
