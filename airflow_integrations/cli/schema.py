"""``schema``: the JSON Schema that editors complete and check route files with."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.command import OK
from airflow_integrations.cli.terminal import out

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    if args.tests:
        from airflow_integrations.testing.case_schema import case_schema_text

        out(case_schema_text().rstrip())
    else:
        from airflow_integrations.schema.shipped import present_schema_text

        out(present_schema_text().rstrip())
    return OK
