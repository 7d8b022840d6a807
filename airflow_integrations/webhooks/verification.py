"""Whether a request is from whom the route expects."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Sequence
from typing import Protocol

from airflow_integrations.route.webhooks.verification import BasicProof, HeaderProof, HmacProof, StandardProof
from airflow_integrations.webhooks.request import Request
from airflow_integrations.webhooks.secrets import Secret
from airflow_integrations.webhooks.signatures import check_hmac, check_standard

__all__ = ["AnySecrets", "Proof", "check", "proving_headers"]

Proof = HmacProof | StandardProof | HeaderProof | BasicProof


class AnySecrets(Protocol):
    async def get(self, connections: str | Sequence[str]) -> list[Secret]:
        """Raises SetupError where a Connection is missing."""
        ...


def check(proof: Proof, request: Request, secrets: Sequence[Secret], now: float) -> str | None:
    """Why the request proves nothing, for the log; None: it does. ``secrets`` are those that ``proof.secret`` names.
    Raises SetupError for one that is not written as it has to be."""
    if isinstance(proof, HmacProof):
        return check_hmac(proof, request, secrets, now)
    if isinstance(proof, StandardProof):
        return check_standard(proof, request, secrets, now)
    if isinstance(proof, HeaderProof):
        return _check_header(proof, request, secrets)
    return _check_basic(request, secrets)


def proving_headers(proof: Proof | None) -> frozenset[str]:
    """Headers that expressions do not see: who has read them could send in the sender's place."""
    own = {proof.header.lower()} if isinstance(proof, HmacProof) else set()
    if isinstance(proof, HeaderProof):
        own = {proof.name.lower()}
    return frozenset({"authorization", "proxy-authorization", "cookie", *own})


def _check_header(proof: HeaderProof, request: Request, secrets: Iterable[Secret]) -> str | None:
    given = request.headers.get(proof.name.lower())
    if given is None:
        return f"the header {proof.name} is missing"
    fits = _any_equal(given.encode("latin-1"), [secret.password.encode() for secret in secrets])
    return None if fits else f"the header {proof.name} does not hold the secret"


def _check_basic(request: Request, secrets: Iterable[Secret]) -> str | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "the header Authorization has no Basic credentials"
    try:
        given = base64.b64decode(credentials.strip(), validate=True)
    except ValueError:
        return "the Basic credentials are not base64"
    fits = _any_equal(given, [f"{secret.login}:{secret.password}".encode() for secret in secrets])
    return None if fits else "login or password are wrong"


def _any_equal(given: bytes, secrets: Iterable[bytes]) -> bool:
    equal = [hmac.compare_digest(given, secret) for secret in secrets]
    return any(equal)
