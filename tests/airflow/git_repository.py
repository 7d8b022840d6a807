"""Routes in a git repository on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["Repository"]


class Repository:
    """A git repository with a folder ``routes``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "routes").mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        return subprocess.run(["git", *who, *words], cwd=self.path, check=True, capture_output=True, text=True).stdout

    def commit(self, **routes: str) -> str:
        """Commit these routes, and all else that has changed. Returns the commit."""
        for name, text in routes.items():
            (self.path / "routes" / f"{name}.yaml").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "routes")
        return self.git("rev-parse", "HEAD").strip()
