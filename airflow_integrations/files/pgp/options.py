"""The options ``pgp`` of files that are read and written, and what the endings of their names say."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId

__all__ = ["PGP_ENDINGS", "PgpRead", "PgpWritten", "without_pgp_ending"]

PGP_ENDINGS = (".pgp", ".gpg", ".asc")
"""Of the names of encrypted files; ``.asc`` is armored, which is text."""


class PgpRead(Model):
    """Each file is encrypted with OpenPGP, and decrypted before it is read.

    Example:
        connection: bank_pgp
    """

    connection: ConnectionId
    """The Airflow Connection of the keys. Its extra has ``private_key``, the own one, and ``public_key``, that of the
    sender, each as an armored block; its password is the passphrase of ``private_key``.

    Example: ``connection: bank_pgp``
    Since: 0.2
    """
    signed: Annotated[bool, Field(strict=True)] = True
    """Whether a file has to be signed by ``public_key``. ``false`` takes files from anybody who has our public key.

    Example:
        connection: bank_pgp
        signed: false
    Since: 0.2
    """


class PgpWritten(Model):
    """Each file is encrypted with OpenPGP.

    Example:
        connection: bank_pgp
        sign: true
    """

    connection: ConnectionId
    """The Airflow Connection of the keys. Its extra has ``public_key``, those of everybody who is to read the files,
    as armored blocks, and for ``sign`` the own ``private_key``; its password is the passphrase of that.

    Example: ``connection: bank_pgp``
    Since: 0.2
    """
    sign: Annotated[bool, Field(strict=True)] = False
    """Whether files are signed with ``private_key``, too.

    Example:
        connection: bank_pgp
        sign: true
    Since: 0.2
    """


def without_pgp_ending(name: str) -> str:
    """The name of what an encrypted file holds: ``orders.csv`` for ``orders.csv.pgp``."""
    for ending in PGP_ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name
