"""Import once, in the process that tasks and DAG files are forked from, what each of them would import again.

For Airflow's own hook, a module ``airflow_local_settings`` on the Python path, such as ``$AIRFLOW_HOME/config``::

    from airflow_integrations.airflow.preload import preload

    preload()

Airflow imports it when a component starts, before that forks anything.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import import_module

__all__ = ["FORKING", "preload"]

log = logging.getLogger("airflow_integrations")

FORKING = frozenset({"celery", "dag-processor", "scheduler"})
"""The components of Airflow whose processes are forked for tasks (Celery's workers, the scheduler's LocalExecutor) and
for DAG files."""

_MODULES = (
    "airflow_integrations.airflow.dag.loader",
    "airflow_integrations.airflow.operators.single",
    "airflow_integrations.airflow.config.connections",
    "airflow_integrations.airflow.config.ledger",
    "airflow_integrations.engine.disk_space",
    "airflow_integrations.engine.live.single_task",
    "airflow_integrations.engine.live.whole_run",
    "airflow_integrations.engine.settle.failure_summary",
    "airflow_integrations.expressions.structures.structure_compiler",
    "airflow_integrations.expressions.templates.jinja",
    "airflow_integrations.http.client",
    "airflow_integrations.http.session",
    "airflow_integrations.http.auth.sign_in",
    "airflow_integrations.incoming.http.for_each.children",
    "airflow_integrations.incoming.http.job.pages",
    "airflow_integrations.incoming.http.pager",
    "airflow_integrations.incoming.http.streaming",
    "airflow_integrations.incoming.http.walk",
    "airflow_integrations.outgoing.http.delete",
    "airflow_integrations.outgoing.http.steps.runner",
)
_ROUTE = {
    "route": "preload",
    "entity": {"key": "entity.id"},
    "incoming": {"http": {"connection": "none", "path": "/{{ window.start }}", "records": "body"}},
    "transform": [{"filter": "entity.id > 0"}, {"map": {"id": "entity.id"}}],
    "outgoing": {"http": {"connection": "none", "method": "PUT", "path": "/{{ entity.id }}"}},
}
"""The models of options are built with the first route, which takes longer than to import them."""


def preload(*kinds: str, command: Sequence[str] | None = None) -> None:
    """Import the engine, and the kinds that routes read from and write to: ``http``, and those named in ``kinds``.

    Does nothing in a component that forks nothing, and opens nothing. What cannot be imported is logged: it must not
    keep Airflow from starting. ``command`` is the component's command line, ``sys.argv`` where it is left out.
    """
    if FORKING.isdisjoint(sys.argv if command is None else command):
        return
    try:
        for module in _MODULES:
            import_module(module)
        for kind in kinds:
            _build(kind)
        _build_route()
    except Exception:
        log.exception("not everything that routes need could be loaded before the first task; each loads it itself")


def _build(kind: str) -> None:
    """Import a kind of incoming or outgoing, and build the models of its options."""
    from airflow_integrations.route import registry
    from airflow_integrations.route.stage import holder

    parts: tuple[registry.Part, ...] = ("incoming", "outgoing")
    found = [part for part in parts if registry.known(part, kind)]
    if not found:
        raise ValueError(f"unknown kind {kind!r}: preload takes kinds of incoming and outgoing, such as http or sql")
    for part in found:
        registry.resolve(part, kind)
        holder(part, kind).model_rebuild()


def _build_route() -> None:
    from airflow_integrations.airflow.dag.factory import build_dag
    from airflow_integrations.route.definition import Route

    build_dag(Route.load(_ROUTE), auto_register=False)
