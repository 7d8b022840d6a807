"""Everything that a kind of your own needs, and all that is public for it. docs/routes/kinds.md shows how to write one.

    from airflow_integrations.kinds import Model, Outbound, Result

Names are imported on first use. What other modules hold may change in any version.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_integrations.config.file_reference import FileReference
    from airflow_integrations.config.model import Model, RootConfig, ShortForm
    from airflow_integrations.config.types import ConnectionId, Duration, Size
    from airflow_integrations.discovery import Bounds, Collection, CursorCandidate, DiscoveredField, Discovery
    from airflow_integrations.entity import Entity
    from airflow_integrations.errors import (
        AnswerError,
        EntityError,
        IntegrationError,
        OutageError,
        RunError,
        SetupError,
        UnknownOutcome,
    )
    from airflow_integrations.expressions import Expression, Sees, Structure, Template
    from airflow_integrations.formats.json import decode as decode_json
    from airflow_integrations.formats.json import encode as encode_json
    from airflow_integrations.http import HttpClient, Request
    from airflow_integrations.incoming import Incoming, Page
    from airflow_integrations.listen import Listener, Message
    from airflow_integrations.listen.context import ListenContext
    from airflow_integrations.listen.options import ListenOptions, QueueOptions
    from airflow_integrations.outgoing import Outbound, Outgoing, Result
    from airflow_integrations.queues.broker import Broker
    from airflow_integrations.route.definition import Route
    from airflow_integrations.run import Run, Services
    from airflow_integrations.testing import (
        Feed,
        IncomingSuite,
        ListenSuite,
        OutgoingSuite,
        Recording,
        ReplayServices,
        Source,
        Step,
        Target,
        TransformerSuite,
    )
    from airflow_integrations.transform import Fates, Place, Transformer, TransformerBase
    from airflow_integrations.window import Window

__all__ = [
    "AnswerError",
    "Bounds",
    "Broker",
    "Collection",
    "ConnectionId",
    "CursorCandidate",
    "DiscoveredField",
    "Discovery",
    "Duration",
    "Entity",
    "EntityError",
    "Expression",
    "Fates",
    "Feed",
    "FileReference",
    "HttpClient",
    "Incoming",
    "IncomingSuite",
    "IntegrationError",
    "ListenContext",
    "ListenOptions",
    "ListenSuite",
    "Listener",
    "Message",
    "Model",
    "OutageError",
    "Outbound",
    "Outgoing",
    "OutgoingSuite",
    "Page",
    "Place",
    "QueueOptions",
    "Recording",
    "ReplayServices",
    "Request",
    "Result",
    "RootConfig",
    "Route",
    "Run",
    "RunError",
    "Sees",
    "Services",
    "SetupError",
    "ShortForm",
    "Size",
    "Source",
    "Step",
    "Structure",
    "Target",
    "Template",
    "Transformer",
    "TransformerBase",
    "TransformerSuite",
    "UnknownOutcome",
    "Window",
    "decode_json",
    "encode_json",
]

_MODULES = {
    "config.file_reference": ("FileReference",),
    "config.model": ("Model", "RootConfig", "ShortForm"),
    "config.types": ("ConnectionId", "Duration", "Size"),
    "discovery": ("Bounds", "Collection", "CursorCandidate", "DiscoveredField", "Discovery"),
    "entity": ("Entity",),
    "errors": (
        "AnswerError",
        "EntityError",
        "IntegrationError",
        "OutageError",
        "RunError",
        "SetupError",
        "UnknownOutcome",
    ),
    "expressions": ("Expression", "Sees", "Structure", "Template"),
    "http": ("HttpClient", "Request"),
    "incoming": ("Incoming", "Page"),
    "listen": ("Listener", "Message"),
    "queues.broker": ("Broker",),
    "listen.context": ("ListenContext",),
    "listen.options": ("ListenOptions", "QueueOptions"),
    "outgoing": ("Outbound", "Outgoing", "Result"),
    "route.definition": ("Route",),
    "run": ("Run", "Services"),
    "testing": (
        "Feed",
        "IncomingSuite",
        "ListenSuite",
        "OutgoingSuite",
        "Recording",
        "ReplayServices",
        "Source",
        "Step",
        "Target",
        "TransformerSuite",
    ),
    "transform": ("Fates", "Place", "Transformer", "TransformerBase"),
    "window": ("Window",),
}
_HOME = {name: (module, name) for module, names in _MODULES.items() for name in names} | {
    "decode_json": ("formats.json", "decode"),
    "encode_json": ("formats.json", "encode"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, defined = _HOME[name]
    value = getattr(import_module(f"airflow_integrations.{module}"), defined)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
