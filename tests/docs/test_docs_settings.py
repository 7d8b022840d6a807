"""docs/operations/airflow.md lists the settings that the package declares to Airflow, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from airflow_integrations.airflow.provider import get_provider_info

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "airflow.md"


def test_every_setting_is_listed() -> None:
    section = (
        PAGE.read_text(encoding="utf-8")
        .partition("\n## Configuration\n")[2]
        .partition("\n## ")[0]
        .partition("\n### ")[0]
    )
    listed = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    declared = get_provider_info()["config"]["integrations"]["options"]
    assert sorted(listed) == sorted(declared)
