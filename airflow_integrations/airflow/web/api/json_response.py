"""Answers as JSON: the ledger's own structures, written as they are, and their schema for OpenAPI."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Response

from airflow_integrations.formats.json import encode

__all__ = ["SCHEMAS", "answer", "described"]

SCHEMAS: dict[str, Any] = {}
"""Components of the OpenAPI document, gathered while the endpoints are defined."""


def answer(value: Any, status: int = 200) -> Response:
    """Numbers keep all their digits; a payload is handed over as :class:`msgspec.Raw`."""
    return Response(encode(value), status, media_type="application/json")


def described(kind: Any, text: str = "As asked for", *, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """FastAPI's ``responses`` for an endpoint that answers with this type."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    SCHEMAS.update(components)
    return {status: {"description": text, "content": {"application/json": {"schema": schema}}}}
