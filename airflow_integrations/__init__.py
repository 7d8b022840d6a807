"""Routes between business systems on Apache Airflow: one file, one route, one DAG; every entity accounted for.

Everything public is named in ``__all__`` and loaded on first use.
"""

from __future__ import annotations

from airflow_integrations.version import __version__

TYPE_CHECKING = False  # what typing calls so; its import would come before the program hears Ctrl-C

if TYPE_CHECKING:
    from typing import Any

    from airflow_integrations.entity import Entity as Entity
    from airflow_integrations.errors import (
        AnswerError as AnswerError,
    )
    from airflow_integrations.errors import (
        EntityError as EntityError,
    )
    from airflow_integrations.errors import (
        IntegrationError as IntegrationError,
    )
    from airflow_integrations.errors import (
        OutageError as OutageError,
    )
    from airflow_integrations.errors import (
        RouteError as RouteError,
    )
    from airflow_integrations.errors import (
        RunError as RunError,
    )
    from airflow_integrations.errors import (
        SetupError as SetupError,
    )
    from airflow_integrations.errors import (
        UnknownOutcome as UnknownOutcome,
    )
    from airflow_integrations.route.definition import Route as Route
    from airflow_integrations.window import Window as Window

_WHERE = {
    "AnswerError": "errors",
    "Entity": "entity",
    "EntityError": "errors",
    "IntegrationError": "errors",
    "OutageError": "errors",
    "Route": "route.definition",
    "RouteError": "errors",
    "RunError": "errors",
    "SetupError": "errors",
    "UnknownOutcome": "errors",
    "Window": "window",
}

__all__ = [
    "AnswerError",
    "Entity",
    "EntityError",
    "IntegrationError",
    "OutageError",
    "Route",
    "RouteError",
    "RunError",
    "SetupError",
    "UnknownOutcome",
    "Window",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
