"""fetch: what earlier runs left open, and pages from the source, become segments."""

from __future__ import annotations

from airflow_integrations.engine.fetch.at_work import FetchAtWork
from airflow_integrations.engine.fetch.fresh import fresh_manifest
from airflow_integrations.engine.fetch.source_pieces import source_is_gone
from airflow_integrations.engine.fetch.start import begin
from airflow_integrations.errors import AnswerError
from airflow_integrations.plurals import counted
from airflow_integrations.route.hash import data_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["fetch"]

RESUME_SECONDS = 3600.0
"""A saved place older than this is not trusted: the fetch starts over."""


async def fetch(run: Run, services: Services, staging: Staging) -> Manifest:
    """Fetch the run's entities into staging, with what earlier runs left open, and return the finished manifest.

    The window and the cursor are decided here, once for a run, and stand in the manifest. Goes on behind the last
    committed page where an earlier attempt of the same window, cursor and definition broke off within the last hour;
    otherwise it starts over and whatever the run had staged is forgotten, but for what it had taken over.
    Raises what :meth:`Incoming.pages` raises; what was committed until then stays for the next attempt. Raises
    AnswerError where too much of the source's entities vanished, OutageError where the ledger is away.
    """
    begun = await begin(run, services, staging)
    saved = staging.manifest("fetch")
    if saved and _can_resume(saved, begun.run, services.now()):
        services.log.info(
            "fetch goes on behind the %s that an earlier attempt committed",
            counted(saved.counts.get("fetched", 0), "entity"),
        )
        place = saved.resume
        try:
            return await FetchAtWork(begun, services, staging, saved).work()
        except AnswerError as error:
            saved = staging.manifest("fetch")
            if saved is None or saved.resume != place:
                raise  # it did go on from the saved place and met something else
            services.log.warning("the source does not go on from the saved place (%s); fetch starts over", error)
    elif saved and await source_is_gone(begun.run, services, saved):
        services.log.warning("what this run had read is not in the source any more; what it has staged is used again")
        return saved
    return await FetchAtWork(begun, services, staging, await fresh_manifest(begun, services, staging, saved)).work()


def _can_resume(saved: Manifest, run: Run, now: float) -> bool:
    return (
        not saved.complete
        and saved.resume is not None
        and saved.route_hash == data_hash(run.route)
        and tuple(saved.window) == run.window.dump()
        and saved.since == run.cursor
        and 0 <= now - saved.saved_at < RESUME_SECONDS
        and run.entities is None
    )
