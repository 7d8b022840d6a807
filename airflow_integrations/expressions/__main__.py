"""Prints the reference of the language: ``python -m airflow_integrations.expressions``."""

from __future__ import annotations

import sys

from airflow_integrations.expressions.reference import markdown

if __name__ == "__main__":
    sys.stdout.write(markdown())
