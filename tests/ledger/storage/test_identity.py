"""A ledger that was lost is not silently made anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from airflow_integrations.errors import SetupError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.fetch_queries import window_of_run
from airflow_integrations.ledger.storage import schema_version
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.identity import LedgerReplaced
from airflow_integrations.ledger.storage.tables import metadata


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.json"


def lose(url: str) -> None:
    """Its tables, and all traces of it on SQLite."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        for file in Path(parsed.database or "").parent.glob("ledger.db*"):
            file.unlink()
        return
    with Database.open(url) as database, database.write() as connection:
        metadata.drop_all(connection)
        connection.execute(text(f"DROP TABLE {schema_version.VERSION_TABLE}"))


def drop_tables(url: str) -> None:
    with Database.open(url) as database, database.write() as connection:
        metadata.drop_all(connection)
        connection.execute(text(f"DROP TABLE {schema_version.VERSION_TABLE}"))


def test_the_ledger_of_before_is_opened_as_often_as_wanted(database_url: str, marker: Path) -> None:
    for _ in range(3):
        Ledger.open(database_url, marker=marker).close()
    (entry,) = json.loads(marker.read_text()).values()
    assert len(entry["id"]) == 32


def test_the_marker_holds_no_credentials(database_url: str, marker: Path) -> None:
    url = make_url(database_url)
    if url.get_backend_name() == "postgresql":
        url = url.set(password="hunter2")  # which a trusted connection does not look at
    Ledger.open(url.render_as_string(hide_password=False), marker=marker).close()
    assert "hunter2" not in marker.read_text()
    # another password, the same ledger
    Ledger.open(database_url, marker=marker).close()
    assert len(json.loads(marker.read_text())) == 1


@pytest.mark.parametrize("loss", [lose, drop_tables])
def test_a_lost_ledger_is_refused_until_it_is_begun_again(database_url: str, marker: Path, loss) -> None:
    Ledger.open(database_url, marker=marker).close()
    loss(database_url)
    for _ in range(2):  # the first refusal creates nothing that the second would take for the ledger
        with pytest.raises(LedgerReplaced) as caught:
            Ledger.open(database_url, marker=marker)
        assert "is empty or does not exist, but Airflow has used one at this address since 20" in str(caught.value)
        assert "would be sent again. Restore it from a backup" in str(caught.value)
        assert "`airflow-integrations ledger begin-again`" in str(caught.value)
    Ledger.open(database_url, marker=marker, begin_again=True).close()
    Ledger.open(database_url, marker=marker).close()


def test_no_file_is_made_in_place_of_a_lost_one(tmp_path: Path, marker: Path) -> None:
    """A backup that is put in its place must not meet the write-ahead log of an empty one."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.open(url, marker=marker).close()
    lose(url)
    with pytest.raises(LedgerReplaced):
        Ledger.open(url, marker=marker)
    assert list(tmp_path.glob("ledger.db*")) == []


def test_another_ledger_at_the_same_address_is_refused(database_url: str, marker: Path, tmp_path: Path) -> None:
    Ledger.open(database_url, marker=marker).close()
    lose(database_url)
    Ledger.open(database_url, marker=tmp_path / "of_another_machine.json").close()
    with pytest.raises(LedgerReplaced, match="is another one, but Airflow has used one at this address since"):
        Ledger.open(database_url, marker=marker)


def test_an_emptied_table_of_ids_is_refused(database_url: str, marker: Path) -> None:
    Ledger.open(database_url, marker=marker).close()
    with Database.open(database_url) as database, database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    with pytest.raises(LedgerReplaced, match="is empty or does not exist"):
        Ledger.open(database_url, marker=marker)
    Ledger.open(database_url, marker=marker, begin_again=True).close()
    Ledger.open(database_url, marker=marker).close()


def test_beginning_again_on_one_machine_is_enough_for_all(database_url: str, tmp_path: Path) -> None:
    machines = [tmp_path / name for name in ("one.json", "two.json")]
    for marker in machines:
        Ledger.open(database_url, marker=marker).close()
    lose(database_url)
    Ledger.open(database_url, marker=machines[0], begin_again=True).close()
    for marker in machines:
        Ledger.open(database_url, marker=marker).close()


def test_a_restored_backup_is_the_ledger(tmp_path: Path, marker: Path) -> None:
    url, file = f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "ledger.db"
    Ledger.open(url, marker=marker).close()
    backup = file.read_bytes()
    lose(url)
    with pytest.raises(LedgerReplaced):
        Ledger.open(url, marker=marker)
    file.write_bytes(backup)
    Ledger.open(url, marker=marker).close()


def test_a_backup_from_before_ledgers_had_ids_is_the_ledger(database_url: str, marker: Path, tmp_path: Path) -> None:
    other = tmp_path / "of_another_machine.json"
    for file in (marker, other):
        Ledger.open(database_url, marker=file).close()
    with Database.open(database_url) as database, database.write() as connection:
        connection.execute(text("DROP TABLE integrations_identity"))
        connection.execute(text("UPDATE integrations_version SET version_num = '0005'"))
        made_later = (
            "token",
            "wait",
            "store",
            "creation",
            "progress",
            "source_piece",
            "compatibility",
            "pace",
            "contract",
            "part",
            "acknowledgement",
        )
        for later in made_later:
            connection.execute(text(f"DROP TABLE integrations_{later}"))
        connection.execute(text("ALTER TABLE integrations_claim DROP COLUMN part"))
        connection.execute(text("ALTER TABLE integrations_route DROP COLUMN woken"))
        for later in ("newest", "covers_from", "missed_from"):
            connection.execute(text(f"ALTER TABLE integrations_route DROP COLUMN {later}"))
        connection.execute(text("ALTER TABLE integrations_overlay DROP COLUMN version"))
        connection.execute(text("ALTER TABLE integrations_subscription DROP COLUMN what"))
    for file in (marker, other):
        Ledger.open(database_url, marker=file).close()


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"x": 1}'])
def test_a_marker_that_is_of_no_use_changes_nothing(database_url: str, tmp_path: Path, content: str | None) -> None:
    marker = tmp_path / "marker"
    if content is None:
        marker.mkdir()  # neither to be read nor to be replaced
    else:
        marker.write_text(content)
    for _ in range(2):
        Ledger.open(database_url, marker=marker).close()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("tmp")] == []


def test_a_missing_table_is_told_with_the_remedy(database_url: str) -> None:
    with Ledger.open(database_url) as ledger:
        with ledger.write() as connection:
            connection.execute(text("DROP TABLE integrations_subscription"))
            connection.execute(text("DROP TABLE integrations_claim"))
            connection.execute(text("DROP TABLE integrations_run"))
        with pytest.raises(SetupError) as caught:
            window_of_run(ledger, "orders", "manual__1")
    assert "a part of the ledger is missing: restore it from a backup" in str(caught.value)
    assert "integrations_run" in str(caught.value)
