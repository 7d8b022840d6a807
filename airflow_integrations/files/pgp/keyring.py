"""The keys of a Connection in use: messages are decrypted and encrypted, from file to file, in pieces."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from functools import cached_property
from typing import IO, Any

from airflow_integrations.errors import SetupError
from airflow_integrations.files.pgp.home import Home, status_lines
from airflow_integrations.files.pgp.verdict import OtherKey, RefusedFile, check
from airflow_integrations.files.place import Place, place_of

__all__ = ["Keyring", "keyring_of"]

PIECE = 256 * 1024
MAX_SIZE = 4 * 1024 * 1024 * 1024
"""Bytes of a file, encrypted or not: both stand on this machine's disk while it is read."""
ALWAYS, RATIO = 16 * 1024 * 1024, 300
"""Decrypted bytes that are always fine, and beyond that, for one encrypted byte: as for packed files."""
_OF_A_SECRET = 16
"""What gpg tells of an imported key that is a private one."""


def keyring_of(connection: str, connections: object) -> Keyring:
    """Raises SetupError where the Connection is missing, has no keys, or gpg is not installed. May block."""
    place = place_of(connection, connections)
    assert place is not None
    return Keyring(place)


class Keyring:
    """Use :meth:`close` when it is done. Its methods block, for seconds with large files."""

    def __init__(self, place: Place) -> None:
        """Raises SetupError where the Connection has no keys, or others than it should, and where gpg is missing."""
        self._name, self._passphrase = place.name, str(place.password or "")
        self._extra = place.extra
        self._home = Home()
        if "\n" in self._passphrase or len(self._passphrase.encode()) > 1024:
            raise SetupError(f"Connection {self._name!r}: its password has a line end or over 1,024 bytes")

    @property
    def digest(self) -> str:
        """Another one where the Connection's keys or passphrase are others."""
        given = [self._passphrase, *(str(self._extra.get(name) or "") for name in ("private_key", "public_key"))]
        return hashlib.blake2b("\0".join(given).encode(), digest_size=16).hexdigest()

    def close(self) -> None:
        """Remove what gpg was given."""
        self._home.close()

    def require(self, *, own: bool, others: bool) -> None:
        """Raises SetupError where keys are missing or are not such, and for a passphrase that is wrong."""
        assert not others or self.others
        if own:
            assert self.own
            self._check_passphrase()

    def _check_passphrase(self) -> None:
        for fingerprint in self.own:  # the only question that every key answers, whatever it is made for
            with tempfile.TemporaryFile() as nothing:
                arguments = ["--export-secret-keys", fingerprint]
                with self._home.running(arguments, nothing, passphrase=self._passphrase) as (process, _):
                    assert process.stdout is not None
                    while process.stdout.read(PIECE):
                        pass
                    ended = process.wait()
            if ended != 0:
                raise SetupError(f"Connection {self._name!r}: its password is not the passphrase of private_key")

    @cached_property
    def own(self) -> Sequence[str]:
        """Fingerprints of ``private_key``. Raises SetupError."""
        return self._imported("private_key", secret=True)

    @cached_property
    def others(self) -> Sequence[str]:
        """Fingerprints of ``public_key``. Raises SetupError."""
        return self._imported("public_key", secret=False)

    def _imported(self, name: str, *, secret: bool) -> Sequence[str]:
        block = self._extra.get(name)
        if not isinstance(block, str) or not block.strip():
            raise SetupError(
                f"Connection {self._name!r} has no {name} in its extra; give the armored block, with \\n for line ends"
            )
        found: dict[str, bool] = {}
        for words in self._home.lines(["--import"], block.replace("\\n", "\n").encode()):
            if words[:1] == ["IMPORT_OK"] and len(words) == 3 and words[1].isdigit():
                found[words[2]] = found.get(words[2], False) or bool(int(words[1]) & _OF_A_SECRET)
        if not found:
            raise SetupError(f"Connection {self._name!r}: {name} in its extra is not a key that gpg can read")
        if secret and not all(found.values()):
            raise SetupError(f"Connection {self._name!r}: private_key in its extra is a public key")
        if not secret and any(found.values()):
            raise SetupError(f"Connection {self._name!r}: public_key in its extra is a private key; replace that key")
        return list(found)

    def decrypted(self, content: Any, *, signed: bool) -> IO[bytes]:
        """What an encrypted file holds, on this machine's disk under no name: close it.

        Nothing is handed out before all of it was decrypted and found to be whole, and with ``signed`` to be signed by
        ``public_key``. Raises RefusedFile, SetupError, and what reading raises.
        """
        assert self.own
        senders = self.others if signed else ()
        with tempfile.TemporaryFile() as source:
            size = _copied(content, source, MAX_SIZE)
            source.seek(0)
            clear: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - handed out
            try:
                arguments = ["--decrypt"] if signed else ["--skip-verify", "--decrypt"]
                with self._home.running(arguments, source, passphrase=self._passphrase) as (process, status):
                    _copied(process.stdout, clear, min(MAX_SIZE, max(ALWAYS, RATIO * size)))
                    ended = process.wait()
                    check(status_lines(status), ended, self._name, senders=senders, signed=signed)
            except OtherKey:
                clear.close()
                self._check_passphrase()  # gpg tells a wrong one in the same words
                raise
            except BaseException:
                clear.close()
                raise
        clear.seek(0)
        return clear

    def encrypt(self, clear: IO[bytes], target: IO[bytes], *, sign: bool, armored: bool = False) -> None:
        """A file, from where it is read now, to everybody of ``public_key``.

        Raises SetupError where that cannot be: a key has expired or cannot encrypt, or the passphrase is wrong.
        """
        arguments = ["--force-mdc", "--no-emit-version", "--no-comments", "--set-filename", "", "--encrypt"]
        for fingerprint in self.others:
            arguments += ["--recipient", fingerprint]
        if armored:
            arguments.append("--armor")
        if sign:
            arguments += ["--sign", "--local-user", self.own[0]]
        with self._home.running(arguments, clear, passphrase=self._passphrase) as (process, status):
            assert process.stdout is not None
            while piece := process.stdout.read(PIECE):
                target.write(piece)
            ended = process.wait()
            heard = {words[0] for words in status_lines(status) if words}
        if ended != 0 or "END_ENCRYPTION" not in heard or (sign and "SIG_CREATED" not in heard):
            if sign:
                self._check_passphrase()
            raise SetupError(f"Connection {self._name!r}: {_why_not(heard)}")


def _why_not(heard: set[str]) -> str:
    if "INV_RECP" in heard or "KEYEXPIRED" in heard:
        return "a key in public_key cannot be used: it has expired, was revoked, or is not one that encrypts"
    if "INV_SGNR" in heard:
        return "private_key cannot sign: it has expired, was revoked, or is not one that signs"
    return "gpg could not encrypt with its keys"


def _copied(source: Any, target: IO[bytes], most: int) -> int:
    """How many bytes there were. Raises RefusedFile where they are too many."""
    size = 0
    while piece := source.read(PIECE):
        size += len(piece)
        if size > most:
            raise RefusedFile(
                f"it has over {most:,} bytes, or becomes that many; beyond {ALWAYS:,} at most {RATIO} bytes are taken "
                f"for one encrypted byte, and {MAX_SIZE:,} of a file"
            )
        target.write(piece)
    return size
