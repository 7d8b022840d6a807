"""``init`` writes the loader files, and nothing that would define a route twice stays behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_integrations.cli import main
from airflow_integrations.cli.init import loader_files

DAGS = Path(__file__).parents[3] / "dags"


def written(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("*.py")}


def test_one_loader_is_that_of_this_project(tmp_path: Path) -> None:
    assert main(["init", "--dags", str(tmp_path / "dags")]) == 0
    assert written(tmp_path / "dags") == written(DAGS) == loader_files(1)
    assert (tmp_path / "dags" / "routes").is_dir()


def test_another_number_leaves_no_file_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "integration_routes_of_mine.py").write_text("# mine\n")
    for shards in (1, 3, 8, 1):
        assert main(["init", "--dags", str(tmp_path), "--shards", str(shards)]) == 0
        there = written(tmp_path)
        assert there.pop("integration_routes_of_mine.py") == "# mine\n"
        assert there == loader_files(shards)
    assert main(["init", "--dags", str(tmp_path)]) == 0  # again: nothing to do


@pytest.mark.parametrize(
    "name", ["integration_routes.py", "integration_routes_check.py", "integration_routes_2_of_4.py"]
)
def test_what_somebody_has_changed_is_left_alone(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_text("from airflow_integrations.airflow import load_routes  # and more\n")
    before = written(tmp_path)
    assert main(["init", "--dags", str(tmp_path), "--shards", "3"]) == 2
    assert f"{name} is not as this command writes it" in capsys.readouterr().err
    assert written(tmp_path) == before


@pytest.mark.parametrize("shards", ["0", "65", "-1"])
def test_a_number_that_makes_no_sense(tmp_path: Path, shards: str) -> None:
    assert main(["init", "--dags", str(tmp_path / "dags"), "--shards", shards]) == 2
    assert not (tmp_path / "dags").exists()
