"""Some records of what was discovered, as a route would fetch them."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from airflow_integrations.discovery import Collection
from airflow_integrations.errors import IntegrationError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.incoming import Page
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import EPOCH, Window

__all__ = ["SAMPLES", "sampled"]

SAMPLES = 3


async def sampled(kind: str, connection: str, one: Collection, services: Services) -> tuple[list[dict[str, Any]], str]:
    """At most three records that are objects; and why there are none. The first page is asked for, no more."""
    options = dict((one.incoming if one.sampled is None else one.sampled) or {})
    definition = {
        "route": "sample",
        "entity": {"name": "record", "key": "json(record)"},
        "incoming": {kind: {"connection": connection, **options}},
        "outgoing": {"none": {}},
    }
    route = Route.load(definition)
    run = Run(route, "sample", Window(EPOCH, datetime.now(UTC)), limit=SAMPLES, dry_run=True)
    incoming = route.incoming.component()(route.incoming.config, route)
    found: list[Any] = []
    why = "there is none"
    try:
        async with aclosing(incoming.pages(run, services)) as pages:
            async for page in pages:
                found = Page(page.records[:100]).values()
                why = next((record.reason for record in page.records if isinstance(record, BadRecord)), why)
                if found or page.resume is None:
                    break
    except (IntegrationError, ContentError) as error:
        return [], str(error)
    records = [record for record in found if isinstance(record, dict)][:SAMPLES]
    return records, "" if records else why
