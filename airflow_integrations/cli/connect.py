"""``connect``: a person allows access in a browser, and the ledger keeps the refresh token."""

from __future__ import annotations

import argparse
import asyncio
import time
import webbrowser
from typing import TYPE_CHECKING

from airflow_integrations.cli.airflow_access import connections
from airflow_integrations.cli.command import OK, awaited
from airflow_integrations.cli.terminal import out
from airflow_integrations.errors import OutageError, SetupError

if TYPE_CHECKING:
    from airflow_integrations.http import Endpoint, OAuth2
    from airflow_integrations.http.auth.refresh import Kept

__all__ = ["run"]

PATIENCE = 600.0
"""Seconds that a person has for it."""
_EXAMPLE = '{"integrations": {"auth": "oauth2", "grant": "refresh_token", "authorize_url": "https://…", "token_url": "https://…"}}'


def run(args: argparse.Namespace) -> int:
    name = args.connection
    try:
        endpoint = connections().endpoint(name)
        auth = _auth(endpoint)
        assert auth.vault is not None
        kept = awaited(_connect(endpoint, auth, args.redirect_uri, paste=args.paste))
        auth.vault.keep(kept, time.time())
    except (SetupError, OutageError) as error:
        told = str(error)
        raise SetupError(told if f"Connection {name!r}" in told else f"Connection {name!r}: {told}") from None
    out(f"Connection {name} is connected; the ledger keeps its refresh token, encrypted.")
    return OK


def _auth(endpoint: Endpoint) -> OAuth2:
    from airflow_integrations.http import OAuth2

    auth = endpoint.auth
    if not isinstance(auth, OAuth2) or auth.authorize_url is None:
        raise SetupError(f"it does not say where a person allows access. Its extra has to be such as {_EXAMPLE}")
    return auth


def _pasted() -> str:
    try:
        return input()
    except EOFError:
        raise SetupError("nothing was pasted") from None


async def _connect(endpoint: Endpoint, auth: OAuth2, redirect_uri: str, *, paste: bool) -> Kept:
    from yarl import URL

    from airflow_integrations.http.auth.authorization_code import Authorization, listen
    from airflow_integrations.http.auth.expiring import SignInError
    from airflow_integrations.http.auth.oauth2 import TokenEndpoint
    from airflow_integrations.http.redaction import Redaction

    if not paste and URL(redirect_uri).host not in ("localhost", "127.0.0.1"):
        raise SetupError(f"the browser would not come back to this machine by {redirect_uri}: use --paste with it")
    attempt = Authorization(auth, redirect_uri)
    out(f"Open this address in a browser, and allow access. {redirect_uri} has to be registered with the system.\n")
    out(f"  {attempt.url}\n")
    if paste:
        out("When the browser has ended at an address that it perhaps cannot show, paste that address here:")
        code = attempt.code(await asyncio.to_thread(_pasted))
    else:
        code = await listen(redirect_uri, attempt.code, PATIENCE, lambda: webbrowser.open(attempt.url))
    tokens = TokenEndpoint(auth, endpoint, time.time, Redaction(endpoint))
    try:
        return await attempt.exchanged(tokens, code, time.time)
    except SignInError as error:
        raise SetupError(str(error)) from None
    finally:
        await tokens.close()
