"""Against what the inventors of each signature published."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from aiohttp import web
from yarl import URL

from airflow_integrations.errors import SetupError
from airflow_integrations.http import AwsSignature, Digest, HmacSignature, OAuth1, Refused, Request


def test_aws_get_vanilla_of_its_test_suite() -> None:
    """https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html"""
    auth = AwsSignature("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")
    headers: dict[str, str] = {}
    with time_machine.travel(datetime(2015, 8, 30, 12, 36, tzinfo=UTC), tick=False):
        auth.sign("GET", URL("https://example.amazonaws.com/"), headers, None, 0.0)
    assert headers == {
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    }


def test_an_hmac_over_the_query_as_a_large_exchange_documents_it() -> None:
    key = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    query = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    auth = HmacSignature("X-Signature", key, lambda names: str(names["query"]))
    headers: dict[str, str] = {}
    auth.sign("POST", URL(f"https://api.example/order?{query}", encoded=True), headers, None, 0.0)
    assert headers == {"X-Signature": "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"}


def test_the_names_of_a_recipe_have_one_value_within_a_request() -> None:
    seen: list[Any] = []
    auth = HmacSignature(
        "X-Signature",
        b"key",
        lambda names: seen.append(dict(names)) or "",  # type: ignore[func-returns-value]
        more={"X-Nonce": lambda names: str(names["nonce"]), "X-Time": lambda names: str(names["timestamp"])},
    )
    headers: dict[str, str] = {}
    auth.sign("PUT", URL("https://x.example:8443/a%20b?c=d", encoded=True), headers, b"\xff", 1_800_000_000.5)
    (names,) = seen
    assert (headers["X-Nonce"], headers["X-Time"]) == (names["nonce"], "1800000000")
    assert (names["host"], names["path"], names["query"]) == ("x.example:8443", "/a%20b", "c=d")
    assert names["body_sha256"] == hashlib.sha256(b"\xff").hexdigest()
    assert (names["date"], names["iso"]) == ("Fri, 15 Jan 2027 08:00:00 GMT", "2027-01-15T08:00:00Z")


def test_secrets_are_in_no_repr() -> None:
    made = [
        OAuth1("id", "planted", "planted", "planted"),
        AwsSignature("id", "planted", "r", "s", "planted"),
        HmacSignature("X", b"planted", lambda names: "", written_key="planted"),
        Digest("me", "planted"),
    ]
    assert "planted" not in repr(made)
    assert all("planted" in auth.secrets and "planted" not in auth.how for auth in made)


async def test_digest(serve: Any, connect: Any) -> None:
    """RFC 7616, with SHA-256, qop=auth and a nonce that changes."""
    state: dict[str, Any] = {"nonce": "n1", "challenges": 0}

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    async def answer(request: web.Request) -> web.Response:
        given = dict(
            part.strip().split("=", 1)
            for part in request.headers.get("Authorization", "").removeprefix("Digest ").split(",")
            if "=" in part
        )
        given = {name: text.strip('"') for name, text in given.items()}
        uri = request.rel_url.raw_path_qs
        expected = sha(
            f"{sha('me:shop:pässword')}:{given.get('nonce')}:{given.get('nc')}:{given.get('cnonce')}:auth:"
            f"{sha(f'{request.method}:{uri}')}"
        )
        if given.get("nonce") != state["nonce"] or given.get("response") != expected or given.get("uri") != uri:
            state["challenges"] += 1
            challenge = f'Digest realm="shop", nonce="{state["nonce"]}", qop="auth", algorithm=SHA-256'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return web.Response(body=await request.content.read())  # larger than read() allows

    url = await serve(answer)
    client = await connect(url, auth=Digest("me", "pässword"))
    body = b"x" * 3_000_000
    assert (await client.send(Request("POST", "/orders", body=body))).content == body
    assert (await client.send(Request("GET", "/orders", (("a", "b c"),)))).status == 200
    state["nonce"] = "n2"
    assert (await client.send(Request("PUT", "/orders", body=b"{}"))).status == 200
    assert state["challenges"] <= 3
    wrong = await connect(url, auth=Digest("me", "wrong"))
    with pytest.raises(Refused):
        await wrong.send(Request("GET", "/orders"))


def test_an_assertion_with_a_key_that_does_not_fit() -> None:
    from airflow_integrations.http import Assertion

    with pytest.raises(ValueError, match="not a key for RS256"):
        Assertion("me", "https://x").signed("no pem", 0.0)


def test_parameters_that_would_be_overwritten() -> None:
    from airflow_integrations.http import OAuth2

    with pytest.raises(SetupError, match="grant_type"):
        OAuth2("https://x/t", "me", "s", parameters={"grant_type": "password"})
