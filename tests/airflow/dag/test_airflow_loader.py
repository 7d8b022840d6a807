from __future__ import annotations

import runpy
import socket
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.airflow.dag import loader
from airflow_integrations.airflow.dag.factory import build_dag
from airflow_integrations.airflow.maintenance.dag import MAINTENANCE
from airflow_integrations.errors import RouteError

DAGS = Path(__file__).parents[3] / "dags"
GOOD = """
entity: {key: entity.id}
incoming: {http: {connection: shop, path: /x, records: body}}
outgoing: {none: {}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    routes = tmp_path / "routes"
    routes.mkdir()
    return routes


@pytest.fixture
def beside(folder: Path) -> Path:
    """Where the loader file would lie."""
    return folder.parent / "integration_routes.py"


def test_each_file_is_a_dag_called_like_it(folder: Path, beside: Path) -> None:
    (folder / "one.yaml").write_text(GOOD)
    (folder / "two.yaml").write_text(GOOD)
    dags = loader.load_routes(beside)
    assert sorted(dags) == [MAINTENANCE, "one", "two"]
    assert all(dag.dag_id == name for name, dag in dags.items())


def test_a_broken_file_never_hides_another_and_is_told_of(folder: Path, beside: Path) -> None:
    (folder / "good.yaml").write_text(GOOD)
    (folder / "broken.yaml").write_text("entity: {key: [\n")
    (folder / "wrong.yaml").write_text(GOOD + "prority: high\nschedule: {cron: often}\n")
    assert list(loader.load_routes(beside)) == ["good", MAINTENANCE]
    with pytest.raises(RouteError) as caught:
        loader.check_routes(beside)
    told = str(caught.value)
    assert "routes/broken.yaml:" in told
    assert "prority" in told
    assert "'often' is not a cron expression" in told


def test_of_two_files_with_one_name_the_one_called_so_loads(folder: Path, beside: Path) -> None:
    (folder / "a_copy.yaml").write_text("route: orders\ndescription: The copy.\n" + GOOD)
    (folder / "orders.yaml").write_text("description: The original.\n" + GOOD)
    assert loader.load_routes(beside)["orders"].description == "The original."
    with pytest.raises(RouteError, match="a_copy"):
        loader.check_routes(beside)


def test_a_dag_that_airflow_refuses_never_hides_another(
    folder: Path, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "good.yaml").write_text(GOOD)
    (folder / "odd.yaml").write_text(GOOD)
    build = build_dag

    def refuse(route: Any, **options: Any) -> Any:
        if route.route == "odd":
            raise ValueError("no DAG like this")
        return build(route, **options)

    monkeypatch.setattr(loader, "build_dag", refuse)
    assert list(loader.load_routes(beside)) == ["good", MAINTENANCE]
    with pytest.raises(RouteError, match=r"odd.*no DAG like this"):
        loader.check_routes(beside)


def test_a_folder_that_is_not_there_is_told_of_and_loads_nothing(beside: Path) -> None:
    beside.parent.joinpath("routes").rmdir()
    assert loader.load_routes(beside) == {}
    with pytest.raises(RouteError, match="no such folder"):
        loader.check_routes(beside)


def test_good_files_pass_the_check(folder: Path, beside: Path) -> None:
    (folder / "good.yaml").write_text(GOOD)
    loader.check_routes(beside)


def test_the_configured_folder_wins(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "good.yaml").write_text(GOOD)
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__ROUTES", str(folder))
    assert "good" in loader.load_routes(tmp_path / "elsewhere" / "file.py")


def test_in_a_task_only_its_own_route_is_built(folder: Path, beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        (folder / f"{name}.yaml").write_text(GOOD)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "two")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "fetch")
    built = []
    build = build_dag

    def watched(route: Any, **options: Any) -> Any:
        built.append(route.route)
        return build(route, **options)

    monkeypatch.setattr(loader, "build_dag", watched)
    assert list(loader.load_routes(beside)) == ["two"]
    assert built == ["two"]


def test_in_a_task_of_the_maintenance_no_route_is_read(
    folder: Path, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "one.yaml").write_text(GOOD)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", MAINTENANCE)
    monkeypatch.setattr(loader, "read_route", None)
    monkeypatch.setattr(loader, "read_routes", None)
    assert list(loader.load_routes(beside)) == [MAINTENANCE]


def test_without_a_route_and_in_further_loader_files_there_is_no_maintenance(folder: Path, beside: Path) -> None:
    assert loader.load_routes(beside) == {}
    (folder / "one.yaml").write_text(GOOD)
    assert list(loader.load_routes(beside, maintenance=False)) == ["one"]


def test_no_route_can_have_the_name_of_the_maintenance(folder: Path, beside: Path) -> None:
    (folder / "good.yaml").write_text(GOOD)
    (folder / f"{MAINTENANCE}.yaml").write_text(GOOD)
    dags = loader.load_routes(beside)
    assert [task.task_id for task in dags[MAINTENANCE].tasks] == ["cleanup", "alerts", "wake"]
    with pytest.raises(RouteError, match="the name of the maintenance DAG"):
        loader.check_routes(beside)


def test_in_a_task_whose_route_is_gone_nothing_is_raised(
    beside: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "gone")
    assert loader.load_routes(beside) == {}
    assert "no file holds the route 'gone'" in caplog.text


def test_parsing_opens_no_connection_of_any_kind(folder: Path, beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "good.yaml").write_text(GOOD.replace("/x", '"/{{ var.nowhere }}"'))

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("parsing went to the network, the database or a Connection")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("airflow.sdk.execution_time.context._get_connection", refuse)
    monkeypatch.setattr("airflow.sdk.execution_time.context._get_variable", refuse)
    monkeypatch.setattr("sqlalchemy.engine.Engine.connect", refuse)
    assert list(loader.load_routes(beside)) == ["good", MAINTENANCE]
    loader.check_routes(beside)


@pytest.mark.parametrize("name", ["integration_routes.py", "integration_routes_check.py"])
def test_airflow_finds_the_loader_files(name: str) -> None:
    """Airflow's safe mode passes over files without these words."""
    content = (DAGS / name).read_bytes().lower()
    assert b"airflow" in content
    assert b"dag" in content


