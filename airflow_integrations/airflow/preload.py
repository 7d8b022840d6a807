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
)
_PARTS = ("incoming", "outgoing")


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
        for kind in ("http", *kinds):
            _build(kind)
    except Exception:
        log.exception("not everything that routes need could be loaded before the first task; each loads it itself")


def _build(kind: str) -> None:
    """Import a kind, and build the models of its options, which costs more than to import it."""
    from airflow_integrations.route import registry
    from airflow_integrations.route.stage import holder

    for part in _PARTS:
        if registry.known(part, kind):  # type: ignore[arg-type]
            registry.resolve(part, kind)  # type: ignore[arg-type]
            holder(part, kind).model_rebuild()  # type: ignore[arg-type]
