"""Requests that are signed one by one with a key that is never sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, Literal, Protocol

from yarl import URL

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth.base import Auth

__all__ = ["SIGNED_NAMES", "AwsSignature", "HmacSignature", "OAuth1", "Signer"]

SIGNED_NAMES = {
    "method": "the method, in capitals",
    "host": "the host, with its port where it is not the default one",
    "path": "the path as it is sent, percent-encoded, without the query",
    "query": "the query as it is sent, without the question mark",
    "url": "the whole URL as it is sent",
    "body": "the body as text, empty where there is none",
    "body_sha256": "the SHA-256 of the body, in hexadecimal digits",
    "body_md5": "the MD5 of the body, in base64",
    "timestamp": "now, in Unix seconds",
    "timestamp_ms": "now, in Unix milliseconds",
    "date": "now, as HTTP writes it: Sun, 06 Nov 1994 08:49:37 GMT",
    "iso": "now, as ISO 8601 writes it: 1994-11-06T08:49:37Z",
    "nonce": "32 hexadecimal digits that come once",
    "login": "the Connection's login",
}
"""What the recipe of an HMAC may name."""


class Signer(Protocol):
    """Adds what proves who we are to a request that is ready to go."""

    def sign(self, method: str, url: URL, headers: dict[str, str], body: bytes | None, now: float) -> None:
        """Change ``headers`` in place. ``now`` is in Unix seconds."""
        ...


@dataclass(frozen=True, slots=True)
class HmacSignature(Auth):
    """An HMAC over a text that the service prescribes, with the password as its key.

    ``over`` makes the text from :data:`SIGNED_NAMES`; ``more`` makes other headers from them, such as the time that was
    signed. ``value`` is the header's text, where ``{signature}`` and ``{login}`` stand for themselves.
    """

    name: str
    key: bytes = field(repr=False)
    over: Callable[[Mapping[str, Any]], str]
    algorithm: Literal["md5", "sha1", "sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    value: str = "{signature}"
    login: str = ""
    more: Mapping[str, Callable[[Mapping[str, Any]], str]] = field(default_factory=dict)
    written_key: str = field(default="", repr=False)
    """The key as the Connection has it."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple({self.written_key, self.key.decode("utf-8", "replace")})

    @property
    def how(self) -> str:
        return f"an HMAC ({self.algorithm}) in the header {self.name}"

    def sign(self, method: str, url: URL, headers: dict[str, str], body: bytes | None, now: float) -> None:
        content = body or b""
        names = {
            "method": method,
            "host": url.host if url.is_default_port() else f"{url.host}:{url.port}",
            "path": url.raw_path,
            "query": url.raw_query_string,
            "url": str(url),
            "body": content.decode("utf-8", "surrogateescape"),
            "body_sha256": hashlib.sha256(content).hexdigest(),
            "body_md5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
            "timestamp": int(now),
            "timestamp_ms": int(now * 1000),
            "date": formatdate(now, usegmt=True),
            "iso": datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "nonce": secrets.token_hex(16),
            "login": self.login,
        }
        text = self.over(names).encode("utf-8", "surrogateescape")
        digest = hmac.new(self.key, text, self.algorithm)
        written = digest.hexdigest() if self.encoding == "hex" else base64.b64encode(digest.digest()).decode()
        headers[self.name] = self.value.replace("{login}", self.login).replace("{signature}", written)
        for name, made in self.more.items():
            headers[name] = made(names)


@dataclass(frozen=True, slots=True)
class OAuth1(Auth):
    """OAuth 1.0a with the tokens of an integration (RFC 5849), as Magento and NetSuite have it."""

    consumer_key: str
    consumer_secret: str = field(repr=False)
    access_key: str = field(repr=False)
    access_secret: str = field(repr=False)
    algorithm: Literal["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512"] = "HMAC-SHA256"
    realm: str | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.consumer_secret, self.access_key, self.access_secret)

    @property
    def how(self) -> str:
        return f"OAuth 1.0a ({self.algorithm})"

    def sign(self, method: str, url: URL, headers: dict[str, str], body: bytes | None, now: float) -> None:
        try:
            from oauthlib.oauth1 import Client  # type: ignore[import-untyped]
        except ImportError:
            raise SetupError("auth oauth1 needs oauthlib: pip install 'airflow-integrations[oauth1]'") from None
        form = headers.get("Content-Type", "").partition(";")[0].strip() == "application/x-www-form-urlencoded"
        client = Client(
            self.consumer_key,
            client_secret=self.consumer_secret,
            resource_owner_key=self.access_key,
            resource_owner_secret=self.access_secret,
            signature_method=self.algorithm,
            realm=self.realm,
            timestamp=str(int(now)),
        )
        text = body.decode("utf-8") if form and body else None  # fields of a form are signed, other bodies are not
        _, signed, _ = client.sign(str(url), method, text, {"Content-Type": headers["Content-Type"]} if text else {})
        headers["Authorization"] = signed["Authorization"]


@dataclass(frozen=True, slots=True)
class AwsSignature(Auth):
    """AWS Signature Version 4, as API Gateway and other services of AWS take it."""

    key_id: str
    secret_key: str = field(repr=False)
    region: str
    service: str
    session_key: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret_key, *((self.session_key,) if self.session_key else ()))

    @property
    def how(self) -> str:
        return f"AWS Signature Version 4 ({self.service}, {self.region})"

    def sign(self, method: str, url: URL, headers: dict[str, str], body: bytes | None, now: float) -> None:
        try:
            from botocore.auth import SigV4Auth
            from botocore.awsrequest import AWSRequest
            from botocore.credentials import Credentials
        except ImportError:
            raise SetupError("auth aws needs botocore: pip install 'airflow-integrations[aws]'") from None
        signed = {name: text for name, text in headers.items() if name.lower() in ("content-type", "host")}
        request = AWSRequest(method, str(url), headers=signed, data=body or b"")
        SigV4Auth(Credentials(self.key_id, self.secret_key, self.session_key), self.service, self.region).add_auth(
            request
        )
        headers.update({name: text for name, text in request.headers.items() if name not in signed})
