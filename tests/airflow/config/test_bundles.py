"""Routes in a DAG bundle that comes from a git repository, for processes that Airflow gives no files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from git_repository import Repository

from airflow_integrations.airflow.config import bundles
from airflow_integrations.airflow.dag import loader
from airflow_integrations.airflow.maintenance.dag import MAINTENANCE
from airflow_integrations.airflow.maintenance.served_routes import ServedRoutes
from airflow_integrations.airflow.maintenance.wake import idle_routes
from airflow_integrations.cli import main
from airflow_integrations.errors import OutageError
from airflow_integrations.webhooks.endpoints import EndpointTable

ROUTE = """
entity: {name: order, key: order.number}
paused: false
trigger: {webhook: {path: orders, verify: none, records: body}}
incoming: {none: {}}
outgoing: {none: {}}
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    pytest.importorskip("airflow.providers.git")
    made = Repository(tmp_path / "repository")
    where = {"repo_url": str(made.path), "tracking_ref": "main", "refresh_interval": 30}
    config = [
        {"name": "routes", "classpath": "airflow.providers.git.bundles.git.GitDagBundle", "kwargs": where},
        {
            "name": "others",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(tmp_path / "others")},
        },
    ]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(config))
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
    monkeypatch.delenv("AIRFLOW__INTEGRATIONS__ROUTES", raising=False)
    return made


def test_addresses_come_from_all_bundles_and_follow_their_commits(repository: Repository, tmp_path: Path) -> None:
    repository.commit(orders=ROUTE)
    (tmp_path / "others" / "dags" / "routes").mkdir(parents=True)
    (tmp_path / "others" / "dags" / "routes" / "items.yaml").write_text(ROUTE.replace("path: orders", "path: items"))
    clock = Clock()
    book = EndpointTable(bundles.BundledRoutes(clock=clock).folders, clock=clock)
    assert set(book.current().routes) == {"orders", "items"}
    repository.commit(orders=ROUTE.replace("path: orders", "path: sales"))
    clock.now += 65
    assert book.current().find("sales") is not None
    repository.commit(orders="entity: [")
    clock.now += 65
    assert book.current().find("sales") is not None, "a broken commit takes no address away"


def test_a_repository_that_is_away_takes_no_address_away(repository: Repository) -> None:
    repository.commit(orders=ROUTE)
    clock = Clock()
    book = EndpointTable(bundles.BundledRoutes(clock=clock).folders, clock=clock)
    assert book.current().find("orders") is not None
    repository.path.rename(repository.path.with_name("moved"))
    clock.now += 65
    assert book.current().find("orders") is not None
    (repository.path.parent / "bundles").rename(repository.path.parent / "gone")
    anew = EndpointTable(bundles.BundledRoutes().folders)
    with pytest.raises(OutageError, match="the DAG bundle routes cannot be fetched"):
        anew.current()


def test_commands_find_the_routes(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit(orders=ROUTE)
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 0
    assert "orders" in capsys.readouterr().out


def test_a_broken_commit_leaves_tasks_of_its_version_what_was_last_valid(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    repository.commit(orders=ROUTE)
    tracking = DagBundlesManager().get_bundle("routes")
    tracking.initialize()
    before = loader.load_routes(tracking.path / "integration_routes.py")["orders"]
    broken = repository.commit(orders="entity: [")
    tracking.refresh()
    assert loader.load_routes(tracking.path / "integration_routes.py")["orders"].task_dict == before.task_dict
    pinned = DagBundlesManager().get_bundle("routes", version=broken)
    pinned.initialize()
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "orders")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "push")
    assert list(loader.load_routes(pinned.path / "integration_routes.py")) == ["orders"]


def test_the_maintenance_serves_the_routes_of_all_bundles(repository: Repository, tmp_path: Path) -> None:
    repository.commit(orders=ROUTE)
    own = tmp_path / "others" / "dags" / "routes"
    own.mkdir(parents=True)
    (own / "items.yaml").write_text(ROUTE.replace("path: orders", "path: items"))
    served = ServedRoutes.beside(own)
    assert (set(served.all().routes), served.complete) == ({"items", "orders"}, True)
    assert served.one("orders").route == "orders"
    in_git = bundles.BundledRoutes().folders()[0]
    assert set(ServedRoutes.beside(in_git).all().routes) == {"items", "orders"}


class Dags:
    """Airflow's DAGs, all of loader files of one name."""

    def get_dag(self, dag_id: str) -> Any:
        return SimpleNamespace(is_paused=False, next_dagrun=None, relative_fileloc="integration_routes.py")

    def get_dr_count(self, dag_id: str, *, states: list[str]) -> int:
        return 0


def test_a_route_of_another_bundle_is_woken_where_the_loader_files_have_one_name(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit(orders=ROUTE)
    (own := tmp_path / "others" / "routes").mkdir(parents=True)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert idle_routes(["orders"], (), Dags(), MAINTENANCE, own, now) == {"orders": "orders"}


def test_of_a_bundle_that_is_away_nothing_is_concluded(repository: Repository, tmp_path: Path) -> None:
    own = tmp_path / "others" / "routes"
    own.mkdir(parents=True)
    (own / "items.yaml").write_text(ROUTE.replace("path: orders", "path: items"))
    repository.path.rename(repository.path.with_name("moved"))
    served = ServedRoutes.beside(own)
    assert (set(served.all().routes), served.complete, served.usable) == ({"items"}, False, False)
