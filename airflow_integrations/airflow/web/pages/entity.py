"""One entity: where it is, what happened to it, what is in it, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import page
from airflow_integrations.airflow.web.pages.sides import Side, sides
from airflow_integrations.ledger.desk import CONFIRMABLE, RETRIABLE, SKIPPABLE
from airflow_integrations.ledger.editing import EDITABLE
from airflow_integrations.ledger.queries import where

if TYPE_CHECKING:
    from airflow_integrations.ledger.answers import EntityRecord

__all__ = ["Can", "Shown", "router", "shown"]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Can:
    """Which actions the entity's status allows."""

    retry: bool
    edit: bool
    skip: bool
    confirm: bool

    @classmethod
    def of(cls, record: EntityRecord) -> Can:
        status, free = record.status, record.lease is None
        return cls(
            retry=free and status in RETRIABLE and (record.payload is not None or record.overlay is not None),
            edit=free and status in EDITABLE and record.payload is not None,
            skip=free and status in SKIPPABLE,
            confirm=free and status in CONFIRMABLE,
        )
