"""An encrypted file as the reader of its format takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_integrations.files.pgp.keyring import Keyring
from airflow_integrations.files.pgp.options import without_pgp_ending

__all__ = ["decrypted"]

_UNPACKED = (".gz", ".bz2", ".xz", ".zst")


@contextmanager
def decrypted(keyring: Keyring, content: Any, path: str, *, signed: bool) -> Iterator[tuple[Any, str]]:
    """The content of the file at ``path``, decrypted, and decompressed where the name inside says so; and that name.

    Raises RefusedFile, SetupError, and what reading raises.
    """
    from fsspec.compression import compr
    from fsspec.utils import infer_compression

    for ending in _UNPACKED:  # whoever opened it has unpacked that
        path = path[: -len(ending)] if path.lower().endswith(ending) else path
    inside = without_pgp_ending(path)
    how = infer_compression(inside)
    with keyring.decrypted(content, signed=signed) as clear:
        if how in (None, "zip"):  # a zip file is unpacked by the reader
            yield clear, inside
        else:
            with compr[how](clear, mode="rb") as unpacked:
                yield unpacked, inside
