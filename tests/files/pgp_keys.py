"""The other side of an exchange of encrypted files: real keys, and the real gpg that a partner uses."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

HAS_GPG = shutil.which("gpg") is not None
PASSPHRASE = "s3cret pässphrase"


class Partner:
    """Has all keys, each under the name of its owner: ``own`` (with a passphrase), ``partner`` and ``stranger``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._private: dict[str, str] = {}
        (home / "gpg-agent.conf").write_text("s2k-count 65536\n")  # else each use of a passphrase takes a while
        for name, passphrase in {"own": PASSPHRASE, "partner": "", "stranger": ""}.items():
            self.gpg(
                "--passphrase", passphrase, "--quick-gen-key", f"{name}@example.com", "default", "default", "never"
            )

    def gpg(self, *arguments: str, content: bytes = b"") -> bytes:
        usual = ["--batch", "--yes", "--quiet", "--trust-model", "always", "--pinentry-mode", "loopback"]
        command = ["gpg", "--homedir", str(self.home), *usual, *arguments]
        done = subprocess.run(command, input=content, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def public(self, *names: str) -> str:
        return "\n".join(self.gpg("--armor", "--export", f"{name}@example.com").decode() for name in names)

    def private(self, name: str = "own") -> str:
        if name not in self._private:
            passphrase = PASSPHRASE if name == "own" else ""
            told = self.gpg("--passphrase", passphrase, "--armor", "--export-secret-keys", f"{name}@example.com")
            self._private[name] = told.decode()
        return self._private[name]

    def encrypted(self, content: bytes, *more: str, to: str = "own", by: str | None = "partner") -> bytes:
        signing = ["--sign", "--local-user", f"{by}@example.com"] if by else []
        return self.gpg(*more, "--encrypt", "--recipient", f"{to}@example.com", *signing, content=content)

    def decrypted(self, content: bytes) -> bytes:
        return self.gpg("--passphrase", PASSPHRASE, "--decrypt", content=content)

    def place(self, *, password: str = PASSPHRASE, **extra: Any) -> Any:
        """A Connection: our private key, and the partner's public one."""
        usual = {"private_key": self.private(), "public_key": self.public("partner"), **extra}
        found = {name: value for name, value in usual.items() if value is not None}
        return SimpleNamespace(
            name="bank_pgp", kind="generic", host="", port=None, login=None, password=password, extra=found
        )


@cache
def the_partner() -> Partner:
    """Making keys takes a second: one for all tests of a process."""
    home = Path(tempfile.mkdtemp(prefix="pgp-partner-"))
    atexit.register(_end, home)
    return Partner(home)


def _end(home: Path) -> None:
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=False)
    shutil.rmtree(home, ignore_errors=True)
