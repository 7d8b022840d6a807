"""The demo's SAP S/4HANA: API_SALES_ORDER_SRV, API_BUSINESS_PARTNER and API_MATERIAL_STOCK_SRV in OData version 2.

    python -m airflow_integrations.demo.shopify_sap.sap --port 8002

It wants basic authentication with DEMO_SAP_USER and DEMO_SAP_PASSWORD. Beside the services there are, with the same
credentials, ``POST /demo/away`` (``{"seconds": 3}``: all is answered 503) and ``GET /demo/books``.

What it does, from (2026-11):

- https://help.sap.com/docs/SAP_S4HANA_CLOUD/03c04db2a7434731b7fe21dca77440da: deep insert of items; the create fills
  SalesOrder with a new number.
- https://support.cleo.com/hc/en-us/articles/19955468388759-API-related-Information-SAP-S4HANA: ``X-CSRF-Token: Fetch``
  with a reading request, the token and its cookies with each change; ``__next`` with ``$skiptoken``.
- https://userapps.support.sap.com/sap/support/knowledge/en/3048103: 403 "CSRF token validation failed" where the
  cookies are missing.
- https://help.sap.com/saphelp_em92/helpdata/en/be/a0e62beca343fca78ded10f2937658/content.htm: ETags and If-Match, 412;
  https://userapps.support.sap.com/sap/support/knowledge/en/3514624: 428 without If-Match.
- https://schemas.apis.io/schemas/sap-s4hana/sap-s4hana-odataerror/: the form of an error.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import os
import random
import secrets
import sys
import time
from typing import Any

import msgspec
from aiohttp import web

from airflow_integrations.demo.server import Strain, add_server_arguments, answer, application, serve, strain_of
from airflow_integrations.demo.shopify_sap.sap_books import MATERIAL_STOCK, ORDERS, PARTNERS, Books, Refusal
from airflow_integrations.demo.shopify_sap.sap_query import filtered, key_of
from airflow_integrations.formats.json import decode

__all__ = ["main", "sap"]

_SERVICES = {
    "API_SALES_ORDER_SRV": ORDERS,
    "API_BUSINESS_PARTNER": PARTNERS,
    "API_MATERIAL_STOCK_SRV": MATERIAL_STOCK,
}
_SESSION = "SAP_SESSIONID_S4H_100"
PAGE = 50


def _error(refusal: Refusal) -> web.Response:
    document = {
        "error": {
            "code": refusal.code,
            "message": {"lang": "en", "value": refusal.text},
            "innererror": {
                "application": {"component_id": "SD-SLS", "service_namespace": "/SAP/", "service_version": "0001"},
                "transactionid": secrets.token_hex(16).upper(),
                "errordetails": [{"code": refusal.code, "message": refusal.text, "severity": "error"}],
            },
        }
    }
    return answer(document, status=refusal.status, headers={"DataServiceVersion": "1.0"})


class _Gateway:
    """One client's requests, checked and carried out."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.tokens: dict[str, tuple[str, str]] = {}
        """By session, the service it was fetched from, and the token."""

    async def handle(self, request: web.Request) -> web.Response:
        service, rest = request.match_info["service"], request.match_info["rest"]
        if service not in _SERVICES:
            return _error(Refusal(403, "/IWFND/MED/170", f"No service found for namespace '', name '{service}'"))
        try:
            if request.method in ("GET", "HEAD"):
                given = self._read(request, service, rest)
            elif not self._token_fits(request, service):
                return web.Response(
                    status=403, text="CSRF token validation failed", headers={"x-csrf-token": "Required"}
                )
            else:
                given = await self._write(request, service, rest)
        except Refusal as refusal:
            self.books.refusals.append(f"{refusal.status} {refusal.text}")
            return _error(refusal)
        if request.headers.get("X-CSRF-Token", "").lower() == "fetch" and request.method in ("GET", "HEAD"):
            session, token = secrets.token_urlsafe(16), secrets.token_urlsafe(18)
            self.tokens[session] = service, token
            given.headers["x-csrf-token"] = token
            given.set_cookie(_SESSION, session, path="/", httponly=True)
            given.set_cookie("sap-usercontext", "sap-client=100", path="/")
        given.headers["DataServiceVersion"] = "2.0"
        return given

    def _token_fits(self, request: web.Request, service: str) -> bool:
        held = self.tokens.get(request.cookies.get(_SESSION, ""))
        given = request.headers.get("X-CSRF-Token", "")
        return held is not None and held[0] == service and hmac.compare_digest(held[1].encode(), given.encode())

    def _read(self, request: web.Request, service: str, rest: str) -> web.Response:
        if not rest:
            return answer({"d": {"EntitySets": [_SERVICES[service]]}})
        entity_set, key = key_of(rest)
        documents = self._documents(service, entity_set)
        expanded = set(request.query.get("$expand", "").split(","))
        if key is not None:
            if key not in documents:
                raise Refusal(404, "SY/530", "Resource not found")
            one = answer({"d": self._shown(request, service, entity_set, key, expanded)})
            one.headers["ETag"] = self.books.etags.get(f"{entity_set}/{key}", "")
            return one
        names = {id(document): name for name, document in documents.items()}
        found = [names[id(each)] for each in filtered(documents.values(), request.query.get("$filter"))]
        begin = int(request.query.get("$skiptoken") or request.query.get("$skip") or 0)
        size = min(int(request.query.get("$top") or PAGE), PAGE)
        shown = found[begin : begin + size]
        results = [self._shown(request, service, entity_set, each, expanded) for each in shown]
        listed: dict[str, Any] = {"results": results}
        if request.query.get("$inlinecount") == "allpages":
            listed["__count"] = str(len(found))
        if begin + size < len(found) and "$top" not in request.query:
            following = request.url.update_query({"$skiptoken": str(begin + size)})
            listed["__next"] = str(following)
        return answer({"d": listed})

    async def _write(self, request: web.Request, service: str, rest: str) -> web.Response:
        entity_set, key = key_of(rest)
        self._documents(service, entity_set)
        if request.content_type != "application/json":
            raise Refusal(415, "/IWFND/CM_MGW_RT/004", "Unsupported media type")
        try:
            given = decode(await request.read())
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refusal(400, "CX_SXML_PARSE_ERROR/001", "Error while parsing an XML or JSON stream") from None
        method = request.headers.get("X-HTTP-Method", request.method)
        if method == "POST" and key is None:
            document = self.books.create(entity_set, given)
            number = next(iter(document.values()))
            shown = self._shown(request, service, entity_set, number, {"to_Item"})
            made = answer({"d": shown}, status=201)
            made.headers["ETag"] = self.books.etags[f"{entity_set}/{number}"]
            return made
        if method in ("PATCH", "MERGE", "PUT") and key is not None:
            properties = given.get("d", given) if isinstance(given, dict) else given
            self.books.update(entity_set, key, properties, request.headers.get("If-Match"))
            return web.Response(status=204)
        raise Refusal(405, "/IWFND/CM_MGW/096", f"Method {method} is not allowed here")

    def _documents(self, service: str, entity_set: str) -> dict[str, dict[str, Any]]:
        if _SERVICES[service] != entity_set:
            raise Refusal(404, "/IWFND/CM_MGW_RT/020", f"Resource not found for segment '{entity_set}'")
        return self.books.documents[entity_set]

    def _shown(
        self, request: web.Request, service: str, entity_set: str, key: str, expanded: set[str]
    ) -> dict[str, Any]:
        uri = f"{request.url.origin()}/sap/opu/odata/sap/{service}/{entity_set}('{key}')"
        metadata = {"id": uri, "uri": uri, "type": f"{service}.{entity_set}Type"}
        if etag := self.books.etags.get(f"{entity_set}/{key}"):
            metadata["etag"] = etag
        document = self.books.documents[entity_set][key]
        lists = {
            name: value if name in expanded else {"__deferred": {"uri": f"{uri}/{name}"}}
            for name, value in document.items()
            if name.startswith("to_")
        }
        return {"__metadata": metadata, **document, **lists}


