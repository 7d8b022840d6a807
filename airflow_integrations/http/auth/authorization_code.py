"""A person allows it in a browser: the authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636, RFC 8252)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from yarl import URL

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth.expiring import good_for
from airflow_integrations.http.auth.oauth2 import OAuth2, TokenEndpoint
from airflow_integrations.http.auth.refresh import Kept, print_of

__all__ = ["Authorization", "ForeignAddress", "listen"]

_DONE = "<!doctype html><title>Connected</title><p>Connected. You can close this window and go back to the terminal."
_FAILED = "<!doctype html><title>Not connected</title><p>Not connected. The terminal says why."


class ForeignAddress(SetupError):
    """It belongs to another attempt, or somebody made it up."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """One attempt. ``redirect_uri`` is where the browser is sent afterwards, as it is registered with the system."""

    auth: OAuth2
    redirect_uri: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def url(self) -> str:
        """What a person opens."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.auth.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        if self.auth.scope is not None:
            asked["scope"] = self.auth.scope
        return str(URL(self.auth.authorize_url or "").update_query(asked))

    def code(self, landed: str) -> str:
        """The code in the address where the browser ended. Raises SetupError where there is none."""
        query = URL(landed.strip()).query
        if not hmac.compare_digest(query.get("state", "").encode(), self.state.encode()):
            raise ForeignAddress("the address does not belong to this attempt (its state differs): begin again")
        if "error" in query:
            said = f"{query['error'][:200]}: {query.get('error_description', '')[:500]}".rstrip(": ")
            raise SetupError(f"it was not allowed: {said}")
        if not query.get("code"):
            raise SetupError("the address holds no code: copy all of it from the browser's address bar")
        return query["code"]

    async def exchanged(self, endpoint: TokenEndpoint, code: str, now: Callable[[], float]) -> Kept:
        """The tokens. Raises SignInError, SetupError."""
        taken = await endpoint.ask(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "code_verifier": self.verifier,
            }
        )
        if not taken.refresh_token:
            raise SetupError(
                "the system gave no refresh token, so that it would have to be allowed again whenever the access token "
                "ends: many systems give one for the scope offline_access, or with access_type=offline in authorize_url"
            )
        first = print_of(self.auth.parameters.get("refresh_token"))
        return Kept(taken.refresh_token, taken.text, now() + good_for(taken.life), first)


async def listen(
    redirect_uri: str, code_of: Callable[[str], str], seconds: float, ready: Callable[[], object] = lambda: None
) -> str:
    """Wait on this machine until a browser comes to ``redirect_uri``; the code that ``code_of`` reads in its address.

    ``ready`` is called once it can come, which may be at once. A ForeignAddress gets an error page, and the wait goes
    on. Raises SetupError as ``code_of`` does, after so many seconds, or where the port is taken.
    """
    wanted = URL(redirect_uri)
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(request: web.Request) -> web.Response:
        if request.method != "GET" or request.path != (wanted.path or "/"):
            return web.Response(status=404)
        failed = web.Response(status=400, text=_FAILED, content_type="text/html")
        try:
            code = code_of(str(request.url))
        except ForeignAddress:
            return failed
        except SetupError as error:
            if not found.done():
                found.set_exception(error)
            return failed
        if not found.done():
            found.set_result(code)
        return web.Response(text=_DONE, content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", wanted.port).start()
        await asyncio.to_thread(ready)
        async with asyncio.timeout(seconds):
            return await found
    except TimeoutError:
        raise SetupError(f"nobody came back from the browser within {seconds:.0f} s") from None
    except OSError as error:
        raise SetupError(
            f"port {wanted.port} of this machine cannot be listened on ({error}): use --paste, or another port in "
            "--redirect-uri"
        ) from None
    finally:
        await runner.cleanup()
