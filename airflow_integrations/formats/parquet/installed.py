"""Whether Parquet can be read and written here."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

__all__ = ["REMEDY", "is_installed"]

REMEDY = "parquet needs pyarrow, which is not installed here: pip install 'airflow-integrations[parquet]'"


@lru_cache(maxsize=1)
def is_installed() -> bool:
    """Without importing it, which takes a fifth of a second."""
    return find_spec("pyarrow") is not None
