"""A command that waits for systems, and Ctrl-C at each moment of it."""

from __future__ import annotations

import asyncio

import pytest

from airflow_integrations.cli.command import awaited


async def settled_late(*, interrupted: bool, error: Exception | None) -> None:
    """A callback of the event loop comes to a future that is over, or raises something else."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    future = loop.create_future()

    def callback() -> None:
        if interrupted:
            assert task is not None
            task.cancel()
        future.cancel()
        if error is not None:
            raise error
        future.set_result(None)

    loop.call_soon(callback)
    await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("interrupted", "error", "told"),
    [(True, None, False), (False, None, True), (True, ValueError("no"), True), (False, ValueError("no"), True)],
    ids=["ctrl-c", "a fault of ours", "a fault at ctrl-c", "another fault"],
)
def test_what_ctrl_c_has_cancelled_is_no_error(
    interrupted: bool, error: Exception | None, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Seen once in the suite: Ctrl-C while a connection was being made left asyncio's trace of an InvalidStateError."""
    try:
        awaited(settled_late(interrupted=interrupted, error=error))
    except asyncio.CancelledError:
        assert interrupted
    assert ("Exception in callback" in caplog.text) is told
