"""Refresh tokens in the ledger, encrypted with Airflow's Fernet key."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth.refresh import Kept

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["LedgerVault"]


class LedgerVault:
    """Those of one Connection. The ledger is opened for each question: there are few, minutes apart."""

    def __init__(self, connection: str) -> None:
        self._connection = connection
        self._holder = secrets.token_hex(16)

    def read(self) -> Kept | None:
        from cryptography.fernet import InvalidToken

        from airflow_integrations.ledger import tokens

        fernet = _fernet()  # before anything is exchanged: without a key, what is given could not be kept
        with _database() as database:
            secret = tokens.read(database, self._connection)
        if secret is None:
            return None
        try:
            return msgspec.json.decode(fernet.decrypt(secret), type=Kept)
        except (InvalidToken, msgspec.MsgspecError):
            raise SetupError(
                f"Connection {self._connection!r}: the ledger's token was encrypted with another key than [core] "
                f"fernet_key has now: give it the old one beside the new one (new,old), or run "
                f"`airflow-integrations connect {self._connection}`"
            ) from None

    def claim(self, now: float, until: float) -> bool:
        from airflow_integrations.ledger import tokens

        with _database() as database:
            return tokens.claim(database, self._connection, self._holder, now, until)

    def keep(self, kept: Kept, now: float) -> None:
        from airflow_integrations.ledger import tokens

        secret = _fernet().encrypt(msgspec.json.encode(kept))
        with _database() as database:
            tokens.keep(database, self._connection, secret, now)

    def give_back(self) -> None:
        from airflow_integrations.ledger import tokens

        with _database() as database:
            tokens.give_back(database, self._connection, self._holder)


def _database() -> Database:
    from airflow_integrations.airflow.config.ledger import open_ledger

    return open_ledger(synced=True)


def _fernet() -> Any:
    """Raises SetupError where Airflow has no key: tokens are not kept in the clear."""
    from airflow.sdk.configuration import conf
    from cryptography.fernet import Fernet, MultiFernet

    keys = [key.strip() for key in conf.get("core", "fernet_key", fallback="").split(",") if key.strip()]
    if not keys:
        raise SetupError(
            "Airflow has no [core] fernet_key here, and tokens are not kept unencrypted: give workers the same key as "
            "the API server"
        )
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise SetupError(f"[core] fernet_key cannot be used here: {error}") from None
