"""Stored reasons as they may be shown now: a route's mask may have grown since they were written."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any, overload

import msgspec

from airflow_integrations.engine.fetch.entity_contents import Content, contents
from airflow_integrations.ledger.queries.mask_times import Past, pasts, worked
from airflow_integrations.ledger.queries.views import EntityLine, EntityRecord, ErrorGroup
from airflow_integrations.ledger.runs.history import REASON
from airflow_integrations.ledger.status import CLOSED
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.masking.mask import Mask, hide
from airflow_integrations.masking.payloads import masked
from airflow_integrations.route.definition_text import mask_in

__all__ = ["WITHHELD", "Reasons", "masked_group"]

WITHHELD = "(not shown: the mask of the route has grown since, and the payload that says what to hide is gone)"
"""In place of a reason that may quote what is hidden now."""
_NEXT_IS_NEW = CLOSED - {"skipped"}
"""What follows these is about content that was fetched afterwards."""


_OF_PAYLOADS = ("request", "answer", "result")
"""What a step of an entity says of payloads."""


class Reasons:
    """The reasons of a route's entities by the route's present mask.

    What was written while all runs hid at least as much is shown as it stands. In older ones the values are hidden
    that the mask names in the entity's payloads; where those are not all there, the whole reason is withheld.
    """

    def __init__(self, database: Database, staging_base: str, route: str, mask: Mask) -> None:
        self._database, self._staging_base, self._route, self._mask = database, staging_base, route, mask
        self.hidden_since = hidden_since(database, route, mask) if mask else 0.0
        """From then on no reason quotes what the mask hides now; seconds since the epoch, or infinite."""

    @property
    def hides(self) -> bool:
        """Whether some reasons may have to be shown otherwise than they are stored."""
        return bool(self._mask)

    def lines(self, lines: Sequence[EntityLine]) -> tuple[EntityLine, ...]:
        """With their messages as they may be shown."""
        shown = self.messages({line.key: line.message for line in lines if line.message})
        return tuple(msgspec.structs.replace(line, message=shown.get(line.key)) for line in lines)

    def messages(
        self, told: dict[str, str], there: Callable[[Collection[str]], dict[str, Content]] | None = None
    ) -> dict[str, str]:
        """Messages by key as they may be shown. ``there``: reads the entities' payloads; None: from staging."""
        if not self._mask or not told:
            return told
        past = pasts(self._database, self._route, told)
        doubtful = [key for key, message in told.items() if not self._is_covered(message, past.get(key))]
        read = (there or self._contents)(doubtful)
        return told | {key: _shown(told[key], self._secrets(read[key])) for key in doubtful}

    def record(self, record: EntityRecord, content: Content) -> EntityRecord:
        """With message and history as they may be shown. The edited payload is as it was."""
        if not self._mask:
            return record
        lines = [[line.at, line.status, None, None, None, line.reason] for line in record.history]
        covered = _covered(record.first_seen or 0.0, lines, self.hidden_since)
        secrets, since = self._secrets(content), math.inf if record.since is None else record.since
        history = tuple(
            line
            if is_covered
            else msgspec.structs.replace(line, reason=_shown(line.reason, secrets if line.at >= since else None))
            for line, is_covered in zip(record.history, covered, strict=True)
        )
        message = record.message
        if not _written_covered(message, lines, covered):
            message = _shown(message, secrets)
        steps = tuple(
            msgspec.structs.replace(step, **{name: _shown(getattr(step, name), secrets) for name in _OF_PAYLOADS})
            for step in record.steps
        )
        return msgspec.structs.replace(record, message=message, history=history, steps=steps)

    def fits(self, line: EntityLine, text: str | None) -> bool:
        """Whether a search for ``text`` may find the line, which is one that :meth:`lines` gave: it is looked for in
        the message as it is shown."""
        if not self._mask or not text:
            return True
        return line.message is not None and line.message != WITHHELD and text.lower() in line.message.lower()

    def _contents(self, keys: Collection[str]) -> dict[str, Content]:
        return contents(self._database, self._staging_base, self._route, keys, self._mask)

    def _is_covered(self, message: str, past: Past | None) -> bool:
        if past is None:
            return False
        return _written_covered(message, past.lines, _covered(past.first_seen, past.lines, self.hidden_since))

    def _secrets(self, content: Content) -> frozenset[str] | None:
        """None: not all of them are known."""
        if not content.known:
            return None
        return masked(self._mask, *content.forms)[1]


def masked_group(database: Database, staging_base: str, group: ErrorGroup, mask: Mask) -> ErrorGroup:
    """The group with its example as it may be shown."""
    if not mask or not group.example_message:
        return group
    reasons = Reasons(database, staging_base, group.route, mask)
    shown = reasons.messages({group.example_key: group.example_message})
    return msgspec.structs.replace(group, example_message=shown[group.example_key])


def hidden_since(database: Database, route: str, mask: Mask) -> float:
    """The moment from which all runs of the route hid at least what ``mask`` hides; infinite where one still does not.

    What the ledger no longer knows counts as not hidden: runs before the first one that it has, definitions that are
    not kept, and by which definition a run worked that was cleared later.
    """
    past = worked(database, route)
    less = {hash_ for hash_, text in past.texts.items() if not mask.names <= _names(text)}
    less |= past.until.keys() - past.texts.keys()
    ends = [math.nextafter(past.until[hash_], math.inf) for hash_ in less if hash_ in past.until]
    return max(past.first, *ends, past.cleared if less else 0.0, 0.0)


@overload
def _shown(reason: str, secrets: frozenset[str] | None) -> str: ...
@overload
def _shown(reason: str | None, secrets: frozenset[str] | None) -> str | None: ...
def _shown(reason: str | None, secrets: frozenset[str] | None) -> str | None:
    if reason is None:
        return None
    return WITHHELD if secrets is None else str(hide(reason, secrets))


def _covered(first_seen: float, lines: list[list[Any]], hidden_since: float) -> list[bool]:
    """Of each line of a history, newest first, whether it and the payload that it is about are from that time on."""
    covered, fresh = [], first_seen >= hidden_since
    for at, status, *_ in reversed(lines):
        covered.append(at >= hidden_since and fresh)
        fresh = fresh or status in _NEXT_IS_NEW
    return covered[::-1]


def _written_covered(message: str | None, lines: list[list[Any]], covered: list[bool]) -> bool:
    """Whether the line that an entity's message was written with is covered."""
    for line, is_covered in zip(lines, covered, strict=True):
        if message and line[5] == message[:REASON]:
            return is_covered
    return not message


@lru_cache(maxsize=1024)
def _names(definition: str) -> frozenset[str]:
    return mask_in(definition).names
