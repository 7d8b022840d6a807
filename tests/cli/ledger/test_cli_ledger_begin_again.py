"""``ledger begin-again``."""

from __future__ import annotations

from pathlib import Path


def lose(folder: Path) -> None:
    for file in folder.glob("ledger.db*"):
        file.unlink()


def test_a_first_start_says_nothing(call) -> None:
    code, said, complained = call("ledger", "status")
    assert (code, complained) == (0, "")
    assert "begin-again" not in said


def test_a_lost_ledger_stops_commands_until_a_person_says_so(call, tmp_path: Path) -> None:
    assert call("ledger", "migrate")[0] == 0
    lose(tmp_path)
    code, _, complained = call("ledger", "status")
    assert code == 1
    assert "is empty or does not exist, but Airflow has used one at this address since" in complained
    code, _, complained = call("ledger", "begin-again")
    assert code == 2
    assert "Pass --yes to confirm" in complained
    assert call("ledger", "status")[0] == 1
    code, said, _ = call("ledger", "begin-again", "--yes")
    assert (code, said) == (0, f"SQLite, {tmp_path / 'ledger.db'}: used from now on\n")
    assert call("ledger", "status")[0] == 0


def test_with_the_ledger_in_use_there_is_nothing_to_do(call) -> None:
    assert call("ledger", "migrate")[0] == 0
    code, said, _ = call("ledger", "begin-again", "--yes")
    assert code == 0
    assert "this is the ledger in use; there is nothing to do" in said
