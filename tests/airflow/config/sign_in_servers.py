"""Systems that want to be signed in to, as their vendors' pages describe it. Each counts its log-ins."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import jwt
from aiohttp import web
from oauthlib.oauth1 import RequestValidator, SignatureOnlyEndpoint  # type: ignore[import-untyped]
from sign_in_system import LOGIN, PASSWORD, System
from token_servers import Microsoft, QuickBooks, SellingPartner, ShopifyApp, Xero

__all__ = ["SYSTEMS"]


class BusinessOne(System):
    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/b1s/v2/Login":
            told = await request.json()
            if (told["UserName"], told["Password"], told["CompanyDB"]) != (LOGIN, PASSWORD, "SBODEMO"):
                return web.json_response({"error": {"code": -304, "message": "Fail to get DB Credentials"}}, status=401)
            response = web.json_response({"SessionTimeout": 30})
            response.set_cookie("B1SESSION", self.logged_in(), httponly=True)
            response.set_cookie("ROUTEID", ".node1")
            return response
        if request.cookies.get("B1SESSION") != self.good or request.cookies.get("ROUTEID") != ".node1":
            return web.json_response({"error": {"code": 301, "message": "Invalid session."}}, status=401)
        return await self.served_to(request)


class Odoo(System):
    """Everything has status 200."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/web/session/authenticate":
            told = (await request.json())["params"]
            if (told["login"], told["password"]) != (LOGIN, PASSWORD):
                error = {"code": 200, "message": "Odoo Server Error", "data": {"message": "Access Denied"}}
                response = web.json_response({"jsonrpc": "2.0", "error": error})
                response.set_cookie("session_id", "of-a-visitor")
                return response
            response = web.json_response({"jsonrpc": "2.0", "result": {"uid": 2}})
            response.set_cookie("session_id", self.logged_in())
            return response
        if request.cookies.get("session_id") != self.good:
            return web.json_response({"jsonrpc": "2.0", "error": {"code": 100, "message": "Odoo Session Expired"}})
        return await self.served_to(request)


class MagentoToken(System):
    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/rest/V1/integration/admin/token":
            if await request.json() != {"username": LOGIN, "password": PASSWORD}:
                message = "The account sign-in was incorrect or your account is disabled temporarily."
                return web.json_response({"message": message}, status=401)
            return web.json_response(self.logged_in())
        if request.headers.get("Authorization") != f"Bearer {self.good}":
            return web.json_response({"message": "The consumer isn't authorized to access %resources."}, status=401)
        return await self.served_to(request)


class Cms(System):
    def logged_in(self) -> str:
        self.good = jwt.encode({"id": self.log_ins, "exp": 4102444800}, super().logged_in() * 2, algorithm="HS256")
        return self.good

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/api/auth/local":
            if await request.json() != {"identifier": LOGIN, "password": PASSWORD}:
                error = {"status": 400, "name": "ValidationError", "message": "Invalid identifier or password"}
                return web.json_response({"data": None, "error": error}, status=400)
            return web.json_response({"jwt": self.logged_in(), "user": {"id": 1}})
        if request.headers.get("Authorization") != f"Bearer {self.good}":
            return web.json_response({"error": {"message": "Missing or invalid credentials"}}, status=401)
        return await self.served_to(request)


class HeaderToken(System):
    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/session":
            given = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
            if request.headers.get("Authorization") != f"Basic {given}":
                return web.Response(status=401, text="who are you?")
            return web.Response(status=204, headers={"X-Auth-Token": self.logged_in(), "X-Auth-Expires": "1200"})
        if "Authorization" in request.headers or request.headers.get("X-Auth-Token") != self.good:
            return web.Response(status=401)
        return await self.served_to(request)


