"""``ledger migrate --check``, and commands where nobody but ``ledger migrate`` may migrate."""

from __future__ import annotations

import pytest

from airflow_integrations.ledger.storage.schema_version import HEAD


def test_check_says_whether_a_migration_is_needed_and_makes_none(call) -> None:
    for _ in range(2):
        code, said, _ = call("ledger", "migrate", "--check")
        assert code == 1
        assert f"has no tables; this version of airflow-integrations needs {HEAD}" in said
    assert call("ledger", "migrate")[0] == 0
    code, said, _ = call("ledger", "migrate", "--check")
    assert (code, f"schema {HEAD}" in said) == (0, True)


def test_where_commands_may_not_migrate_they_refuse(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_AUTO_MIGRATE", "False")
    code, _, complained = call("ledger", "status")
    assert code == 1
    assert "run `airflow-integrations ledger migrate`" in complained
    assert call("ledger", "migrate")[0] == 0
    assert call("ledger", "status")[0] == 0
