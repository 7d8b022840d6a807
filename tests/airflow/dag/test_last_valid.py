"""A broken edit does not take a route out of scheduling; its mistakes are told all the same."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from airflow_tasks import task_of

from airflow_integrations.airflow.dag import last_valid, loader
from airflow_integrations.airflow.maintenance.dag import MAINTENANCE
from airflow_integrations.errors import RouteError
from airflow_integrations.route_files.load import read_routes

GOOD = """
route: orders
entity: {name: order, key: order.number}
schedule: {every: 5m}
incoming: {http: {connection: shop, path: /orders, records: body.orders}}
transform:
  - lookup: {name: tax, file: tax.csv, where: {country: order.country}}
  - map: {Number: order.number, Rate: {const: 0.10}, Code: {const: "08"}, More: {const: "1e5"}, Text: {const: "0.10"}}
outgoing: {none: {}}
"""


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    folder = tmp_path / "routes"
    (folder / "sales").mkdir(parents=True)
    (folder / "sales" / "tax.csv").write_text("country,rate\nES,21\n")
    (folder / "sales" / "any_name.yaml").write_text(GOOD)
    return tmp_path / "integration_routes.py"


def edit(beside: Path, text: str) -> None:
    (beside.parent / "routes" / "sales" / "any_name.yaml").write_text(text)


@pytest.mark.parametrize("broken", ["incoming: {", GOOD.replace("every: 5m", "evry: 5m"), "", "\x00"])
def test_a_route_that_was_valid_goes_on_and_its_mistakes_are_told(beside: Path, broken: str) -> None:
    before = loader.load_routes(beside)["orders"]
    edit(beside, broken)
    after = loader.load_routes(beside)
    assert list(after) == ["orders", MAINTENANCE]
    was, is_ = (task_of(dag, "fetch").route for dag in (before, after["orders"]))
    assert is_ == was
    assert repr(is_.transform) == repr(was.transform), "numbers are numbers, and texts are texts"
    with pytest.raises(RouteError, match=r"any_name\.yaml"):
        loader.check_routes(beside)


def test_a_task_of_it_finds_its_route_too(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "orders")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "push")
    assert list(loader.load_routes(beside)) == ["orders"]
    edit(beside, "incoming: {")
    assert list(loader.load_routes(beside)) == ["orders"]


def test_the_corrected_file_counts_at_once(beside: Path) -> None:
    loader.load_routes(beside)
    edit(beside, "incoming: {")
    loader.load_routes(beside)
    edit(beside, GOOD.replace("every: 5m", "every: 7m"))
    assert task_of(loader.load_routes(beside)["orders"], "fetch").route.schedule.every.total_seconds() == 420


def test_a_route_whose_file_is_gone_is_gone(beside: Path) -> None:
    loader.load_routes(beside)
    (beside.parent / "routes" / "sales" / "any_name.yaml").unlink()
    assert loader.load_routes(beside) == {}


def test_a_file_that_was_never_valid_has_no_dag(beside: Path) -> None:
    edit(beside, "incoming: {")
    assert loader.load_routes(beside) == {}


def test_a_home_that_cannot_be_written_changes_nothing(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "airflow_integrations.airflow.dag.last_valid.settings.last_valid_folder", lambda: Path("/proc/none")
    )
    assert list(loader.load_routes(beside)) == ["orders", MAINTENANCE]


def test_what_is_kept_is_written_only_when_something_has_changed(beside: Path) -> None:
    folder = beside.parent / "routes"
    last_valid.remember(read_routes(folder).routes.values())
    place = last_valid._place(folder / "sales" / "any_name.yaml")
    written = place.stat().st_mtime_ns
    time.sleep(0.01)
    last_valid.remember(read_routes(folder).routes.values())
    assert place.stat().st_mtime_ns == written
