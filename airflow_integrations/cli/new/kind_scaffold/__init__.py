"""The texts of a new kind: a package with its class, its entry point and its conformance test."""

from __future__ import annotations

from string import Template
from typing import Literal

from airflow_integrations.cli.new.kind_scaffold import incoming, listener, outgoing, transform
from airflow_integrations.cli.new.kind_scaffold.package import PROJECT, README

__all__ = ["SCAFFOLDS", "Scaffold", "kind_files"]

Scaffold = Literal["incoming", "transform", "outgoing", "listener"]
SCAFFOLDS: tuple[Scaffold, ...] = ("incoming", "transform", "outgoing", "listener")

_TEXTS: dict[Scaffold, tuple[Template, Template]] = {
    "incoming": (incoming.CODE, incoming.TESTS),
    "transform": (transform.CODE, transform.TESTS),
    "outgoing": (outgoing.CODE, outgoing.TESTS),
    "listener": (listener.CODE, listener.TESTS),
}
"""The class and the conformance test."""
_MORE: dict[Scaffold, dict[str, Template]] = {"listener": {"tests/${name}_broker.py": listener.BROKER}}
_SUFFIX = {"incoming": "Incoming", "transform": "Step", "outgoing": "Outgoing", "listener": "Listener"}


def kind_files(scaffold: Scaffold, name: str) -> dict[str, str]:
    """The files of a package for the kind ``name`` (lower-case letters, digits, ``_``), by path. Its tests pass as they
    are, once the package is installed."""
    code, tests = _TEXTS[scaffold]
    package = f"airflow_integrations_{name}"
    values = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "part": "listen" if scaffold == "listener" else scaffold,
        "what": "listener" if scaffold == "listener" else f"{scaffold} kind",
        "package": package,
        "cls": "".join(word.capitalize() for word in name.split("_")) + _SUFFIX[scaffold],
    }
    files = {
        "pyproject.toml": PROJECT,
        "README.md": README,
        f"{package}/__init__.py": code,
        f"{package}/py.typed": Template(""),
        f"tests/test_{name}_conformance.py": tests,
        **{Template(path).substitute(values): text for path, text in _MORE.get(scaffold, {}).items()},
    }
    return {path: text.substitute(values) for path, text in files.items()}
