"""The recipes of docs/systems/signing-in.md against systems that behave as their vendors say."""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sign_in_servers import SYSTEMS, BusinessOne, MagentoToken, Salesforce
from sign_in_system import FIRST_REFRESH_TOKEN, LOGIN, PASSWORD, System

from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.http import HttpClient, Refused, Request

PAGE = (Path(__file__).parents[3] / "docs" / "systems" / "signing-in.md").read_text()
SIGNED_OUT = [name for name in SYSTEMS if name not in ("Magento 2 (integration)", "Signatures")]
"""Those where what was given can end."""
CHANGES_ONLY = ("SAP Gateway (S/4HANA OData)", "Django and what is built on it")


def recipe(title: str) -> dict[str, Any]:
    """The JSON block behind a title."""
    at = re.search(rf"^(?:\*\*{re.escape(title)}\*\*|## {re.escape(title)}$)", PAGE, re.MULTILINE)
    assert at is not None, title
    block = re.search(r"```json\n(.*?)```", PAGE[at.start() :], re.DOTALL)
    assert block is not None
    found: dict[str, Any] = json.loads(block.group(1))
    return found


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[System], Any]]:
    runners = []

    async def start(system: System) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", system.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, serve: Any) -> Any:
    """A client for a system by the recipe with its title, and perhaps other options or credentials."""

    async def made(title: str, system: System, password: str | None = None, **changed: Any) -> HttpClient:
        url = await serve(system)
        extra = recipe(title)
        options = extra["integrations"]
        options |= changed
        if "token_url" in options:
            options["token_url"] = re.sub(r"^https://[^/]+", url, options["token_url"])
        if options.get("grant") == "refresh_token":
            options["parameters"] = {"refresh_token": FIRST_REFRESH_TOKEN}
        if options.get("auth") == "oauth1":
            options["parameters"] = {"access_token": "token-of-integration", "access_token_secret": "token-s3cret"}
        fields = {"conn_type": "http", "host": url, "login": LOGIN, "password": password or system.password}
        monkeypatch.setenv("AIRFLOW_CONN_SYSTEM", json.dumps(fields | {"extra": extra}))
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
        endpoint = AirflowConnections().endpoint("system")

        async def at_once(_: float) -> None:
            return None

        return HttpClient(endpoint, sleep=at_once, rng=random.Random(1))

    return made