class Salesforce(System):
    key_pem = ""
    public_pem = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/services/oauth2/token":
            told = dict(await request.post())
            assert told["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            try:
                claims = jwt.decode(
                    str(told["assertion"]),
                    self.public_pem,
                    algorithms=["RS256"],
                    audience="https://login.salesforce.com",
                    issuer=LOGIN,
                    options={"require": ["exp", "iss", "sub"], "verify_exp": False, "verify_iat": False},
                )
            except jwt.PyJWTError as error:
                return web.json_response({"error": "invalid_grant", "error_description": str(error)}, status=400)
            assert claims["sub"] == "integration@shop.example"
            return web.json_response({"access_token": self.logged_in(), "token_type": "Bearer"})
        if request.headers.get("Authorization") != f"Bearer {self.good}":
            return web.json_response([{"errorCode": "INVALID_SESSION_ID"}], status=401)
        return await self.served_to(request)


class JsonTokens(System):
    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/v1/authenticate":
            told = json.loads(await request.text())
            if told != {"grant_type": "client_credentials", "client_id": LOGIN, "client_secret": PASSWORD}:
                return web.json_response({"fault": {"detail": "unknown client"}}, status=422)
            return web.json_response({"data": {"access": {"value": self.logged_in(), "ttl_seconds": 600}}})
        if request.headers.get("Authorization") != f"Bearer {self.good}":
            return web.Response(status=401)
        return await self.served_to(request)


class HmacSigned(System):
    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        text = "\n".join(
            [request.method, request.rel_url.raw_path, request.headers["X-Timestamp"], hashlib.sha256(body).hexdigest()]
        )
        digest = hmac.new(PASSWORD.encode(), text.encode(), "sha256").digest()
        if request.headers.get("Authorization") != f"HMAC {LOGIN}:{base64.b64encode(digest).decode()}":
            return web.json_response({"message": "signature does not match"}, status=401)
        return await self.served_to(request)


class _Validator(RequestValidator):  # type: ignore[misc]
    enforce_ssl = False
    client_key_length = (1, 100)
    timestamp_lifetime = 10**10
    allowed_signature_methods = ("HMAC-SHA256",)
    dummy_client = "nobody"

    def validate_timestamp_and_nonce(self, *_: Any, **__: Any) -> bool:
        return True

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return client_key == LOGIN

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return PASSWORD

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return "token-s3cret"

    def validate_access_token(self, client_key: str, token: str, request: Any) -> bool:
        return token == "token-of-integration"


class _Endpoint(SignatureOnlyEndpoint):  # type: ignore[misc]
    def _create_request(self, *given: Any) -> Any:
        request = super()._create_request(*given)
        request.access_token = request.resource_owner_key
        return request

    def _check_signature(self, request: Any, is_token_request: bool = False) -> bool:
        from oauthlib.oauth1.rfc5849 import signature  # type: ignore[import-untyped]

        return bool(signature.verify_hmac_sha256(request, PASSWORD, "token-s3cret"))


class MagentoOAuth1(System):
    async def answer(self, request: web.Request) -> web.StreamResponse:
        url = f"http://{request.host}{request.rel_url.raw_path_qs}"
        headers = {name: text for name, text in request.headers.items() if name == "Authorization"}
        valid, _ = _Endpoint(_Validator()).validate_request(url, request.method, None, headers)
        if not valid:
            return web.json_response({"message": "The signature is invalid."}, status=401)
        return await self.served_to(request)


class SapGateway(System):
    """Basic authentication, and a token for changes that belongs to a session."""

    def __init__(self) -> None:
        super().__init__()
        self.session = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        given = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {given}":
            return web.Response(status=401)
        if request.method == "GET":
            response = await self.served_to(request)
            if request.headers.get("X-CSRF-Token", "").lower() == "fetch":
                response.headers["x-csrf-token"] = self.logged_in()
                self.session = secrets.token_hex(6)
                response.set_cookie("SAP_SESSIONID_S4H_100", self.session)
            return response
        session = request.cookies.get("SAP_SESSIONID_S4H_100")
        if request.headers.get("X-CSRF-Token") != self.good or session != self.session:
            return web.Response(status=403, headers={"x-csrf-token": "Required"}, text="CSRF token validation failed")
        return await self.served_to(request)


class DjangoSession(System):
    """The log-in needs a token as every change does, and gives another one."""

    def __init__(self) -> None:
        super().__init__()
        self.token = self.before = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        known = request.cookies.get("sessionid") == self.good
        if request.path == "/login" and request.method == "GET":
            response = web.Response(text="<form>", content_type="text/html")
            self.token = secrets.token_hex(8)
            response.set_cookie("csrftoken", self.token)
            return response
        cookie, header = request.cookies.get("csrftoken"), request.headers.get("X-CSRFToken")
        if request.method == "POST" and (cookie != self.token or header != self.token):
            return web.json_response({"detail": "CSRF Failed: CSRF token missing."}, status=403)
        if request.path == "/login":
            told = await request.post()
            if (told["username"], told["password"]) != (LOGIN, PASSWORD):
                return web.Response(text="try again", content_type="text/html")
            response = web.Response(status=302, headers={"Location": "/"})
            response.set_cookie("sessionid", self.logged_in())
            self.token = secrets.token_hex(8)  # rotated
            response.set_cookie("csrftoken", self.token)
            return response
        if not known:
            return web.json_response({"detail": "Authentication credentials were not provided."}, status=401)
        return await self.served_to(request)


class Sanctum(System):
    """The session begins with the token, whose cookie is percent-encoded; logging in makes it somebody's."""

    def __init__(self) -> None:
        super().__init__()
        self.token = self.session = ""
        self.user = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/sanctum/csrf-cookie":
            response = web.Response(status=204)
            self.token = f"{secrets.token_hex(8)}=="
            if request.cookies.get("laravel_session") != self.session or not self.session:
                self.session, self.user = secrets.token_hex(8), False
                response.set_cookie("laravel_session", self.session)
            response.headers.add("Set-Cookie", f"XSRF-TOKEN={quote(self.token)}; Path=/")
            return response
        ours = bool(self.session) and request.cookies.get("laravel_session") == self.session
        if request.method == "POST" and (not ours or request.headers.get("X-XSRF-TOKEN") != self.token):
            return web.json_response({"message": "CSRF token mismatch."}, status=419)
        if request.path == "/login":
            told = await request.json()
            if (told["email"], told["password"]) != (LOGIN, PASSWORD):
                return web.json_response({"message": "These credentials do not match our records."}, status=422)
            self.logged_in()
            self.user = True
            response = web.Response(status=204)
            response.set_cookie("remember_me", "1")
            return response
        if not ours or not self.user:
            return web.json_response({"message": "Unauthenticated."}, status=401)
        return await self.served_to(request)

    def sign_out(self) -> None:
        self.session = ""


class Django(System):
    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            response = await self.served_to(request)
            if "X-CSRFToken" in request.headers:  # others get one, too, which nobody here keeps
                response.set_cookie("csrftoken", self.logged_in())
            return response
        cookie, header = request.cookies.get("csrftoken"), request.headers.get("X-CSRFToken")
        if not cookie or cookie != header or cookie != self.good:
            return web.json_response({"detail": "CSRF Failed: CSRF token missing."}, status=403)
        return await self.served_to(request)


SYSTEMS: dict[str, type[System]] = {
    "SAP Business One (Service Layer)": BusinessOne,
    "Odoo (JSON-RPC)": Odoo,
    "Magento 2 (admin token)": MagentoToken,
    "A headless CMS or shop that gives a JWT": Cms,
    "A token in a header of its own": HeaderToken,
    "Salesforce (JWT bearer)": Salesforce,
    "A token endpoint that takes and gives JSON of its own": JsonTokens,
    "Microsoft (Business Central, Dynamics 365)": Microsoft,
    "Xero (custom connection)": Xero,
    "QuickBooks Online, Xero and others, on behalf of a person": QuickBooks,
    "Shopify (an app of your own)": ShopifyApp,
    "Amazon Selling Partner API": SellingPartner,
    "Magento 2 (integration)": MagentoOAuth1,
    "Signatures": HmacSigned,
    "SAP Gateway (S/4HANA OData)": SapGateway,
    "Django and what is built on it": Django,
    "Django by a log-in": DjangoSession,
    "Laravel Sanctum": Sanctum,
}
"""By the title of its recipe in docs/systems/signing-in.md."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
