"""What fetch says of its work in the log: one is one, two are two."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from engine_kinds import MemoryIncoming

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging


@pytest.mark.parametrize(
    ("numbers", "asked", "said"),
    [
        ([1], True, "took 1 order entity that the run was given; the source was not asked"),
        ([1, 2], True, "took 2 order entities that the run was given; the source was not asked"),
        ([1], False, "fetched 1 order entity of "),
        ([], False, "fetched 0 order entities of "),
    ],
)
async def test_the_words_fit_the_number(
    make_run: Callable[..., Run],
    services: Services,
    staging: Staging,
    caplog: pytest.LogCaptureFixture,
    numbers: list[int],
    asked: bool,
    said: str,
) -> None:
    records: list[Any] = [{"number": number} for number in numbers]
    MemoryIncoming.pages_to_give = [records]
    with caplog.at_level(logging.INFO, "airflow_integrations"):
        await fetch(make_run(entities=tuple(records)) if asked else make_run(), services, staging)
    assert any(message.startswith(said) for message in caplog.messages)
