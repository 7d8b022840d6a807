"""The production set-up as it is written. That it works is test_production_topology's matter."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest
from compose_file import FILE, ROOT, load, needed

AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer", "worker", "cleanup"}


@pytest.fixture(scope="module")
def compose():
    return load(needed())


def test_every_part_of_airflow_is_there(compose):
    assert set(compose["services"]) == AIRFLOW | {"postgres", "ledger-database", "redis", "shop", "erp"}
    assert {name for name, service in compose["services"].items() if service.get("profiles") == ["demo"]} == {
        "shop",
        "erp",
    }


def test_airflow_s_processes_share_image_settings_and_volumes(compose):
    services = [compose["services"][name] for name in sorted(AIRFLOW)]
    for service in services:
        assert service["image"] == services[0]["image"]
        assert service["volumes"] == services[0]["volumes"]
        assert services[0]["environment"].items() <= service["environment"].items()
    named = {volume.partition(":")[0] for volume in services[0]["volumes"] if not volume.startswith(".")}
    assert named <= set(compose["volumes"])
    mounted = {volume.split(":")[1] for volume in services[0]["volumes"]}
    environment = services[0]["environment"]
    assert environment["AIRFLOW__INTEGRATIONS__STAGING"] in mounted
    assert environment["AIRFLOW__CORE__DAGS_FOLDER"] in mounted


def test_what_keeps_running_has_a_health_check_and_waits_for_what_it_needs(compose):
    for name in AIRFLOW - {"init", "cleanup"} | {"postgres", "redis"}:
        assert compose["services"][name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    for name in AIRFLOW - {"init"}:
        assert compose["services"][name]["depends_on"]["init"]["condition"] == "service_completed_successfully"


def test_every_image_has_a_version(compose):
    base = re.search(r"^FROM (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    images = {service["image"] for service in compose["services"].values()} | {base[1]}
    assert all(re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?", image) for image in images), images


def test_the_image_has_the_airflow_that_is_pinned():
    pinned = re.search(r"^apache-airflow==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"FROM apache/airflow:{pinned[1]}\n" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", [name for name in needed() if not name.startswith("DEMO")])
def test_without_a_secret_it_does_not_start(name):
    with pytest.raises(KeyError, match=name):
        load({key: value for key, value in needed().items() if key != name})


def test_the_connections_are_json(compose):
    environment = compose["services"]["worker"]["environment"]
    assert json.loads(environment["AIRFLOW_CONN_SHOP"])["password"] == "value-of-demo_shop_key"
    assert json.loads(environment["AIRFLOW_CONN_ERP"])["host"] == "erp"


def test_the_ledger_is_in_postgresql(compose, monkeypatch):
    from airflow_integrations.airflow.config.ledger import ledger_url

    for name, value in compose["services"]["worker"]["environment"].items():
        if "INTEGRATIONS" in name or name == "AIRFLOW__CORE__EXECUTOR":
            monkeypatch.setenv(name, value)
    assert ledger_url() == "postgresql+psycopg://integrations:value-of-ledger_password@postgres:5432/integrations"


def test_what_grows_has_a_bound(compose):
    for name, service in compose["services"].items():
        assert int(service["logging"]["options"]["max-file"]) > 1, name
        assert "mem_limit" in service or service.get("restart") == "no", name


def test_the_demo_does_not_reach_the_databases(compose):
    of = {name: set(service["networks"]) for name, service in compose["services"].items()}
    assert set(compose["networks"]) == {"airflow", "demo"}
    assert of["postgres"] == of["redis"] == of["ledger-database"] == {"airflow"}
    assert of["shop"] == of["erp"] == {"demo"}
    assert all(of[name] == {"airflow", "demo"} for name in AIRFLOW)


def test_the_clean_up_takes_only_what_is_old(compose, tmp_path):
    """The service's own script, once, with an airflow that writes down what it was asked."""
    service, logs = compose["services"]["cleanup"], tmp_path / "logs"
    (logs / "old").mkdir(parents=True)
    for name, days in (("old/a.log", 31), ("b.log", 29)):
        (logs / name).write_text("x")
        then = time.time() - days * 86400
        os.utime(logs / name, (then, then))
    program = tmp_path / "airflow"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path / "asked"}\n')
    program.chmod(0o755)
    script = service["command"][2].replace("/opt/airflow/logs", str(logs)).replace("sleep 86400", "exit 0")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "KEEP_DAYS": service["environment"]["KEEP_DAYS"]}
    subprocess.run(["bash", "-c", script], env=environment, check=True)
    assert [path.name for path in logs.rglob("*.log")] == ["b.log"]
    before = (datetime.now(UTC) - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M")
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith(f"db clean --clean-before-timestamp {before}")
    assert asked.endswith(" --skip-archive --yes\n")


def test_docker_compose_understands_it():
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker with its compose plugin here")
    command = [docker, "compose", "--file", str(FILE), "--profile", "demo", "config", "--quiet"]
    done = subprocess.run(command, env={**os.environ, **needed()}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
