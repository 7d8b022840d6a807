from __future__ import annotations

from airflow_integrations.cli.run.progress import Progress


def test_a_bar_whose_total_nobody_knew_is_full_when_the_next_stage_begins() -> None:
    progress = Progress()
    progress.told("fetch", {"fetched": 3})
    assert progress._bars.tasks[0].total is None
    progress.told("transform", {"transformed": 1})
    fetch, transform = progress._bars.tasks
    assert (fetch.completed, fetch.total) == (3, 3)
    assert (transform.completed, transform.total) == (1, 3)
