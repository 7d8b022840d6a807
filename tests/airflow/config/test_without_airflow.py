"""What is read without Airflow is what Airflow reads, or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_integrations.airflow.config.ledger import address
from airflow_integrations.airflow.config.without_airflow import (
    Environment,
    ledger_without_airflow,
    routes_without_airflow,
    staging_without_airflow,
)

NAMED = {"AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION": "led"}
JSON = json.dumps(
    {"conn_type": "postgresql", "host": "db", "schema": "led", "login": "u", "password": "p@/%", "port": "5433"}
)


def read(home: Path, environ: dict[str, str], cfg: str = "") -> str | None:
    if cfg:
        (home / "airflow.cfg").write_text(cfg)
    found = ledger_without_airflow({"AIRFLOW_HOME": str(home), **environ})
    if found is None:
        return None
    assert found[1] == home / "integrations" / "ledger.json"
    return found[0].replace(str(home), "HOME")


@pytest.mark.parametrize(
    ("environ", "cfg", "url"),
    [
        ({}, "", "sqlite:///HOME/integrations/ledger.db"),
        ({}, "[core]\nexecutor = LocalExecutor\n", "sqlite:///HOME/integrations/ledger.db"),
        ({"AIRFLOW_CONN_LED": JSON} | NAMED, "", "postgresql+psycopg://u:p%40%2F%25@db:5433/led"),
        ({"AIRFLOW_CONN_LED": JSON}, "[integrations]\nledger_connection = led\n", "postgresql+psycopg://u:p%40%2F%25@db:5433/led"),
        ({"AIRFLOW_CONN_LED": "postgres://u:p%40@db/led?sslmode=require"} | NAMED, "", "postgresql+psycopg://u:p%40@db/led?sslmode=require"),
        ({"AIRFLOW_CONN_LED": "postgres://db/led?__extra__=%7B%22a%22%3A1%7D"} | NAMED, "", "postgresql+psycopg://db/led?a=1"),
        ({"AIRFLOW_CONN_LED": JSON} | NAMED, "[core]\nmulti_team = False\n", "postgresql+psycopg://u:p%40%2F%25@db:5433/led"),
        ({"AIRFLOW_CONN_LED": "postgres://db/led", "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"} | NAMED, "", "postgresql+psycopg://db/led"),
    ],
)  # fmt: skip
def test_found(tmp_path: Path, environ: dict[str, str], cfg: str, url: str) -> None:
    assert read(tmp_path, environ, cfg) == url


@pytest.mark.parametrize(
    ("environ", "cfg"),
    [
        (NAMED, ""),  # in the metadata database, or nowhere
        ({"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}, ""),
        ({}, "[core]\nexecutor = CeleryExecutor\n"),
        ({}, "[core]\nexecutor = %(other)s\n"),
        ({}, "[DEFAULT]\nledger_connection = led\n"),
        ({}, "broken"),
        ({}, "[integrations]\nledger_connection_cmd = echo led\n"),
        ({"AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION_SECRET": "led"}, ""),
        ({"AIRFLOW_CONFIG": "/nowhere/airflow.cfg"}, ""),
        ({"AIRFLOW__CORE__UNIT_TEST_MODE": "True"}, ""),
        ({"AIRFLOW_CONN_LED": JSON, "AIRFLOW__SECRETS__BACKEND": "a.B"} | NAMED, ""),
        ({"AIRFLOW_CONN_LED": JSON, "AIRFLOW__SECRETS__BACKEND_KWARGS_CMD": "x"} | NAMED, ""),
        ({"AIRFLOW_CONN_LED": JSON} | NAMED, "[secrets]\nbackend = a.B\n"),
        ({"AIRFLOW_CONN_LED": JSON} | NAMED, "[workers]\nsecrets_backend = a.B\n"),
        ({"AIRFLOW_CONN_LED": JSON} | NAMED, "[core]\nmulti_team = True\n"),
        ({"AIRFLOW_CONN_LED": "mysql://db/led"} | NAMED, ""),  # a mistake, for which Airflow's room has the words
        ({"AIRFLOW_CONN_LED": "postgres://http://h://db/led"} | NAMED, ""),
        ({"AIRFLOW_CONN_LED": '{"conn_type": "postgres", "uri": "x"}'} | NAMED, ""),
        ({"AIRFLOW_CONN_LED": '{"conn_type": "postgres", "host": 5}'} | NAMED, ""),
        ({"AIRFLOW_CONN_LED": '{"conn_type": "postgres", "host": "a", "schema": "b", "extra": "no json"}'} | NAMED, ""),
    ],
)
def test_left_to_airflow(tmp_path: Path, environ: dict[str, str], cfg: str) -> None:
    assert read(tmp_path, environ, cfg) is None


def test_folders(tmp_path: Path) -> None:
    environ = {"AIRFLOW_HOME": str(tmp_path)}
    assert staging_without_airflow(environ) == str(tmp_path / "integrations" / "staging")
    assert routes_without_airflow(environ) == str(tmp_path / "dags" / "routes")
    (tmp_path / "airflow.cfg").write_text("[core]\ndags_folder = /d\n[integrations]\nstaging = s3://b/x\n")
    assert staging_without_airflow(environ) == "s3://b/x"
    assert routes_without_airflow(environ) == "/d/routes"
    assert routes_without_airflow({**environ, "AIRFLOW__INTEGRATIONS__ROUTES": "/r"}) == "/r"


LOCAL = '[{"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}}]'


@pytest.mark.parametrize(
    ("bundles", "found"),
    [
        (LOCAL, "/d/routes"),
        (LOCAL.replace("{}", '{"path": "/elsewhere"}'), None),
        (LOCAL.replace("}]", "}, {}]"), None),
        (LOCAL.replace("LocalDagBundle", "OtherBundle"), None),
        ("no list", None),
    ],
)
def test_the_bundle_that_airflow_writes_into_its_configuration_is_the_dags_folder(
    tmp_path: Path, bundles: str, found: str | None
) -> None:
    (tmp_path / "airflow.cfg").write_text(
        f"[core]\ndags_folder = /d\n[dag_processor]\ndag_bundle_config_list = {bundles}\n"
    )
    assert routes_without_airflow({"AIRFLOW_HOME": str(tmp_path)}) == found


def test_where_airflow_has_written_its_configuration_it_need_not_be_asked(tmp_path: Path) -> None:
    environ = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW_CONN_SHOP": "http://shop.example"}
    left_out = ("AIRFLOW__", "AIRFLOW_", "_AIRFLOW")
    own = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from airflow.configuration import write_default_airflow_configuration_if_needed as w; w()",
        ],
        check=True,
        env=own | environ,
        timeout=120,
    )
    assert "[dag_processor]" in (tmp_path / "airflow.cfg").read_text()
    assert routes_without_airflow(environ) == str(tmp_path / "dags" / "routes")
    assert staging_without_airflow(environ) is not None
    assert ledger_without_airflow(environ) is not None
    assert Environment(environ).connection("shop") is not None


PART = st.text(st.sampled_from("aZ0_-.~!$&'()*+,;=:@/?#[]% \"\\é"), max_size=6)
FIELD = st.one_of(st.none(), PART)


def theirs(written: str) -> str | None:
    """What Airflow's environment backend makes of it."""
    from airflow.sdk.definitions.connection import Connection

    written = written.strip()
    try:
        is_json = written.startswith("{")
        return address("led", Connection.from_json(written) if is_json else Connection.from_uri(written, "led"))
    except Exception:
        return None


SCHEMES = st.sampled_from(["postgres", "postgresql", "Postgres"])
URIS = st.builds("{}://{}:{}@{}/{}{}".format, SCHEMES, PART, PART, PART, PART, PART)
FIELDS = {
    **dict.fromkeys(("host", "schema", "login", "password"), FIELD),
    "extra": st.one_of(FIELD, st.dictionaries(PART, FIELD, max_size=2)),
    "port": st.one_of(st.none(), st.integers(0, 70000), PART),
}
KINDS = st.sampled_from(["postgres", "postgresql", "sqlite", None])


@given(st.one_of(URIS, st.fixed_dictionaries({"conn_type": KINDS}, optional=FIELDS).map(json.dumps)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_a_connection_is_read_as_airflow_reads_it(tmp_path: Path, written: str) -> None:
    found = ledger_without_airflow({"AIRFLOW_HOME": str(tmp_path), "AIRFLOW_CONN_LED": written, **NAMED})
    if found is not None:
        assert found[0] == theirs(written)
