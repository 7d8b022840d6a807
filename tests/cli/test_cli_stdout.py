"""Airflow's log does not stand among the results of a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_results_alone_are_on_standard_output(tmp_path: Path, routes: Path) -> None:
    short = {"conn_type": "http", "host": "http://127.0.0.1:9", "password": "abc"}  # Airflow warns of such a password
    asked = {"AIRFLOW__SECRETS__USE_CACHE": "False"}  # who sets up [secrets] has Airflow asked, which then logs
    environ = {**os.environ, **asked, **{f"AIRFLOW_CONN_{name}": json.dumps(short) for name in ("SOURCE", "TARGET")}}
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from airflow_integrations.cli import main; main(['doctor', '--offline', '--json'])",
        ],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "too short" in ended.stderr
    assert {each["check"] for each in json.loads(ended.stdout)} >= {"Connection source", "Connection target"}
