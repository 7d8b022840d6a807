"""An entity's payloads as its page draws them: two side by side where there are two, with what differs marked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_integrations.airflow.web.pages.rendering.side_by_side import Side, sides
from airflow_integrations.display.printable import pretty

if TYPE_CHECKING:
    import msgspec

    from airflow_integrations.airflow.web.views.entity import Payloads
    from airflow_integrations.ledger.records import PayloadStage

__all__ = ["Comparison", "Shown", "shown"]

_SOURCE, _TARGET, _EDITED = "What the source gave", "What goes to the target", "As it was edited: this goes out"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts side by side."""

    left: str
    right: str
    rows: list[Side]


@dataclass(frozen=True, slots=True)
class Shown:
    """``only``: the title and text of the one payload there is, where there is nothing to compare it with."""

    hidden: bool = False
    masked: bool = False
    comparisons: list[Comparison] = field(default_factory=list)
    only: tuple[str, str] | None = None
    editable: str | None = None
    """What an edit begins with. None: nothing can be edited."""
    edits: str = ""
    """What an edit replaces, in a sentence."""


def shown(payloads: Payloads | None, *, stopped_at: PayloadStage | None) -> Shown:
    """``stopped_at`` is where the entity's payload is staged. ``payloads`` None: the user may not see them."""
    if payloads is None:
        return Shown(hidden=True)
    if stopped_at == "filtered":
        stopped_at = "problems-transform"  # its record is what the source gave, too
    source, target, edited = _text(payloads.source), _text(payloads.target), _text(payloads.edited)
    staged, title = (target, _TARGET) if stopped_at in (None, "push") else (source, _SOURCE)
    comparisons = []
    if source is not None and target is not None:
        comparisons.append(Comparison(_SOURCE, _TARGET, sides(source, target)))
    if edited is not None:
        comparisons.append(Comparison("As it was staged", _EDITED, sides(staged or "", edited)))
    there = next(((name, text) for name, text in ((_TARGET, target), (_SOURCE, source)) if text is not None), None)
    return Shown(
        masked=payloads.masked,
        comparisons=comparisons,
        only=there if not comparisons else None,
        editable=edited if edited is not None else staged,
        edits="This is what goes to the target."
        if title == _TARGET
        else "This is the record as the source gave it; the route's steps work on it when it is retried.",
    )


def _text(payload: msgspec.Raw | str | None) -> str | None:
    """Over several lines; what is not JSON as it is."""
    if payload is None:
        return None
    return payload if isinstance(payload, str) else pretty(bytes(payload).decode())
