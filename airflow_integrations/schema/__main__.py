"""Writes ``route.schema.json``."""

from __future__ import annotations

from airflow_integrations.schema import SCHEMA_FILE
from airflow_integrations.schema.generate import schema_text

SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
