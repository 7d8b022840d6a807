"""The JSON Schema of route files, for editors: ``route.schema.json`` beside this file.

``python -m airflow_integrations.schema`` writes it from the models; a test keeps the two in step. ``reference`` writes
the pages of docs/reference from the same models; ``make reference`` does both.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["SCHEMA_FILE"]

SCHEMA_FILE = Path(__file__).with_name("route.schema.json")
