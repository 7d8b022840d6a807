from __future__ import annotations

import subprocess
import sys

from airflow_integrations import testing


def test_every_public_name_is_there():
    assert sorted(testing.__all__) == testing.__all__
    for name in testing.__all__:
        assert getattr(testing, name) is not None


def test_route_tests_need_no_pytest_and_no_airflow():
    code = (
        "import sys; from airflow_integrations.testing import run_route_tests; "
        "print(sorted({'pytest', 'airflow', 'rich'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
