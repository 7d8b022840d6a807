"""An OData service on loopback, of version 2 or 4, that behaves as the standard says: pages, counts, ETags, batches.

Batches are taken apart with the standard library's parser for mail, not with ours.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from aiohttp import web

from airflow_integrations.http import Endpoint

__all__ = ["Asked", "ODataService"]


@dataclass
class Asked:
    method: str
    path: str
    """Decoded, with the key."""
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class ODataService:
    version: int = 4
    page: int = 3
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    batches: int = 0
    stops: bool = False
    """Whether a batch ends at its first failure."""
    etags: dict[str, int] = field(default_factory=dict)
    refused: Callable[[dict[str, Any]], str | None] = lambda entity: None
    before_update: Callable[[ODataService, str], None] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Merged into the first page's answer."""
    tracks: bool = False
    """Whether it gives delta links."""
    changes: list[str] = field(default_factory=list)
    """Keys in the order of their changes."""
    model: bytes | None = None
    """What it says of itself."""
    forgets: int = 0
    """Delta links to fewer changes are gone."""
    url: str = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            await runner.cleanup()

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url, retry_budget=2.0)

    def variable(self, name: str) -> str | None:
        return None

    async def _handle(self, request: web.Request) -> web.Response:
        content = await request.read()
        if request.path == "/$metadata":
            return web.Response(status=200 if self.model else 404, body=self.model, content_type="application/xml")
        if request.path == "/$batch":
            self.batches += 1
            return self._batch(request, content)
        headers = {name.lower(): value for name, value in request.headers.items()}
        status, answer_headers, body = self._one(request.method, request.raw_path, headers, content)
        payload = b"" if body is None else json.dumps(body).encode()
        return web.Response(
            status=status,
            body=payload,
            headers={**answer_headers, **({"Content-Type": "application/json"} if payload else {})},
        )

    def _one(
        self, method: str, raw: str, headers: dict[str, str], content: bytes
    ) -> tuple[int, dict[str, str], dict[str, Any] | None]:
        raw_path, _, raw_query = raw.partition("?")
        query = {name: values[0] for name, values in parse_qs(raw_query, keep_blank_values=True).items()}
        path = unquote(raw_path)
        body: Any = json.loads(content) if content else None
        self.asked.append(Asked(method, path, query, headers, body))
        keyed = re.fullmatch(r"/?Orders\('((?:[^']|'')*)'\)", path)
        key = keyed.group(1).replace("''", "'") if keyed else None
        if key is None:
            return self._list(query) if method == "GET" else self._create(body)
        if key not in self.entities:
            return self._error(404, "NotFound", f"no entity {key}")
        if method == "GET":
            return 200, {}, self._shown(key)
        if self.before_update is not None:
            hook, self.before_update = self.before_update, None
            hook(self, key)
        match = headers.get("if-match")
        if match is None:
            return self._error(428, "PreconditionRequired", "If-Match is missing")
        if match not in ("*", self.etag(key)):
            return self._error(412, "PreconditionFailed", "somebody else changed it")
        if method == "DELETE":
            del self.entities[key]
            return 204, {}, None
        why = self.refused(body)
        if why:
            return self._error(400, "Bad", why)
        self.entities[key] = {**(self.entities[key] if method == "PATCH" else {"id": key}), **body}
        self.etags[key] = self.etags.get(key, 0) + 1
        return 200, {}, self._shown(key)

    def _create(self, body: dict[str, Any]) -> tuple[int, dict[str, str], dict[str, Any] | None]:
        why = self.refused(body)
        if why:
            return self._error(400, "Bad", why)
        if body["id"] in self.entities:
            return self._error(409, "Exists", "it exists")
        self.entities[body["id"]] = body
        return 201, {}, self._shown(body["id"])

    def _list(self, query: dict[str, str]) -> tuple[int, dict[str, str], dict[str, Any]]:
        found = list(self.entities.values())
        wanted = re.fullmatch(r"(\w+) eq '((?:[^']|'')*)'", query.get("$filter", ""))
        if wanted:
            found = [one for one in found if one.get(wanted.group(1)) == wanted.group(2).replace("''", "'")]
        token = query.get("!deltatoken" if self.version == 2 else "$deltatoken", "").strip("'")
        if token:
            if int(token) < self.forgets:
                return self._error(410, "Gone", "the token is too old")
            changed = dict.fromkeys(self.changes[int(token) :])
            found = [self.entities.get(key, self._tombstone(key)) for key in changed]
        begin = int(query.get("$skiptoken", query.get("$skip", "0")))
        size = int(query["$top"]) if "$top" in query else self.page
        shown = [self._with_marks(one) if _is_there(one) else one for one in found[begin : begin + size]]
        again = {name: value for name, value in query.items() if name != "$skiptoken"}
        again["$skiptoken"] = str(begin + size)
        link = "/Orders?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in again.items())
        more = begin + size < len(found) and "$top" not in query
        if self.version == 2:
            d: dict[str, Any] = {"results": shown}
            if query.get("$inlinecount") == "allpages":
                d["__count"] = str(len(found))
            if self.tracks and not more:
                d["__delta"] = f"{self.url}/Orders?!deltatoken='{len(self.changes)}'"
            if more:
                d["__next"] = self.url + link
            return 200, {}, {"d": {**d, **self.extra}}
        answer: dict[str, Any] = {"value": shown}
        if query.get("$count") == "true":
            answer["@odata.count"] = len(found)
        if self.tracks and not more:
            answer["@odata.deltaLink"] = f"Orders?$deltatoken={len(self.changes)}"
        if more:
            answer["@odata.nextLink"] = link.lstrip("/")
        return 200, {}, {**answer, **self.extra}

    def put(self, key: str, **fields: Any) -> None:
        self.entities[key] = {"id": key, **fields}
        self.changes.append(key)

    def remove(self, key: str) -> None:
        del self.entities[key]
        self.changes.append(key)

    def _tombstone(self, key: str) -> dict[str, Any]:
        id_ = f"{self.url}/Orders('{quote(key.replace(chr(39), chr(39) * 2))}')"
        if self.version == 2:
            return {"@odata.context": "$metadata#Orders/$deletedEntity", "id": id_}
        return {"@removed": {"reason": "deleted"}, "@id": id_}

    def etag(self, key: str) -> str:
        return f'W/"{self.etags.get(key, 0)}"'

    def _with_marks(self, entity: dict[str, Any]) -> dict[str, Any]:
        tag = self.etag(entity["id"])
        if self.version == 2:
            return {"__metadata": {"uri": "x", "etag": tag}, **entity}
        return {"@odata.etag": tag, **entity}

    def _shown(self, key: str) -> dict[str, Any]:
        shown = self._with_marks(self.entities[key])
        return {"d": shown} if self.version == 2 else shown

    def _error(self, status: int, code: str, text: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        message: Any = {"lang": "en", "value": text} if self.version == 2 else text
        return status, {}, {"error": {"code": code, "message": message}}

    def _batch(self, request: web.Request, content: bytes) -> web.Response:
        if request.content_type == "application/json":
            return self._json_batch(json.loads(content))
        mail = b"Content-Type: " + request.headers["Content-Type"].encode() + b"\r\n\r\n" + content
        pieces = []
        for changes in email.message_from_bytes(mail, policy=email.policy.HTTP).iter_parts():
            (one,) = changes.iter_parts()
            head, _, body = bytes(one.get_payload(decode=True)).partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            method, path, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            status, _, answer = self._one(method, path, headers, body.rstrip(b"\r\n"))
            payload = b"" if answer is None else json.dumps(answer).encode()
            http = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n\r\n".encode() + payload
            if status < 300:
                part = b"Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n"
                part += b"Content-Type: application/http\r\nContent-ID: " + one["Content-ID"].encode() + b"\r\n\r\n"
                pieces.append(part + http + b"\r\n--inner--\r\n")
            else:
                pieces.append(b"Content-Type: application/http\r\n\r\n" + http + b"\r\n")
                if self.stops:
                    break
        body = b"".join(b"--outer\r\n" + piece for piece in pieces) + b"--outer--\r\n"
        return web.Response(
            status=202 if self.version == 2 else 200,
            body=body,
            headers={"Content-Type": "multipart/mixed; boundary=outer"},
        )

    def _json_batch(self, batch: dict[str, Any]) -> web.Response:
        responses = []
        for one in batch["requests"]:
            content = json.dumps(one["body"]).encode() if "body" in one else b""
            status, _, answer = self._one(one["method"], one["url"], one["headers"], content)
            responses.append({"id": one["id"], "status": status, "headers": {}, "body": answer})
            if status >= 400 and self.stops:
                break
        return web.json_response({"responses": responses[::-1]})


def _is_there(entity: dict[str, Any]) -> bool:
    return "@removed" not in entity and "@odata.context" not in entity
