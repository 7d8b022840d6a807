"""The functions of expressions, one module per subject. Importing this package fills the catalogue."""

from __future__ import annotations

from airflow_integrations.expressions.functions import countries, hashes, lists, moments, numbers, texts  # noqa: F401
from airflow_integrations.expressions.functions.catalogue import CATALOGUE, Function, function

__all__ = ["CATALOGUE", "Function", "function"]
