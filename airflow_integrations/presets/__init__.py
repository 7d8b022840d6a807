"""What is publicly known of systems, as data that routes use: ``use: preset:shopify/order``.

Each system is a YAML file here. Its ``facts`` say where each thing is documented and when that was read.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["NAMES", "content"]

_FOLDER = Path(__file__).parent

NAMES: tuple[str, ...] = tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))
"""The systems that there are presets for."""


@cache
def content(name: str) -> bytes:
    """The YAML of a preset. Raises KeyError for a name that is none of :data:`NAMES`."""
    if name not in NAMES:
        raise KeyError(name)
    return (_FOLDER / f"{name}.yaml").read_bytes()
