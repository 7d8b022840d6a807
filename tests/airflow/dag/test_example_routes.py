"""Airflow takes every route that comes as an example."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_integrations.airflow.dag import loader

DAGS = Path(__file__).parents[3] / "dags"


@pytest.mark.parametrize(
    "folder", ["routes", "examples/shopify_to_sap", "examples/erp_database", "examples/edi_orders"]
)
def test_airflow_takes_every_example(folder: str, tmp_path: Path) -> None:
    routes = DAGS / folder
    (tmp_path / "routes").symlink_to(routes, target_is_directory=True)
    expected = {path.stem for path in routes.glob("*.yaml") if path.name[0] != "_" and ".test." not in path.name}
    assert expected
    assert expected <= loader.load_routes(tmp_path / "integration_routes.py").keys()
