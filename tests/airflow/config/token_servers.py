"""Systems whose tokens another service of the vendor gives (OAuth 2), as the vendors' pages describe it."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import unquote_plus

from aiohttp import web
from sign_in_system import FIRST_REFRESH_TOKEN, LOGIN, PASSWORD, System

__all__ = ["Microsoft", "QuickBooks", "SellingPartner", "ShopifyApp", "Xero"]


class Tokens(System):
    """Another service of the vendor gives tokens to a client."""

    header, word = "Authorization", "Bearer "
    """How requests carry the token."""
    token_path, grant = "/connect/token", "client_credentials"
    basic = False
    """Whether the client says who it is by basic authentication; else in the form."""
    scope = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path != self.token_path:
            ours = [request.headers.get(name) for name in {self.header, "Authorization"}]
            if [each for each in ours if each] != [self.word + self.good]:
                return web.json_response({"errors": [{"code": "Unauthorized"}]}, status=401)
            return await self.served_to(request)
        told = {name: str(text) for name, text in (await request.post()).items()}
        client = f"{told.pop('client_id', '')}:{told.pop('client_secret', '')}"
        if self.basic:
            client = unquote_plus(base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode())
        if client != f"{LOGIN}:{PASSWORD}" or told.pop("grant_type") != self.grant or told != self.wants():
            error = {"error": "invalid_client", "error_description": "Client authentication failed"}
            return web.json_response(error, status=401)
        return web.json_response({"access_token": self.logged_in(), "expires_in": 3600} | self.gives())

    def wants(self) -> dict[str, str]:
        """What else stands in the form."""
        return {"scope": self.scope} if self.scope else {}

    def gives(self) -> dict[str, str]:
        return {"token_type": "Bearer"}


class Microsoft(Tokens):
    token_path, scope = "/TENANT/oauth2/v2.0/token", "https://api.businesscentral.dynamics.com/.default"


class Xero(Tokens):
    basic, scope = True, "accounting.transactions accounting.contacts"


class ShopifyApp(Tokens):
    header, word, token_path = "X-Shopify-Access-Token", "", "/admin/oauth/access_token"

    def gives(self) -> dict[str, str]:
        return {"scope": "read_orders"}


class QuickBooks(Tokens):
    """A refresh token is taken once, and another one comes with each access token."""

    token_path, grant, basic = "/oauth2/v1/tokens/bearer", "refresh_token", True
    scope = "com.intuit.quickbooks.accounting"
    refresh_token = FIRST_REFRESH_TOKEN

    def wants(self) -> dict[str, str]:
        return super().wants() | {"refresh_token": self.refresh_token}

    def gives(self) -> dict[str, str]:
        self.refresh_token = secrets.token_hex(12)
        return {"token_type": "bearer", "refresh_token": self.refresh_token}


class SellingPartner(Tokens):
    """The refresh token stays the same; the access token has a header of its own."""

    header, word, token_path, grant = "x-amz-access-token", "", "/auth/o2/token", "refresh_token"

    def wants(self) -> dict[str, str]:
        return {"refresh_token": FIRST_REFRESH_TOKEN}
