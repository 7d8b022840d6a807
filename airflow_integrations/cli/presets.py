"""``presets``: what comes with the package for known systems."""

from __future__ import annotations

import argparse
from typing import Any

from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.formats.json import encode
from airflow_integrations.presets import NAMES
from airflow_integrations.route_files.presets import PresetError, preset
from airflow_integrations.simulate.yaml_text import yaml_text

__all__ = ["run"]

_SHOWN = ("title", "api", "connection", "webhook", "facts")


def run(args: argparse.Namespace) -> int:
    if args.system is None:
        return _all(as_json=args.format == "json")
    try:
        found: dict[str, Any] = preset(args.system).plain()
    except PresetError as error:
        raise UsageError(str(error)) from None
    if args.format == "json":
        out(encode(found).decode())
        return OK
    out(yaml_text({name: found[name] for name in _SHOWN if name in found}).rstrip())
    for entity, parts in found.get("entities", {}).items():
        out(f"\n# use: preset:{args.system}/{entity}")
        kept = {name: parts[name] for name in ("entity", "incoming", "outgoing") if name in parts}
        out(yaml_text(kept).rstrip())
    return OK


def _all(*, as_json: bool) -> int:
    rows = [_row(name, preset(name).plain()) for name in NAMES]
    if as_json:
        out(encode(rows).decode())
        return OK
    shown = table("preset", "system", "read", "write", "webhook")
    for row in rows:
        shown.add_row(
            row["preset"], row["system"], ", ".join(row["read"]), ", ".join(row["write"]), row["webhook"] or ""
        )
    console().print(shown)
    return OK


def _row(name: str, found: dict[str, Any]) -> dict[str, Any]:
    entities = found.get("entities", {})
    return {
        "preset": name,
        "system": found["title"],
        "api": found["api"],
        "read": [entity for entity, parts in entities.items() if "incoming" in parts],
        "write": [entity for entity, parts in entities.items() if "outgoing" in parts],
        "webhook": found.get("webhook", {}).get("preset"),
    }
