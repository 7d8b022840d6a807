from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.errors import AnswerError, OutageError, SetupError, UnknownOutcome
from airflow_integrations.http import ApiKey, Basic, Bearer, Endpoint, Refused, Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def raw(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


async def test_sends_what_is_asked_and_returns_what_is_answered(serve, connect):
    seen: dict[str, Any] = {}

    async def handler(request):
        seen.update(
            method=request.method, path=request.raw_path, body=await request.read(), headers=dict(request.headers)
        )
        return web.Response(status=201, body=b"done", headers={"ETag": "v1"})

    client = await connect(await serve(handler) + "/base/", headers={"X-Shop": "1"}, auth=Basic("me", "secret"))
    answer = await client.send(
        Request("post", "orders/a%2Fb", (("q", "a b&c"), ("q", "ü")), {"X-One": "2"}, b"{}", "application/json")
    )
    assert (answer.status, answer.content, answer.headers["etag"], answer.attempts) == (201, b"done", "v1", 1)
    assert seen["method"] == "POST"
    assert seen["path"] == "/base/orders/a%2Fb?q=a%20b%26c&q=%C3%BC"
    assert seen["body"] == b"{}"
    assert seen["headers"]["X-Shop"] == "1"
    assert seen["headers"]["X-One"] == "2"
    assert seen["headers"]["Content-Type"] == "application/json"
    assert seen["headers"]["Authorization"] == "Basic bWU6c2VjcmV0"
    assert (client.stats.requests, client.stats.statuses[201]) == (1, 1)


async def test_every_request_goes_to_its_own_address(serve, connect):
    seen = []

    async def handler(request):
        seen.append(request.raw_path)
        return web.Response()

    client = await connect(await serve(handler))
    for path, query in (("/a", ()), ("/a", ()), ("/a", (("q", "1"),)), ("/b", (("q", "1"),)), ("/a", ())):
        await client.send(Request("GET", path, query))
    assert seen == ["/a", "/a", "/a?q=1", "/b?q=1", "/a"]


@pytest.mark.parametrize("status", [200, 204, 304, 400, 404, 409, 410, 422])
async def test_final_statuses_are_answers(serve, connect, clock, status):
    async def handler(request):
        return web.Response(status=status)

    client = await connect(await serve(handler))
    assert (await client.send(Request("GET", "/"))).status == status
    assert clock.slept == []


@pytest.mark.parametrize("status", ["408 Request Timeout", "429 Too Many Requests", "500 X", "502 X", "503 X", "504 X"])
async def test_a_burst_of_trouble_is_survived(wire, connect, clock, status):
    client = await connect(await wire(raw(status), raw(status), raw(status), OK))
    answer = await client.send(Request("GET", "/orders"))
    assert (answer.content, answer.attempts, client.stats.retries) == (b"ok", 4, 3)
    assert len(clock.slept) == 3
    assert client.stats.waited == pytest.approx(sum(clock.slept))


@pytest.mark.parametrize(
    "script",
    [
        None,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        raw("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"x" * 5000)[:-9]),
        raw("200 OK", "Content-Encoding: deflate", body=zlib.compress(b"x" * 5000)[:-3]),
        b"no HTTP at all\r\n\r\n",
    ],
    ids=["hangs up", "short", "half chunked", "half gzip", "half deflate", "not http"],
)
async def test_broken_answers_are_asked_for_again_or_unknown(wire, connect, script):
    # aiohttp itself repeats a GET once when a kept connection turns out to be closed: hence two broken ones
    client = await connect(await wire(script, script, OK))
    assert (await client.send(Request("GET", "/orders"))).content == b"ok"
    client = await connect(await wire(script))
    with pytest.raises(UnknownOutcome, match=r"shop: POST /orders: .*may have taken effect"):
        await client.send(Request("POST", "/orders", body=b"{}"))


async def test_a_server_that_says_nothing(wire, connect):
    client = await connect(await wire(..., OK), read_timeout=0.05)
    assert (await client.send(Request("GET", "/orders"))).content == b"ok"
    client = await connect(await wire(...), read_timeout=0.05)
    with pytest.raises(UnknownOutcome, match="no answer in time"):
        await client.send(Request("PATCH", "/orders", body=b"{}"))
    client = await connect(await wire(...), read_timeout=0.05, retry_budget=0)
    with pytest.raises(OutageError, match="no answer in time; gave up after 1 attempt"):
        await client.send(Request("GET", "/orders"))


async def test_a_server_that_drips_bytes(serve, connect):
    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x")
            await asyncio.sleep(0.01)
        return response

    client = await connect(await serve(handler), read_timeout=0.05, retry_budget=0)
    with pytest.raises(OutageError, match="no answer in time"):
        await client.send(Request("GET", "/orders"))


async def test_what_was_not_processed_is_repeated_even_if_it_must_not_be_done_twice(wire, connect):
    client = await connect(await wire(raw("429 X"), raw("503 X"), OK))
    assert (await client.send(Request("POST", "/orders", body=b"{}"))).attempts == 3


@pytest.mark.parametrize("status", [408, 500, 502, 504])
async def test_a_status_that_leaves_it_open_is_an_unknown_outcome(serve, connect, status):
    calls = 0

    async def handler(request):
        nonlocal calls
        calls += 1
        return web.Response(status=status, text="oops")

    client = await connect(await serve(handler))
    with pytest.raises(UnknownOutcome, match=f"{status} .*oops") as caught:
        await client.send(Request("POST", "/orders", body=b"{}"))
    assert caught.value.status == status
    assert calls == 1


async def test_nobody_listens(connect, clock):
    client = await connect("http://127.0.0.1:1")
    with pytest.raises(OutageError, match=r"shop: POST /orders: .*gave up after \d+ attempts in \d+\.\d s"):
        await client.send(Request("POST", "/orders", body=b"{}"))
    assert 20 < sum(clock.slept) <= 60


async def test_an_unknown_host(connect):
    client = await connect("http://no-such-host.invalid", retry_budget=0)
    with pytest.raises(OutageError, match="gave up after 1 attempt"):
        await client.send(Request("GET", "/"))


@pytest.mark.parametrize(
    "value", ["7", "7.0", "Fri, 15 Jan 2027 08:00:07 GMT", "PT7S", "7000ms", "1800000007", "1800000007000"]
)
async def test_retry_after_is_obeyed_by_all_requests(wire, connect, clock, value):
    assert clock.time == 1_800_000_000  # Fri, 15 Jan 2027 08:00:00 GMT
    client = await connect(await wire(raw("503 X", f"Retry-After: {value}"), OK))
    await client.send(Request("GET", "/"))
    assert len(clock.slept) == 1
    assert 7 <= clock.slept[0] <= 7.7


async def test_a_longer_retry_after_than_the_budget_ends_at_once(wire, connect, clock):
    client = await connect(await wire(raw("429 X", "Retry-After: 3600")))
    with pytest.raises(OutageError, match="asks to wait 3600 s") as caught:
        await client.send(Request("GET", "/"))
    assert caught.value.retry_after == 3600
    assert clock.slept == []


async def test_a_retry_after_that_nobody_can_read_is_named_and_the_usual_wait_is_taken(wire, connect, clock, caplog):
    caplog.set_level("INFO", logger="airflow_integrations.http")
    client = await connect(await wire(raw("503 X", "Retry-After: in a while"), OK))
    await client.send(Request("GET", "/"))
    assert "Retry-After 'in a while' is not understood" in caplog.text
    assert sum(clock.slept) <= 0.5


async def test_a_used_up_quota_is_waited_for(serve, connect, clock):
    async def handler(request):
        return web.Response(headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "5"})

    client = await connect(await serve(handler))
    await client.send(Request("GET", "/"))
    assert clock.slept == []
    await client.send(Request("GET", "/"))
    assert clock.slept == [5.0]


async def test_refused_credentials(serve, connect):
    async def handler(request):
        return web.Response(status=int(request.path[1:]), text="go away")

    client = await connect(await serve(handler), auth=Bearer("hush"))
    with pytest.raises(
        Refused, match=r"401 Unauthorized; check the credentials of Connection 'shop'.*go away"
    ) as caught:
        await client.send(Request("GET", "/401"))
    assert isinstance(caught.value, SetupError)
    assert "hush" not in str(caught.value)
    with pytest.raises(Refused, match=r"403 Forbidden; .*lacks a permission") as caught:
        await client.send(Request("POST", "/403"))
    assert (caught.value.status, caught.value.answer.content) == (403, b"go away")


async def test_an_api_key_in_the_query_is_sent_and_not_shown(serve, connect):
    seen = []

    async def handler(request):
        seen.append(request.raw_path)
        return web.Response(status=404)

    client = await connect(await serve(handler), auth=ApiKey("key", "hu sh", "query"))
    answer = await client.send(Request("GET", "/orders", (("a", "1"),)))
    assert seen[0] in ("/orders?a=1&key=hu+sh", "/orders?a=1&key=hu%20sh")
    assert "hu" not in answer.url.replace("http", "")
    assert "hu sh" not in repr(client.endpoint)


async def test_redirects_stay_at_home(serve, connect):
    elsewhere = []

    async def other(request):
        elsewhere.append(request)
        return web.Response()

    other_url = await serve(other)

    async def handler(request):
        match request.path:
            case "/moved":
                raise web.HTTPFound("/orders?x=1")
            case "/away":
                raise web.HTTPTemporaryRedirect(f"{other_url}/steal")
            case "/away2":
                raise web.HTTPFound(f"//{other_url.removeprefix('http://')}/steal")
            case "/loop":
                raise web.HTTPFound("/loop")
        return web.Response(text=request.path_qs)

    client = await connect(await serve(handler), auth=Bearer("hush"))
    assert (await client.send(Request("GET", "/moved"))).content == b"/orders?x=1"
    for path in ("/away", "/away2"):
        with pytest.raises(AnswerError) as caught:
            await client.send(Request("GET", path))
        assert other_url in str(caught.value)
        assert str(client.endpoint.origin) in str(caught.value)
    with pytest.raises(AnswerError, match="redirected 5 times"):
        await client.send(Request("GET", "/loop"))
    with pytest.raises(AnswerError, match="POST /moved: redirected"):
        await client.send(Request("POST", "/moved", body=b""))
    assert elsewhere == []


@pytest.mark.parametrize(
    "path", ["http://127.0.0.1:1/x", "https://127.0.0.1/x", "http://user@127.0.0.1/x", "file:///etc/passwd", "http://"]
)
async def test_an_absolute_path_elsewhere_is_refused(wire, connect, path):
    client = await connect(await wire(OK))
    with pytest.raises(AnswerError, match="shop"):
        await client.send(Request("GET", path))
    assert client.stats.requests == 0


async def test_an_absolute_path_at_home_is_taken(serve, connect):
    async def handler(request):
        return web.Response(text=request.path_qs)

    url = await serve(handler)
    client = await connect(url + "/base")
    answer = await client.send(Request("GET", url.replace("http:", "HTTP:") + "/orders?page=2", (("n", "1"),)))
    assert answer.content == b"/orders?page=2&n=1"


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/a b", "/a%20b"),
        ("/a\r\nX-Evil:1", "/a%0D%0AX-Evil:1"),
        ("/ü", "/%C3%BC"),
        ("/a#b", "/a"),
        ("/%2F?q=%2B", "/%2F?q=%2B"),
    ],
)
async def test_no_path_breaks_the_request_line(wire, connect, path, sent):
    client = await connect(await wire(OK))
    answer = await client.send(Request("GET", path))
    assert answer.url == client.endpoint.base_url + sent


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate", "identity"])
async def test_content_codings(wire, connect, coding):
    plain = b"0123456789" * 100_000
    body, name = {
        "gzip": (gzip.compress(plain[:7]) + gzip.compress(plain[7:]), "gzip"),
        "deflate": (zlib.compress(plain), "deflate"),
        "raw deflate": (zlib.compress(plain, wbits=-15), "deflate"),
        "identity": (plain, "identity"),
    }[coding]
    client = await connect(await wire(raw("200 OK", f"Content-Encoding: {name}", body=body)))
    assert (await client.send(Request("GET", "/"))).content == plain


