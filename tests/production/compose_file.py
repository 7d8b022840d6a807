"""docker-compose.yaml as compose reads it: merge keys resolved, variables filled in, ``$$`` unescaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yaml"

_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?:(?P<how>:[?-])(?P<rest>[^}]*))?\})")


def load(variables: Mapping[str, str]) -> dict[str, Any]:
    """Raises KeyError with the message of ``${NAME:?message}`` where a needed variable is missing or empty."""
    return _filled(yaml.safe_load(FILE.read_text()), variables)


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        given = variables.get(match["name"], "")
        if not given and match["how"] == ":?":
            raise KeyError(f"{match['name']}: {match['rest']}")
        return given or (match["rest"] if match["how"] == ":-" else "") or ""

    return _VARIABLE.sub(replace, value)


def needed() -> dict[str, str]:
    """The variables of .env.example, each with a value."""
    names = re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return {name: f"value-of-{name.lower()}" for name in names}