@pytest.fixture(scope="module", autouse=True)
def key_pair() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    Salesforce.key_pem = Salesforce.password = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    Salesforce.public_pem = (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@pytest.mark.parametrize("title", SYSTEMS)
async def test_a_recipe_reads_and_writes_with_one_log_in(title: str, connect: Any) -> None:
    system = SYSTEMS[title]()
    async with await connect(title, system) as client:
        read = await client.send(Request("GET", "/orders", (("since", "2026-01-01 00:00"), ("a", "ü&=")), {}))
        written = await client.send(
            Request("POST", "/orders", (), {}, '{"name": "Müller"}'.encode(), "application/json")
        )
        again = await client.send(Request("GET", "/orders"))
    assert (read.status, written.status, again.status) == (200, 201, 200)
    assert system.log_ins <= 1


@pytest.mark.parametrize("title", SIGNED_OUT)
async def test_what_ended_before_its_time_is_had_anew_once(title: str, connect: Any) -> None:
    system = SYSTEMS[title]()
    async with await connect(title, system) as client:
        await client.send(Request("POST", "/orders", body=b"{}"))
        system.sign_out()
        assert (await client.send(Request("POST", "/orders", body=b"{}"))).status == 201
        assert system.log_ins == 2
        assert system.served.count("POST /orders") == 2


@pytest.mark.parametrize("title", SIGNED_OUT)
async def test_what_is_never_accepted_ends_as_wrong_credentials(title: str, connect: Any) -> None:
    system = SYSTEMS[title]()
    log_in = system.logged_in

    def in_vain() -> str:
        given = log_in()
        system.sign_out()
        return given

    system.logged_in = in_vain  # type: ignore[method-assign]
    async with await connect(title, system) as client:
        with pytest.raises(Refused, match="Connection 'system'"):
            await client.send(Request("POST", "/orders", body=b"{}"))
    assert system.log_ins == 2
    assert "POST /orders" not in system.served


@pytest.mark.parametrize("title", [name for name in SYSTEMS if name not in CHANGES_ONLY])
async def test_a_wrong_password_is_told_in_the_systems_words_without_it(title: str, connect: Any) -> None:
    wrong = "wr0ng-pa55word-0123456789"
    if title.startswith("Salesforce"):
        wrong = rsa_pem()
    system = SYSTEMS[title]()
    async with await connect(title, system, password=wrong) as client:
        with pytest.raises(SetupError) as caught:
            await client.send(Request("GET", "/orders"))
    assert "Connection 'system'" in str(caught.value)
    assert wrong not in str(caught.value)
    assert system.served == []


def rsa_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding = serialization.Encoding.PEM
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


async def test_many_requests_at_once_log_in_once(connect: Any) -> None:
    import asyncio

    system = SYSTEMS["Odoo (JSON-RPC)"]()
    async with await connect("Odoo (JSON-RPC)", system, concurrency=1) as client:
        answers = await asyncio.gather(*(client.send(Request("POST", f"/orders/{n}", body=b"{}")) for n in range(30)))
    assert {answer.status for answer in answers} == {201}
    assert system.log_ins == 1


async def test_a_system_that_is_away_while_it_logs_in_is_an_outage(connect: Any) -> None:
    class Away(MagentoToken):
        async def answer(self, request: web.Request) -> web.StreamResponse:
            return web.json_response({"message": f"maintenance, {PASSWORD}"}, status=503)

    async with await connect("Magento 2 (admin token)", Away(), retry_budget=0) as client:
        with pytest.raises(OutageError, match="POST /rest/V1/integration/admin/token") as caught:
            await client.send(Request("POST", "/orders", body=b"{}"))
    assert PASSWORD not in str(caught.value)


async def test_a_cookie_that_the_system_changes_is_followed(connect: Any) -> None:
    class Rotating(BusinessOne):
        async def served_to(self, request: web.Request) -> web.Response:
            response = await super().served_to(request)
            self.good += "x"
            response.set_cookie("B1SESSION", self.good)
            return response

    system = Rotating()
    async with await connect("SAP Business One (Service Layer)", system) as client:
        for _ in range(5):
            assert (await client.send(Request("GET", "/orders"))).status == 200
    assert system.log_ins == 1


@pytest.mark.parametrize("rows", [3, 20_000])
@pytest.mark.parametrize("ended", [False, True])
async def test_a_session_that_is_over_is_seen_in_an_answer_that_is_read_as_it_arrives(
    rows: int, ended: bool, connect: Any
) -> None:
    table = "id\n" + "".join(f"{number}\n" for number in range(rows))

    class Exports(BusinessOne):
        async def served_to(self, request: web.Request) -> web.Response:
            return web.Response(text=table, content_type="text/csv")

        async def answer(self, request: web.Request) -> web.StreamResponse:
            answer = await super().answer(request)
            if answer.status == 401:
                return web.Response(text="<html><title>Log in</title>" + rows * "<!-- -->", content_type="text/html")
            return answer

    system = Exports()
    title = "SAP Business One (Service Layer)"
    async with await connect(title, system, expired_when='"<title>Log in" in body') as client:
        await client.send(Request("GET", "/orders"))
        if ended:
            system.sign_out()
        async with client.stream(Request("GET", "/export")) as head:
            got = b"".join([chunk async for chunk in head.chunks()])
        assert got.decode() == table
        assert system.log_ins == 1 + ended
        system.logged_in = lambda: "of-no-use"  # type: ignore[method-assign]
        system.sign_out()
        with pytest.raises(Refused, match="was over twice in a row"):
            async with client.stream(Request("GET", "/export")):
                pass


async def test_a_log_in_without_the_token_it_needs_is_told(connect: Any) -> None:
    system = SYSTEMS["Django by a log-in"]()
    csrf = {"path": "/login", "header": "X-CSRFToken", "cookie": "csrftoken"}
    async with await connect("Django by a log-in", system, csrf=csrf) as client:
        with pytest.raises(SetupError, match=r"POST /login did not log in: 403.*CSRF token missing"):
            await client.send(Request("GET", "/orders"))


async def test_a_password_in_a_body_is_a_value_and_never_part_of_the_json(connect: Any) -> None:
    seen: list[Any] = []

    class Curious(MagentoToken):
        async def answer(self, request: web.Request) -> web.StreamResponse:
            seen.append(await request.json())
            return web.json_response("token-1")

    hostile = '", "role": "admin", "x": "{login}{password}'
    async with await connect("Magento 2 (admin token)", Curious(), password=hostile) as client:
        await client.send(Request("POST", "/x", body=b"{}"))
    assert seen[0] == {"username": LOGIN, "password": hostile}


@pytest.mark.parametrize("lives", ["soon", "", None, "1e400", [1]])
async def test_a_life_that_cannot_be_read_is_told(lives: Any, connect: Any) -> None:
    class Odd(System):
        async def answer(self, request: web.Request) -> web.StreamResponse:
            return web.json_response({"data": {"access": {"value": "abc", "ttl_seconds": lives}}})

    title = "A token endpoint that takes and gives JSON of its own"
    async with await connect(title, Odd()) as client:
        with pytest.raises(SetupError, match="does not tell when it expires"):
            await client.send(Request("GET", "/orders"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"auth": "session"}, "auth session needs login: the request that logs in"),
        (
            {"auth": "session", "login": {"path": "/l"}},
            "needs read, where the answer holds the token, or send: cookies",
        ),
        ({"auth": "bearer", "login": {"path": "/l"}}, "login belongs to auth session, and auth is bearer"),
        ({"life": 5}, "life belongs to auth session, and auth is not set"),
        ({"auth": "session", "login": {"path": "/l", "body": {}, "form": {}}, "read": "body.t"}, "has body and form"),
        ({"auth": "session", "login": {"path": "/l"}, "read": "answer.t"}, "unknown name 'answer'"),
        ({"auth": "session", "login": {"path": "/l"}, "read": "body."}, "read"),
        ({"auth": "oauth2", "token_url": "https://x/t", "grant": "jwt_bearer"}, "belong together"),
        ({"auth": "oauth2", "token_url": "https://x/t", "grant": "password"}, "needs username and password"),
        (
            {"auth": "oauth2", "token_url": "https://x/t", "scope": "a", "parameters": {"scope": "b"}},
            "parameters has scope, which its own option sets",
        ),
        (
            {"auth": "oauth2", "token_url": "https://x/t", "send": "cookies"},
            "sends its token in a header, such as send",
        ),
        ({"auth": "bearer", "send": {"header": "X"}}, "send belongs to auth oauth2 or session, and auth is bearer"),
        ({"auth": "hmac", "sign": {"header": "X", "over": "metod"}}, "unknown name 'metod'"),
        ({"auth": "hmac", "sign": {"header": "X", "over": "body", "key_encoding": "hex"}}, "is not a key in hex"),
        (
            {"auth": "session", "login": {"path": "https://evil.example/l"}, "read": "body"},
            "behind the Connection's host",
        ),
        ({"csrf": {"path": "/l", "login": True}}, "about the log-in of auth session"),
        ({"csrf": {"path": "https://evil.example/l"}}, "behind the Connection's host"),
        ({"auth": "oauth1"}, "needs parameters with access_token"),
        ({"auth": "aws", "region": "eu-west-1"}, "needs service"),
    ],
)
def test_mistakes_in_a_connection(options: Any, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"conn_type": "http", "host": "https://x", "login": "me", "password": "planted-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_SYSTEM", json.dumps(fields | {"extra": {"integrations": options}}))
    with pytest.raises(SetupError) as caught:
        AirflowConnections().endpoint("system")
    assert told in str(caught.value)
    assert "planted-secret" not in str(caught.value)


def test_every_recipe_is_a_connection_that_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 12
    for block in blocks:
        extra = json.loads(block)
        fields = {"conn_type": "http", "host": "https://x", "login": "me", "password": "planted-secret"}
        monkeypatch.setenv("AIRFLOW_CONN_SYSTEM", json.dumps(fields | {"extra": extra}))
        endpoint = AirflowConnections().endpoint("system")
        assert "planted-secret" not in repr(endpoint)
        assert endpoint.csrf is not None or (endpoint.auth is not None and "planted" not in endpoint.auth.how)
