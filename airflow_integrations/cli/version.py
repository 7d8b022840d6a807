"""``airflow-integrations version``."""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import PackageNotFoundError, version

from airflow_integrations.cli.terminal import out

__all__ = ["run", "versions"]

_PACKAGES = ("airflow-integrations", "apache-airflow", "apache-airflow-providers-http")


def versions(packages: tuple[str, ...] = _PACKAGES) -> dict[str, str]:
    """Name to version of the interpreter and the installed packages; ``not installed`` where one is missing."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return {**found, "python": platform.python_version()}


def run(args: argparse.Namespace) -> int:
    if getattr(args, "format", "text") == "json":
        out(json.dumps(versions(), indent=2))
        return 0
    for name, number in versions().items():
        out(f"{name} {number}")
    return 0
