"""Each test is rewritten by one worker, and pytest takes what that worker made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import PYC_TAIL, AssertionRewritingHook, get_cache_dir
from rewritten_tests import rewrite_share, share_of


def test_each_file_is_in_one_share() -> None:
    files = [Path(f"test_{number}.py") for number in range(20)]
    shares = [share_of(f"gw{worker}", 3, files) for worker in range(3)]
    assert sorted(file for share in shares for file in share) == sorted(files)
    assert share_of("gw3", 3, files) == shares[0], "a worker that replaces one that died"


def test_pytest_takes_it(pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "test_of_a_share.py"
    file.write_text("def fails(found):\n    assert found == 2\n")
    (tmp_path / "test_broken.py").write_text("def fails(:\n")
    rewrite_share(pytestconfig, [tmp_path / "test_broken.py", file])
    kept = get_cache_dir(file) / f"test_of_a_share{PYC_TAIL}"
    made = kept.stat().st_mtime_ns

    hook = AssertionRewritingHook(pytestconfig)
    spec = hook.find_spec("test_of_a_share", [str(tmp_path)])
    assert spec is not None
    module = type(sys)("test_of_a_share")
    module.__spec__ = spec
    hook.exec_module(module)
    assert kept.stat().st_mtime_ns == made
    with pytest.raises(AssertionError, match="assert 1 == 2"):
        module.fails(1)
