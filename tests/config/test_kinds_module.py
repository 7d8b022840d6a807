"""``airflow_integrations.kinds`` is the public face for third parties: exact, lazy, and without Airflow."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_integrations import kinds


def test_every_public_name_is_there_and_no_other() -> None:
    assert sorted(kinds.__all__) == kinds.__all__
    assert set(dir(kinds)) == set(kinds.__all__) == set(kinds._HOME)
    for name in kinds.__all__:
        assert getattr(kinds, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = kinds.no_such_name


def test_a_name_costs_only_what_it_needs() -> None:
    code = (
        "import sys; from airflow_integrations.kinds import Model, Result, Entity; "
        "print(sorted({'airflow', 'aiohttp', 'sqlalchemy', 'pytest', 'jinja2'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