@pytest.mark.parametrize(
    ("header", "body"), [("gzip", b"not gzip"), ("deflate", b"\xff\xff"), ("br", b"x"), ("gzip, gzip", b"")]
)
async def test_a_coding_that_is_none(wire, connect, header, body):
    client = await connect(await wire(raw("200 OK", f"Content-Encoding: {header}", body=body)))
    with pytest.raises(AnswerError, match="Content-Encoding"):
        await client.send(Request("GET", "/"))


async def test_answers_are_bounded_in_decoded_bytes(wire, connect):
    bomb = gzip.compress(b"\0" * 50_000_000)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n"
    for script in (raw("200 OK", "Content-Encoding: gzip", body=bomb), raw("200 OK", body=b"x" * 1001), chunked):
        client = await connect(await wire(script), max_answer_bytes=1000)
        with pytest.raises(AnswerError, match=r"over 1,000 bytes.*max_answer_bytes"):
            await client.send(Request("GET", "/"))
        client = await connect(await wire(script), max_answer_bytes=1000)
        with pytest.raises(UnknownOutcome, match="over 1,000 bytes"):
            await client.send(Request("POST", "/"))
    client = await connect(await wire(raw("200 OK", body=b"x" * 1000)), max_answer_bytes=1000)
    assert len((await client.send(Request("GET", "/"))).content) == 1000


