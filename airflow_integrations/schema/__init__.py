"""The JSON Schema of route files, for editors: ``route.schema.json`` beside this file.

``python -m airflow_integrations.schema`` writes it from the models; a test keeps the two in step. ``reference`` writes
the pages of docs/reference from the same models; ``make reference`` does both.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["BESIDE", "SCHEMA_FILE"]

BESIDE = ".route.schema.json"
"""What the schema is called in a folder of routes, where ``new`` writes it for editors."""
SCHEMA_FILE = Path(__file__).with_name("route.schema.json")
