"""The end of a live run's sending: however long the target takes, unless somebody is in a hurry."""

from __future__ import annotations

import asyncio

from airflow_integrations.stop_times import ANSWER_SECONDS

__all__ = ["drained"]


async def drained(
    sending: asyncio.Task[Exception | None], hurry: asyncio.Event, stop: asyncio.Event
) -> Exception | None:
    """What stood in the way of sending. Once ``hurry`` is set, what is not sent a moment later is left: ``stop``."""
    hurrying = asyncio.create_task(hurry.wait())
    try:
        await asyncio.wait({sending, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            await asyncio.wait({sending}, timeout=ANSWER_SECONDS)
    finally:
        hurrying.cancel()
        await asyncio.gather(hurrying, return_exceptions=True)
    if not sending.done():
        stop.set()
    return await sending