async def test_head_has_the_length_of_what_it_does_not_send(wire, connect):
    script = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nContent-Encoding: gzip\r\n\r\n"
    client = await connect(await wire(script), max_answer_bytes=1000)
    assert (await client.send(Request("HEAD", "/"))).content == b""


async def test_large_headers_and_bodies(serve, connect):
    async def handler(request):
        return web.Response(text=str(len(await request.read())), headers={"X-Long": "x" * 30_000})

    client = await connect(await serve(handler))
    # aiohttp's server takes a megabyte at most
    assert (await client.send(Request("PUT", "/", body=b"x" * 1_000_000))).content == b"1000000"


async def test_pace_and_concurrency(serve, connect, clock):
    under_way = most = 0

    async def handler(request):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1
        return web.Response()

    url = await serve(handler)
    client = await connect(url, concurrency=3)
    await asyncio.gather(*(client.send(Request("GET", "/")) for _ in range(12)))
    assert most == 3
    client = await connect(url, requests_per_second=4)
    for _ in range(5):
        await client.send(Request("GET", "/"))
    assert clock.slept == [0.25] * 4


async def test_an_answer_may_mean_later(serve, connect, clock):
    states = ["busy", "busy", "ready"]

    async def handler(request):
        return web.Response(text=states.pop(0))

    client = await connect(await serve(handler))
    answer = await client.send(Request("GET", "/"), again=lambda answer: answer.content == b"busy")
    assert (answer.content, answer.attempts, len(clock.slept)) == (b"ready", 3, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_url": "shop.example"}, "absolute http"),
        ({"base_url": "https://me:pw@shop.example"}, "must not hold a login"),
        ({"base_url": "https://shop.example/?a=1"}, "query"),
        ({"base_url": "https://shop.example", "concurrency": 0}, "concurrency must be above 0"),
        ({"base_url": "https://shop.example", "retry_budget": -1}, "retry_budget"),
    ],
)
def test_endpoints_that_cannot_work(options, message):
    with pytest.raises(SetupError, match=message) as caught:
        Endpoint("shop", **options)
    assert "pw" not in str(caught.value)


async def test_certificates_that_cannot_be_read():
    from airflow_integrations.http import HttpClient

    with pytest.raises(SetupError, match="verify or client_cert"):
        await HttpClient(Endpoint("shop", "https://shop.example", verify="/no/such/file.pem")).__aenter__()
