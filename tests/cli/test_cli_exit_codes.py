"""What a command line names and is not there is wrong usage, for every command: exit code 2 and one line."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["run", "ordres"], "no file holds the route 'ordres'; did you mean 'orders'?"),
        (["preview", "ordres"], "did you mean 'orders'?"),
        (["test", "nothing.test.yaml"], "no such file: nothing.test.yaml"),
        (["run", "orders", "--entities", "missing.json"], "missing.json cannot be read"),
        (["run", "orders", "--entities", "orders.csv"], "--entities takes a JSON or YAML list, or JSON lines"),
        (["preview", "orders", "--param", "x=1"], "has no param 'x': it declares none"),
    ],
)
def test_wrong_usage(call: Any, routes: Any, tmp_path: Any, argv: list[str], told: str) -> None:
    (tmp_path / "orders.csv").write_text("id,total\n1,2\n")
    code, out, err = call(*argv)
    assert code == 2
    assert told in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not out


def test_what_a_connection_lacks_is_told_on_standard_error(call: Any) -> None:
    code, out, err = call("connect", "nowhere")
    assert (code, out) == (1, "")
    assert err.startswith("error: there is no Connection 'nowhere'")


def test_a_run_that_the_ledger_does_not_know(call: Any, routes: Any, systems: Any) -> None:
    assert call("run", "orders")[0] == 0
    code, _, err = call("runs", "orders", "--without-key", "nope")
    assert (code, err) == (1, "error: the ledger does not know the run 'nope' of orders\n")
