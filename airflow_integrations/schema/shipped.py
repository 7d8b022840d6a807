"""The JSON Schema of route files as it was shipped, where that fits: to make it, every kind is imported."""

from __future__ import annotations

from typing import get_args

from airflow_integrations.route.registry import Part, third_party
from airflow_integrations.schema import SCHEMA_FILE

__all__ = ["present_schema_text"]


def present_schema_text() -> str:
    """What ``route.schema.json`` holds for what is installed: with the kinds of third parties."""
    if any(map(third_party, get_args(Part))):
        from airflow_integrations.schema.generate import schema_text

        return schema_text()
    return SCHEMA_FILE.read_text(encoding="utf-8")
