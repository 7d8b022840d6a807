"""The workers of one run share the work of rewriting the tests' asserts.

After a checkout none is rewritten, and all workers import the same files in the same order at the same time: each
would rewrite all of them, which takes as long as everything else that collecting them does. So each first rewrites
its share and keeps it where pytest looks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import (
    PYC_TAIL,
    _read_pyc,
    _rewrite_test,
    _write_pyc,
    assertstate_key,
    get_cache_dir,
    try_makedirs,
)

__all__ = ["rewrite_share", "share_of"]


def share_of(worker: str, workers: int, files: Sequence[Path]) -> Sequence[Path]:
    """Those that ``worker`` (``gw0``, ``gw1``, …) rewrites."""
    return sorted(files)[int(worker.removeprefix("gw")) % workers :: workers]


def rewrite_share(config: pytest.Config, files: Sequence[Path]) -> None:
    """Those that are not rewritten yet. What does not work here is left to pytest, which tells of it."""
    if sys.dont_write_bytecode:
        return
    state = config.stash[assertstate_key]
    for file in files:
        folder = get_cache_dir(file)
        kept = folder / (file.name[:-3] + PYC_TAIL)
        if not try_makedirs(folder) or _read_pyc(file, kept) is not None:
            continue
        try:
            found, code = _rewrite_test(file, config)
        except (OSError, SyntaxError):
            continue
        _write_pyc(state, code, found, kept)