def test_the_loader_files_load_what_is_right_and_tell_what_is_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "good.yaml").write_text(GOOD)
    (folder / "wrong.yaml").write_text("entity: 3\n")
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__ROUTES", str(folder))
    assert runpy.run_path(str(DAGS / "integration_routes.py"))["good"].dag_id == "good"
    with pytest.raises(RouteError, match=r"wrong\.yaml"):
        runpy.run_path(str(DAGS / "integration_routes_check.py"))


def test_airflow_takes_in_the_loader_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag

    (folder / "good.yaml").write_text(GOOD)
    (folder / "wrong.yaml").write_text("entity: 3\n")
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__ROUTES", str(folder))
    bag = DagBag(dag_folder=str(DAGS / "integration_routes.py"), bundle_path=DAGS, bundle_name="test")
    assert bag.import_errors == {}
    assert "good" in bag.dags
    checks = DagBag(dag_folder=str(DAGS / "integration_routes_check.py"), bundle_path=DAGS, bundle_name="test")
    (told,) = checks.import_errors.values()
    assert "wrong.yaml" in told
    assert checks.dags == {}


def test_the_check_defines_no_dag_even_where_all_is_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else Airflow has each DAG of two files in turn: a new version at every parse, and its page comes and goes."""
    from airflow.dag_processing.dagbag import DagBag

    (folder / "good.yaml").write_text(GOOD)
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__ROUTES", str(folder))
    checks = DagBag(dag_folder=str(DAGS / "integration_routes_check.py"), bundle_path=DAGS, bundle_name="test")
    assert checks.import_errors == {}
    assert checks.dags == {}
