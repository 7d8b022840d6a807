"""``new-kind`` writes a package whose conformance tests pass as they are, with types that hold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from airflow_integrations.cli import main
from airflow_integrations.cli.new.kind_scaffold import SCAFFOLDS

TOP = Path(__file__).parents[3]


def written(part: str, folder: Path, name: str = "acme_crm") -> Path:
    package = folder / "package"
    assert main(["new-kind", part, name, "--folder", str(package)]) == 0
    return package


def registered(package: Path, part: str) -> None:
    """As an installation would: an entry point beside the code."""
    (info := package / "acme_crm-0.1.0.dist-info").mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-crm\nVersion: 0.1.0\n")
    project, group = (package / "pyproject.toml").read_text(), "listen" if part == "listener" else part
    point = project.partition(f'[project.entry-points."airflow_integrations.{group}"]\n')[2].partition("\n")[0]
    (info / "entry_points.txt").write_text(f"[airflow_integrations.{group}]\n{point.replace(chr(34), '')}\n")


@pytest.mark.parametrize("part", SCAFFOLDS)
def test_a_new_kind_passes_the_tests_that_every_kind_has_to_pass(part: str, tmp_path: Path) -> None:
    package = written(part, tmp_path)
    registered(package, part)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=package,
        env={**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{TOP}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "acme_crm" in (package / "pyproject.toml").read_text()


@pytest.mark.long
def test_its_types_hold(tmp_path: Path) -> None:
    """Those of all parts at once, strictly. To look at all they import takes long. Where ``make types`` has done so,
    its cache has what was found; it goes by the project's settings."""
    packages = [written(part, tmp_path / part, f"acme_{part}") for part in SCAFFOLDS]
    names = [f"airflow_integrations_acme_{part}" for part in SCAFFOLDS]
    settings = (TOP / "pyproject.toml").read_text()
    relaxed = [option for option, value in tomllib.loads(settings)["tool"]["mypy"].items() if value is False]
    modules = json.dumps([*names, *(f"{name}.*" for name in names)])
    strict = "".join(f"{option} = true\n" for option in relaxed)
    (config := tmp_path / "mypy.toml").write_text(f"{settings}\n[[tool.mypy.overrides]]\nmodule = {modules}\n{strict}")
    if (TOP / ".mypy_cache").is_dir():
        shutil.copytree(TOP / ".mypy_cache", tmp_path / "cache")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", f"--config-file={config}", f"--cache-dir={tmp_path / 'cache'}"]
        + [f"--package={name}" for name in names],
        cwd=TOP,
        env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, packages))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    files = sum(1 for package in packages for _ in package.glob("airflow_integrations_acme_*/**/*.py"))
    assert f"no issues found in {files} source files" in done.stdout


def test_nothing_is_written_over_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = written("outgoing", tmp_path)
    before = (package / "README.md").read_text()
    assert main(["new-kind", "incoming", "other", "--folder", str(package)]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert (package / "README.md").read_text() == before


@pytest.mark.parametrize(("name", "said"), [("http", "there is a kind 'http'"), ("Acme", "lower-case")])
def test_a_name_that_cannot_be_used_is_refused(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-kind", "outgoing", name]) == 2
    assert said in capsys.readouterr().err
