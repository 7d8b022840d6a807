"""Signatures of a body, compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from airflow_integrations.errors import SetupError
from airflow_integrations.route.webhooks.verification import HmacProof, StandardProof
from airflow_integrations.webhooks.request import Request
from airflow_integrations.webhooks.secrets import Secret

__all__ = ["check_hmac", "check_standard", "hmac_key", "is_recent"]

MOST_SIGNATURES = 10
"""In one header: each costs a comparison."""

_PART = re.compile(r"\{(body|timestamp|method)\}")


def check_hmac(proof: HmacProof, request: Request, secrets: Iterable[Secret], now: float) -> str | None:
    """Why the request is not from who knows one of the secrets; None: it is. Raises SetupError for a secret that is
    not written as the route says."""
    given = request.headers.get(proof.header.lower(), "")
    signatures = list(_signatures(proof, given))
    stamp = _stamp(proof, request)
    if proof.timestamp is not None:
        if stamp is None:
            return "the timestamp is missing"
        if not is_recent(stamp, proof.timestamp.tolerance.total_seconds(), now):
            return "the timestamp is too far from this server's clock"
    text = _signed(proof.signed, request, stamp or "")
    for secret in secrets:
        digest = hmac.digest(hmac_key(proof, secret), text, proof.algorithm)
        if _any_equal(digest, signatures):
            return None
    if not given:
        return f"the header {proof.header} is missing"
    if not signatures:
        return f"the header {proof.header} holds no signature of the form that verify describes"
    return "the signature does not fit"


def hmac_key(proof: HmacProof, secret: Secret) -> bytes:
    """Raises SetupError where the secret is not written so."""
    try:
        return _KEYS[proof.secret_encoding](secret.password)
    except ValueError:
        raise SetupError(f"a secret of verify.hmac is no {proof.secret_encoding}, as secret_encoding says") from None


def check_standard(proof: StandardProof, request: Request, secrets: Iterable[Secret], now: float) -> str | None:
    """The same for https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md."""
    named = (f"{proof.prefix}-{part}" for part in ("id", "timestamp", "signature"))
    event_id, stamp, given = (request.headers.get(name) for name in named)
    if not event_id or not stamp or not given:
        return f"one of the headers {proof.prefix}-id, -timestamp, -signature is missing"
    if not is_recent(stamp, proof.tolerance.total_seconds(), now):
        return "the timestamp is too far from this server's clock"
    parts = (part.partition(",") for part in given.split()[:MOST_SIGNATURES])
    signatures = [decoded for version, _, text in parts if version == "v1" and (decoded := _base64(text)) is not None]
    if not signatures:
        return f"the header {proof.prefix}-signature holds no signature of version v1"
    text = f"{event_id}.{stamp}.".encode("latin-1") + request.body
    for secret in secrets:
        if _any_equal(hmac.digest(_whsec(secret), text, "sha256"), signatures):
            return None
    return "the signature does not fit"


def _whsec(secret: Secret) -> bytes:
    key = _base64(secret.password.removeprefix("whsec_"))
    if not key:
        raise SetupError("a secret of verify.standard is not base64 (behind whsec_)")
    return key


def _signatures(proof: HmacProof, given: str) -> Iterator[bytes]:
    texts = [given] if proof.field is None else [text for name, text in _fields(given) if name == proof.field]
    for text in texts[:MOST_SIGNATURES]:
        text = text.strip()
        if text[: len(proof.prefix)].lower() == proof.prefix.lower():
            decoded = _DECODE[proof.encoding](text[len(proof.prefix) :])
            if decoded is not None:
                yield decoded


def _stamp(proof: HmacProof, request: Request) -> str | None:
    if proof.timestamp is None:
        return None
    given = request.headers.get((proof.timestamp.header or proof.header).lower(), "")
    if proof.timestamp.field is None:
        return given.strip() or None
    return next((text for name, text in _fields(given) if name == proof.timestamp.field), None)


def _fields(header: str) -> Iterator[tuple[str, str]]:
    """Of ``t=…,v1=…`` (Stripe) or ``ts=…;h1=…`` (Paddle)."""
    for part in re.split("[,;]", header)[: 2 * MOST_SIGNATURES]:
        name, _, value = part.strip().partition("=")
        yield name, value


def _signed(template: str, request: Request, stamp: str) -> bytes:
    if template == "{body}":
        return request.body
    values = {"body": request.body, "timestamp": stamp.encode("latin-1"), "method": request.method.encode("latin-1")}
    parts = _PART.split(template)  # text and names in turn
    return b"".join(values[part] if at % 2 else part.encode() for at, part in enumerate(parts))


def _any_equal(digest: bytes, signatures: Iterable[bytes]) -> bool:
    """Compares with all of them, so that the time taken does not tell which one fits."""
    equal = [hmac.compare_digest(digest, signature) for signature in signatures]
    return any(equal)


def _hex(text: str) -> bytes | None:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return None


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return None


def _strict_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_DECODE: dict[str, Callable[[str], bytes | None]] = {"hex": _hex, "base64": _base64}

_KEYS: dict[str, Callable[[str], bytes]] = {"text": str.encode, "hex": bytes.fromhex, "base64": _strict_base64}

_MILLISECONDS = 10**11
"""A number above this counts milliseconds: as seconds it would be after the year 5000."""


def is_recent(stamp: str, tolerance: float, now: float) -> bool:
    """Whether ``stamp`` (seconds or milliseconds since 1970, or RFC 3339 with an offset) is at most ``tolerance``
    seconds from ``now``."""
    moment = _moment(stamp)
    return moment is not None and abs(now - moment) <= tolerance


def _moment(stamp: str) -> float | None:
    if stamp.isascii() and stamp.isdigit() and len(stamp) <= 16:
        number = int(stamp)
        return number / 1000 if number > _MILLISECONDS else float(number)
    try:
        moment = datetime.fromisoformat(stamp)
        return moment.timestamp() if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
