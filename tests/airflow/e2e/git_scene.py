"""A DAG bundle from a git repository, with one route: it uses a shared part, a table and a webhook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from git_repository import Repository

__all__ = ["bundles", "git_routes", "rate"]

ROUTE = """
paused: false
tasks: {retries: 0, together: 0}
entity: {name: order, key: order.number}
trigger: {webhook: {path: e2e/versioned, verify: {github: hook_secret}, records: body.orders}}
incoming: {use: _shared.yaml, http: {path: /versioned/orders}}
transform:
  - lookup: {name: rate, file: rates.csv, where: {status: order.status}}
  - map: {Number: order.number, Total: rate.rate}
outgoing:
  http: {connection: systems, method: PUT, path: "/versioned/sales/{{ order.Number }}"}
"""
SHARED = """
http:
  connection: systems
  query: {from: "{{ window.start }}", to: "{{ window.end }}"}
  records: body.orders
"""
LOADER = """from airflow_integrations.airflow.dag.loader import load_routes

globals().update(load_routes(__file__, maintenance=False))
"""


def git_routes(path: Path) -> Repository:
    """The repository, with its first commit: the rate is 1."""
    repository = Repository(path)
    (path / "routes" / "_shared.yaml").write_text(SHARED)
    (path / "git_routes.py").write_text(LOADER)
    rate(repository, 1)
    return repository


def rate(repository: Repository, value: int) -> str:
    """Commit another rate, in the table that the route looks up. Returns the commit."""
    (repository.path / "routes" / "rates.csv").write_text(f"status,rate\npaid,{value}\n")
    return repository.commit(versioned=ROUTE)


def bundles(repository: Repository) -> list[dict[str, Any]]:
    """Airflow's ``dag_bundle_config_list``: the dags folder, and the repository."""
    git = {"repo_url": str(repository.path), "tracking_ref": "main", "refresh_interval": 3600}
    return [
        {"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
        {"name": "from-git", "classpath": "airflow.providers.git.bundles.git.GitDagBundle", "kwargs": git},
    ]
