"""The functions of expressions and filters of templates, one module per subject. Importing this fills the catalogue."""

from __future__ import annotations

from airflow_integrations.expressions.functions import (  # noqa: F401
    calendars,
    countries,
    documents,
    encodings,
    hashes,
    lists,
    money,
    patterns,
    texts,
)
from airflow_integrations.expressions.functions.catalogue import CATALOGUE, Function, function

__all__ = ["CATALOGUE", "Function", "function"]
