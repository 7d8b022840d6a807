"""All payloads of an entity: what the source gave, what goes to the target, and what a person made of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from airflow_integrations.engine.fetch.staged_payloads import Wanted, incomings_of, payload_in, read_payloads, source_in
from airflow_integrations.ledger.queries.payload_locations import Place, places
from airflow_integrations.ledger.queries.views import EntityRecord
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.masking.mask import Mask
from airflow_integrations.staging.folder import Staging

__all__ = ["NOTHING", "Content", "content_of", "contents"]

SOURCE_SECONDS = 2.0
"""How long what the source gave is looked for, which lies among all that its run fetched."""


class Content(NamedTuple):
    """JSON; None: the entity has none, or it is gone, or it was not found in time."""

    source: bytes | None
    target: bytes | None
    """None: the entity did not come so far, or it is gone."""
    edited: bytes | None
    """What a person made of the one of them where the entity stopped."""
    at_target: bool
    """It came so far that a payload was made for the target."""

    @property
    def staged(self) -> bytes | None:
        """Where the entity stopped: what was to go to the target, or, of a rejected one, what the source gave."""
        return self.target if self.at_target else self.source

    @property
    def forms(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        return self.source, self.target, self.edited

    @property
    def known(self) -> bool:
        """Whether all is here that a reason may quote. Of an edit, not what it may have taken the place of."""
        return self.staged is not None and self.source is not None and self.edited is None


NOTHING = Content(None, None, None, at_target=False)


def content_of(staging_base: str, record: EntityRecord, *, patience: float | None = SOURCE_SECONDS) -> Content:
    """Of one entity; what the source gave is looked for in ``patience`` seconds, or for as long as it takes."""
    edited = None if record.overlay is None else record.overlay.payload.encode()
    if record.payload is None:
        return NOTHING._replace(edited=edited)
    near = Staging(staging_base, record.route, "")
    found = _found(near, [Wanted(record.key, record.payload)], sources=True, patience=patience)
    return found[record.key]._replace(edited=edited)


def contents(
    database: Database, staging_base: str, route: str, keys: Collection[str], mask: Mask
) -> dict[str, Content]:
    """By key, for each of them. What the source gave of one that came to the target is looked for, in SOURCE_SECONDS,
    only where there is a mask."""
    if not keys:
        return {}
    near, there = Staging(staging_base, route, ""), places(database, route, list(keys))
    wanted = [Wanted(key, place.ref) for key, place in there.items() if place.ref is not None]
    found = _found(near, wanted, sources=bool(mask), patience=SOURCE_SECONDS)
    edits = {key: there.get(key, Place(None, None)).edited for key in keys}
    return {
        key: found.get(key, NOTHING)._replace(edited=None if edited is None else edited.encode())
        for key, edited in edits.items()
    }


def _found(near: Staging, wanted: Sequence[Wanted], *, sources: bool, patience: float | None) -> dict[str, Content]:
    """By key, for each that is wanted, without edits."""
    found = {wanted[index].key: payload for index, payload in read_payloads(near, wanted)}
    # Runs of routes without a mask do not stage beside what goes out what the source gave.
    given = {key: source for key, payload in found.items() if sources and (source := source_in(payload)) is not None}
    lacking = [one for one in wanted if sources and one.ref.stage == "push" and one.key not in given]
    given |= incomings_of(near, lacking, patience=patience)
    made = {}
    for one in wanted:
        staged = payload_in(found[one.key]) if one.key in found else None
        at_target = one.ref.stage == "push"
        made[one.key] = Content(
            given.get(one.key) if at_target else staged, staged if at_target else None, None, at_target
        )
    return made
