"""A run that reads no file says whether the path is wrong or all was read before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from files_scene import Scene


def test_why_nothing_was_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene: Any = Scene(tmp_path)
    with caplog.at_level("INFO"):
        scene.run()
        assert "no file matches" in caplog.text
        scene.put("a.csv", "1,10")
        assert scene.run() == ["1"]
        caplog.clear()
        assert scene.run() == []
    assert "1 file matches" in caplog.text
    assert "1 read before" in caplog.text
