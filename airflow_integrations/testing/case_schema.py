"""The JSON Schema of files of route tests, for editors."""

from __future__ import annotations

import json

from airflow_integrations.testing.case import TestFile

__all__ = ["case_schema_text"]


def case_schema_text() -> str:
    """From the models, so it never differs from what is checked."""
    schema = TestFile.model_json_schema(by_alias=True)
    schema["title"] = "Tests of a route"
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
