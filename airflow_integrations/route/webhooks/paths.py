"""Routes that share the path of a webhook share the sender: what they say of it has to be the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airflow_integrations.route.definition import Route
from airflow_integrations.route.webhooks.trigger import WebhookOptions

__all__ = ["by_path", "clashes"]

_OWN = frozenset({"path", "records"})
"""What each of them says for itself."""


def by_path(routes: Iterable[Route]) -> dict[str, list[tuple[Route, WebhookOptions]]]:
    """Routes with a webhook and what they say of it, in the order of their names."""
    found: dict[str, list[tuple[Route, WebhookOptions]]] = {}
    for route in sorted(routes, key=lambda route: route.route):
        if route.trigger is not None and route.trigger.webhook is not None:
            found.setdefault(route.trigger.webhook.path, []).append((route, route.trigger.webhook))
    return found


def clashes(sharing: list[tuple[Route, WebhookOptions]]) -> Iterator[tuple[Route, str, str]]:
    """Those that differ from the first: the route, the option, and what to say about it. With one there is no serving
    the path, since it would be a guess whom to believe."""
    if not sharing:
        return
    first, options = sharing[0]
    for route, others in sharing[1:]:
        for name in WebhookOptions.model_fields:
            if name not in _OWN and getattr(options, name) != getattr(others, name):
                yield route, name, _differs(first, name)


def _differs(first: Route, option: str) -> str:
    return (
        f"the route {first.route} has the same path and another {option}: say the same in both, or use two paths. "
        "Until then the path is not served"
    )