def sap(books: Books, *, user: str, password: str, strain: Strain | None = None) -> web.Application:
    """The system as an aiohttp application over ``books``."""
    expected = base64.b64encode(f"{user}:{password}".encode())
    back = 0.0

    def refuse(request: web.Request) -> web.Response | None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic" or not hmac.compare_digest(given.encode(), expected):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="SAP NetWeaver"'})
        if time.monotonic() < back and not request.path.startswith("/demo/"):
            return web.Response(status=503, text="Service cannot be reached")
        return None

    async def away(request: web.Request) -> web.Response:
        nonlocal back
        back = time.monotonic() + float(decode(await request.read())["seconds"])
        return answer({})

    async def told(request: web.Request) -> web.Response:
        return answer(books.told())

    gateway = _Gateway(books)
    app = application(refuse, strain or Strain(), rng=random.Random())  # noqa: S311 - chance faults
    app.router.add_route("*", "/sap/opu/odata/sap/{service}/{rest:.*}", gateway.handle)
    app.router.add_post("/demo/away", away)
    app.router.add_get("/demo/books", told)
    return app


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m airflow_integrations.demo.shopify_sap.sap")
    add_server_arguments(parser, rate=0)
    options = parser.parse_args(arguments)
    app = sap(
        Books(),
        user=os.environ["DEMO_SAP_USER"],
        password=os.environ["DEMO_SAP_PASSWORD"],
        strain=strain_of(options),
    )

    def announce(url: str) -> None:
        sys.stdout.write(f"the demo's SAP listens on {url}\n")
        sys.stdout.flush()

    asyncio.run(serve(app, host=options.host, port=options.port, port_file=options.port_file, announce=announce))


if __name__ == "__main__":
    main()
