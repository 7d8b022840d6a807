from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transform_chain import Chain


@pytest.fixture
def chain(tmp_path: Path) -> Callable[..., Chain]:
    """``chain({"filter": …}, {"map": …})``; files that the steps name are looked for in ``tmp_path``."""

    def build(*steps: dict[str, Any], **options: Any) -> Chain:
        return Chain(list(steps), folder=tmp_path, **options)

    return build
