"""SQL for what a target may hold: how a row's ``maybe`` and ``unheard`` change with what is written.

The same rules as :meth:`Known.sent_unanswered`. ``{e}`` is the row, ``{sent}`` the content that was sent and is
unanswered, or NULL.
"""

from __future__ import annotations

from typing import Final

from airflow_integrations.ledger.records import FORGOTTEN, LONGEST_MAYBE

__all__ = ["AFTER_DELIVERY", "MAYBE", "UNHEARD", "WITHOUT_NEWEST"]

_JOINED = "({sent} || ',' || {e}.maybe)"

_NEWEST = "substr({e}.maybe || ',', 1, length({sent}) + 1) = {sent} || ','"
MAYBE: Final = (
    "CASE WHEN {sent} IS NULL THEN {e}.maybe "
    "WHEN {e}.maybe IS NULL THEN CASE WHEN {sent} = {e}.delivered_hash THEN NULL ELSE {sent} END "
    f"WHEN {_NEWEST} THEN {{e}}.maybe ELSE substr({_JOINED}, 1, {LONGEST_MAYBE}) "
    f"|| CASE WHEN length({_JOINED}) > {LONGEST_MAYBE} THEN ',{FORGOTTEN}' ELSE '' END END"
)
UNHEARD: Final = (
    f"CASE WHEN {{sent}} IS NULL OR {{e}}.maybe IS NULL OR {_NEWEST} THEN {{e}}.unheard "
    "ELSE coalesce({e}.unheard, 0) + 1 END"
)
AFTER_DELIVERY: Final = "CASE WHEN {e}.maybe IS NULL THEN {e}.unheard ELSE coalesce({e}.unheard, 0) + 1 END"
"""``unheard`` of a row whose ``maybe`` becomes NULL: no key that was in use comes again."""
WITHOUT_NEWEST: Final = (
    f"CASE WHEN {_NEWEST} THEN nullif(substr({{e}}.maybe, length({{sent}}) + 2), '') ELSE {{e}}.maybe END"
)
"""``maybe`` once it is known that the content ``{sent}`` did not arrive."""
