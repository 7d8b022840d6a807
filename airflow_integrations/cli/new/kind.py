"""``new-kind``: a package for a kind of your own, with the tests that it has to pass."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.new.kind_scaffold import kind_files
from airflow_integrations.cli.terminal import out
from airflow_integrations.route import registry

__all__ = ["run"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


def run(args: argparse.Namespace) -> int:
    scaffold, name = args.part, args.name
    part: registry.Part = "listen" if scaffold == "listener" else scaffold
    if not _NAME.fullmatch(name):
        raise UsageError(f"invalid name {name!r} for a kind; use lower-case letters, digits and _, such as acme_crm")
    if registry.known(part, name):
        raise UsageError(f"there is a kind {name!r} of {part} already; choose another name")
    folder = Path(args.folder or f"airflow-integrations-{name.replace('_', '-')}")
    if folder.exists():
        raise UsageError(f"{folder} exists; nothing was written. Name another folder with --folder")
    for path, text in kind_files(scaffold, name).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    out(f"wrote {folder}")
    out("Next: install it beside airflow-integrations, run its tests, then put in your own system")
    out(f"  cd {folder}\n  pip install --editable '.[test]'\n  pytest")
    return OK
