"""The JSON Schema of route files as it was shipped, where that fits: to make it, every kind is imported."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from airflow_integrations.route.registry import Part, third_party
from airflow_integrations.schema import BESIDE, SCHEMA_FILE

__all__ = ["outdated_schema", "present_schema_text"]


def present_schema_text() -> str:
    """What ``route.schema.json`` holds for what is installed: with the kinds of third parties."""
    if any(map(third_party, get_args(Part))):
        from airflow_integrations.schema.generate import schema_text

        return schema_text()
    return SCHEMA_FILE.read_text(encoding="utf-8")


def outdated_schema(root: Path) -> str | None:
    """What to say of the schema in a folder of routes that is of another version; None where there is none, or the
    present one."""
    beside = root / BESIDE
    try:
        found = beside.read_bytes().rstrip()
    except OSError:
        return None
    if found == SCHEMA_FILE.read_bytes().rstrip() or found == present_schema_text().encode().rstrip():
        return None
    return (
        f"{beside} is of another version of this package, and editors check routes by it. "
        f"Renew it: airflow-integrations schema > {beside}"
    )
