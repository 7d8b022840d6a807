"""deploy/kubernetes/values.yaml as it is written. The chart is not rendered: there is no helm here."""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any

import pytest
import yaml
from compose_file import ROOT, load, needed

from airflow_integrations.airflow.provider import get_provider_info

FILE = ROOT / "deploy" / "kubernetes" / "values.yaml"
PAGE = (ROOT / "docs" / "operations" / "kubernetes.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = load(needed())["services"]["worker"]
    return found


def test_every_setting_is_known_to_airflow_or_to_this_package(values: dict[str, Any]) -> None:
    from airflow.configuration import conf

    known = {(section, name) for section, found in conf.configuration_description.items() for name in found["options"]}
    known |= {("integrations", name) for name in get_provider_info()["config"]["integrations"]["options"]}
    for each in values["env"]:
        _, section, name = each["name"].lower().split("__")
        assert (section, name) in known, each
        assert isinstance(each["value"], str), each


def test_what_the_compose_file_tunes_is_tuned_alike(values: dict[str, Any], compose: dict[str, Any]) -> None:
    env = {each["name"]: each["value"] for each in values["env"]}
    own = {"AIRFLOW__CORE__PARALLELISM", "AIRFLOW__API__BASE_URL"}
    assert {name: value for name, value in env.items() if name not in own} == {
        name: compose["environment"][name] for name in env if name not in own
    }


def test_image_and_paths_are_those_of_the_dockerfile(values: dict[str, Any], compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"apache/airflow:{values['airflowVersion']}\n" in dockerfile
    assert compose["image"].rpartition(":")[2] == values["images"]["airflow"]["tag"]
    image = f"{values['images']['airflow']['repository']}:{values['images']['airflow']['tag']}"
    assert PAGE.count(image) == 2
    mounts = {each["mountPath"] for each in values["volumeMounts"]}
    assert mounts == {"/opt/airflow/staging", "/opt/airflow/integrations"}
    staging = next(each["value"] for each in values["env"] if each["name"].endswith("__STAGING"))
    assert staging in mounts
    assert staging in dockerfile
    assert "git" in dockerfile.partition("source[")[2].partition("]")[0].split(",")
    named = {each["name"] for each in values["volumes"]}
    assert {each["name"] for each in values["volumeMounts"]} == named
    claim = yaml.safe_load((FILE.parent / "volume.yaml").read_text(encoding="utf-8"))
    assert [each["persistentVolumeClaim"]["claimName"] for each in values["volumes"]] == [claim["metadata"]["name"]]


def test_the_local_settings_are_those_that_the_compose_file_mounts(values: dict[str, Any]) -> None:
    mounted = (ROOT / "deploy" / "airflow" / "airflow_local_settings.py").read_text(encoding="utf-8")
    assert mounted.rstrip().endswith(values["airflowLocalSettings"].rstrip())


def test_the_page_creates_every_secret_that_is_named(values: dict[str, Any]) -> None:
    wanted = {(each["secretName"], each["secretKey"]) for each in values["secret"]}
    wanted |= {
        (values["data"]["metadataSecretName"], "connection"),
        (values["fernetKeySecretName"], "fernet-key"),
        (values["apiSecretKeySecretName"], "api-secret-key"),
        (values["jwtSecretName"], "jwt-secret"),
    }
    assert set(re.findall(r"^secret (\S+) --from-literal (\S+?)=", PAGE, re.MULTILINE)) == wanted


def test_the_bundle_can_be_made_with_its_connection(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("airflow.providers.git")
    (secret,) = [each for each in values["secret"] if each["envName"].startswith("AIRFLOW_CONN_ROUTES")]
    (written,) = re.findall(rf"^secret {secret['secretName']} .*connection='(.*)'$", PAGE, re.MULTILINE)
    monkeypatch.setenv(secret["envName"], json.dumps(json.loads(written)))
    (bundle,) = values["dagProcessor"]["dagBundleConfigList"]
    module, _, name = bundle["classpath"].rpartition(".")
    made = getattr(import_module(module), name)(name=bundle["name"], **bundle["kwargs"])
    assert made.hook is not None, "the Connection was not found"
    assert (
        made.repo_url.endswith("@git.example.com/integrations/routes.git")
        or made.repo_url == (bundle["kwargs"]["repo_url"])
    )
    assert made.supports_versioning


def test_pools_are_made_since_tasks_wait_for_them(values: dict[str, Any]) -> None:
    assert {"name": "AIRFLOW__INTEGRATIONS__POOLS", "value": "True"} in values["env"]
    assert "integrations pools create" in values["migrateDatabaseJob"]["args"][-1]


def test_only_webhooks_are_open_to_other_systems(values: dict[str, Any]) -> None:
    from airflow_integrations.airflow.plugin import IntegrationsPlugin

    (app,) = IntegrationsPlugin.fastapi_apps
    assert values["ingress"]["apiServer"]["path"] == f"{app['url_prefix']}/hooks/"
