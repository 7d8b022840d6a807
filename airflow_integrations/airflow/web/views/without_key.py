"""Entities of one run that were rejected because of their key: in the ledger they have no place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_integrations.airflow.web.views.definitions import mask_of
from airflow_integrations.airflow.web.views.run_staging import staging_of
from airflow_integrations.engine.settle.without_key import without_key
from airflow_integrations.formats.json import encode_anyhow
from airflow_integrations.masking.mask import hide
from airflow_integrations.masking.payloads import masked

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = ["Keyless", "KeylessView", "keyless_view"]


class Keyless(msgspec.Struct, frozen=True):
    reason: str
    record: msgspec.Raw | None
    """What the source gave, masked. None: the user may not see payloads."""


class KeylessView(msgspec.Struct, frozen=True):
    entities: tuple[Keyless, ...]
    """In the order in which they came; none once the payloads of the run are gone."""
    more: bool
    """There are others behind them."""


def keyless_view(console: Console, who: Who, route: str, run_id: str) -> KeylessView:
    who.to_read(route)
    found = without_key(staging_of(console, route, run_id))
    mask, may_see = mask_of(console, route), who.may_see_payloads(route)
    lines = []
    for problem in found.problems:
        (record,), secrets = masked(mask, encode_anyhow(problem.value))
        shown = msgspec.Raw(record) if record is not None and may_see else None
        lines.append(Keyless(str(hide(problem.reason, secrets)), shown))
    return KeylessView(tuple(lines), found.more)
