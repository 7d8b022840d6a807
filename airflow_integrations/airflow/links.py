"""Addresses of pages in Airflow's UI, where ``[api] base_url`` says where that is."""

from __future__ import annotations

from urllib.parse import quote

__all__ = ["console_link", "run_link"]


def console_link(route: str) -> str | None:
    """The route's page in the console; None where nobody has said where Airflow is."""
    base = _base()
    return f"{base}/integrations/routes/{quote(route, safe='')}" if base else None


def run_link(route: str, run_id: str) -> str | None:
    """The run's page in Airflow. The ledger calls runs of DAGs that were written by hand ``dag.route/run``: which DAG
    that was cannot be told, so they have none."""
    base = _base()
    return f"{base}/dags/{quote(route, safe='')}/runs/{quote(run_id, safe='')}" if base and "/" not in run_id else None


def _base() -> str:
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
