"""``job``: an export is created, asked after, and downloaded; a fetch that goes on asks after the same one."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import msgspec
import pytest
from aiohttp import web

from airflow_integrations.errors import AnswerError, OutageError, RouteError
from airflow_integrations.http import Bearer, Endpoint, HttpClient
from airflow_integrations.incoming.http.job.pages import _Work

POLL = {"path": "/exports/{{ job.id }}", "until": 'body.state == "done"', "failed": 'body.state == "failed"'}
JOB = {
    "create": {"path": "/exports", "body": {"from": "window.start"}},
    "id": "body.id",
    "poll": POLL,
    "download": {"path": "/exports/{{ job.id }}/file"},
}
CSV = "id\n" + "".join(f"{number}\n" for number in range(2500))
IDS = [{"id": str(number)} for number in range(2500)]


class Exports:
    """A server with export jobs. Each is asked after ``busy`` times until it is ready."""

    def __init__(self, *, busy: int = 2, content: bytes | str = CSV, content_type: str = "text/csv") -> None:
        self.busy = busy
        self.content = content.encode() if isinstance(content, str) else content
        self.content_type = content_type
        self.created: list[Any] = []
        self.asked: dict[str, int] = {}
        self.answer: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.state = "done"

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if request.method == "POST":
            self.created.append(json.loads(await request.read()))
            return web.json_response({"id": f"job-{len(self.created)}"}, status=201)
        if parts[-1] == "file":
            return web.Response(body=self.content, content_type=self.content_type)
        times = self.asked[parts[1]] = self.asked.get(parts[1], 0) + 1
        state = "busy" if times <= self.busy else self.state
        return web.json_response({"state": state, **self.answer}, headers=self.headers)


def config(job=JOB, **options):
    return {"path": None, "job": job, "format": "csv", **options}


@pytest.fixture
def fetch(source):
    """Pages of a job; the route of the fixture has no path of its own."""

    async def pages(options, **how):
        given = {name: value for name, value in options.items() if name != "path"}
        return await source.pages({"path": None, **given}, **how)

    return pages


def values(pages):
    return [record for page in pages for record in page.values()]


def saved(page):
    return msgspec.json.decode(msgspec.json.encode(page.resume))


async def test_a_job_is_created_asked_after_and_downloaded(source, fetch):
    exports = Exports()
    async with source.serving(exports):
        pages = await fetch(config())
    assert values(pages) == IDS
    assert exports.created == [{"from": "2026-01-31T00:00:00Z"}]
    assert exports.asked == {"job-1": 3}
    assert source.slept == [10.0, 10.0, 10.0]
    assert pages[0].records == []
    assert pages[0].urgent, "the job's id is saved before anything else"
    assert pages[-1].resume is None


async def test_from_any_place_on_the_same_job_gives_the_rest(source, fetch):
    exports = Exports()
    async with source.serving(exports):
        pages = await fetch(config())
        for number, page in enumerate(pages[:-1]):
            later = await fetch(config(), resume=saved(page))
            assert values(pages[: number + 1]) + values(later) == IDS
    assert len(exports.created) == 1


async def test_a_job_that_is_ready_is_not_waited_for_by_a_fetch_that_goes_on(source, fetch):
    exports = Exports(busy=0)
    async with source.serving(exports):
        first = (await fetch(config(), most=1))[0]
        source.slept.clear()
        assert values(await fetch(config(), resume=saved(first))) == IDS
    assert source.slept == []


async def test_a_failed_job_is_told_with_the_servers_words(source, fetch):
    exports = Exports()
    exports.state, exports.answer = "failed", {"error": {"message": "the table is locked"}}
    async with source.serving(exports):
        with pytest.raises(AnswerError, match=r"GET /exports/job-1: job job-1 has failed.*the table is locked"):
            await fetch(config())


async def test_a_job_that_is_not_ready_in_time(source, fetch):
    exports = Exports(busy=10_000)
    job = {**JOB, "poll": {**POLL, "every": "30s", "timeout": "5m"}}
    now = 1_000_000.0

    async def sleep(seconds):
        nonlocal now
        now += seconds

    source.sleep, source.now = sleep, lambda: now
    async with source.serving(exports):
        with pytest.raises(OutageError, match=r"not ready within 5m \(job\.poll\.timeout\); .*said last: .*busy"):
            await fetch(config(job))
        assert exports.asked == {"job-1": 10}
        place = (await fetch(config(job), most=1))[0]
        now += 3600
        with pytest.raises(OutageError):  # another attempt has its own time
            await fetch(config(job), resume=saved(place))
    assert exports.asked["job-2"] == 11


async def test_while_a_job_is_waited_for_its_place_is_saved_again(source, fetch):
    exports = Exports(busy=5)
    job = {**JOB, "poll": {**POLL, "every": "90s"}}
    async with source.serving(exports):
        pages = await fetch(config(job))
    waiting = [page for page in pages if not page.records and page.resume]
    assert len(waiting) >= 6
    assert max(source.slept) <= 60
    assert all(page.urgent for page in waiting)
    assert values(pages) == IDS


async def test_who_has_to_wait_long_may_come_again_instead(source, fetch):
    exports = Exports(busy=3)
    job = {**JOB, "poll": {**POLL, "every": "90s"}}
    place = None
    async with source.serving(exports):
        for _ in range(4):
            pages, error = await source.until_postponed({**config(job)}, resume=place)
            place = saved(pages[-1])
            assert pages[-1].urgent
            assert 80 < error.until - source.now() <= 90
        assert values(await fetch(config(job), resume=place)) == IDS
    assert exports.created == [{"from": "2026-01-31T00:00:00Z"}]
    assert source.slept == []


async def test_the_server_may_ask_for_a_longer_pause(source, fetch):
    exports = Exports(busy=1)
    exports.headers = {"Retry-After": "45"}
    async with source.serving(exports):
        await fetch(config())
    assert source.slept == [10.0, 45.0]


async def test_a_job_without_records_has_nothing_to_download(source, fetch):
    exports = Exports(content="")
    exports.answer = {"count": 0, "url": None}
    job = {**JOB, "download": {"url": "body.url"}}
    async with source.serving(exports):
        with pytest.raises(AnswerError, match=r"body\.url gives no address.*write job\.poll\.empty_when"):
            await fetch(config(job))
        job["poll"] = {**POLL, "empty_when": "body.count == 0"}
        pages = await fetch(config(job))
    assert values(pages) == []
    assert pages[-1].resume is None


@pytest.mark.parametrize("given", ["null", "true", '""', "[1]", "1.5"])
async def test_an_id_that_is_none(source, fetch, given):
    async def handler(request):
        return web.Response(text=f'{{"id": {given}}}', content_type="application/json")

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"job\.id: body\.id gives no text or number"):
            await fetch(config())


async def test_an_id_that_holds_a_secret_is_not_saved(source, fetch):
    source.options["auth"] = Bearer("very-secret-token")

    async def handler(request):
        return web.json_response({"id": "a-very-secret-token"})

    async with source.serving(handler):
        with pytest.raises(AnswerError, match="holds a secret") as caught:
            await fetch(config())
    assert "very-secret" not in str(caught.value)


def zipped(*files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, text in enumerate(files):
            archive.writestr(f"{number}.csv", text)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (gzip.compress(CSV.encode()), {}),
        (zipped(CSV), {}),
        (zipped("id\n0\n1\n", "id\n" + CSV.split("1\n", 1)[1]), {"zip_files": "*.csv"}),
        ("".join(json.dumps(record) + "\n" for record in IDS), {"format": "json_lines"}),
        (json.dumps({"orders": IDS}), {"format": "json", "records": "body.orders"}),
        (
            "<all>" + "".join(f"<o><id>{n}</id></o>" for n in range(2500)) + "</all>",
            {"format": "xml", "xml": {"record": "o"}},
        ),
    ],
    ids=["gzip", "zip", "zip with several files", "json lines", "json", "xml"],
)
async def test_any_format_and_packing(source, fetch, content, options):
    async with source.serving(Exports(content=content, content_type="application/octet-stream")):
        assert values(await fetch(config(**options))) == IDS


async def test_what_is_downloaded_may_have_pages(source, fetch):
    exports = Exports()

    async def handler(request):
        if request.path != "/exports/job-1/file":
            return await exports(request)
        at = int(request.query.get("locator", 0))
        headers = {"X-Locator": str(at + 1)} if at < 2 else {}
        return web.json_response([{"id": at}], headers=headers)

    paging = {"style": "cursor", "next": 'headers["x-locator"]', "param": "locator"}
    async with source.serving(handler):
        pages = await fetch(config(format="json", pagination=paging))
        assert values(pages) == [{"id": 0}, {"id": 1}, {"id": 2}]
        behind = next(page for page in pages if page.values() == [{"id": 1}])
        assert values(await fetch(config(format="json", pagination=paging), resume=saved(behind))) == [{"id": 2}]


class Files:
    """Another host: what it is asked for, with which headers."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.status = 200
        self.url = ""

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        part = request.match_info["path"]
        if part.startswith("moved"):
            return web.Response(status=302, headers={"Location": f"/{part.removeprefix('moved-')}?signature=s3cr3t"})
        begin, end = map(int, part.split("-"))
        return web.Response(text="id\n" + "".join(f"{number}\n" for number in range(begin, end)), status=self.status)


@pytest.fixture
async def elsewhere():
    files = Files()
    app = web.Application()
    app.router.add_get("/{path}", files.__call__)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    files.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield files
    await runner.cleanup()


async def test_files_of_another_host_come_without_credentials(source, fetch, elsewhere):
    source.options |= {"auth": Bearer("very-secret-token"), "headers": {"X-Tenant": "ours"}}
    exports = Exports()
    exports.answer = {"urls": [f"{elsewhere.url}/0-1200?signature=s3cr3t", f"{elsewhere.url}/moved-1200-2500"]}
    job = {**JOB, "download": {"url": "body.urls"}}
    async with source.serving(exports):
        pages = await fetch(config(job))
        assert values(pages) == IDS
        for number, page in enumerate(pages[:-1]):
            later = await fetch(config(job), resume=saved(page))
            assert values(pages[: number + 1]) + values(later) == IDS, number
    assert len(exports.created) == 1
    for request in elsewhere.asked:
        assert "Authorization" not in request.headers
        assert "X-Tenant" not in request.headers
    assert elsewhere.asked[0].query == {"signature": "s3cr3t"}
    assert all("s3cr3t" not in json.dumps(page.resume) for page in pages), "an address that is signed is not saved"
    assert all("Authorization" in request.headers for request in source.requests)


async def test_a_download_that_is_redirected_to_another_host(source, fetch, elsewhere):
    source.options["auth"] = Bearer("very-secret-token")
    exports = Exports()

    async def handler(request):
        if request.path.endswith("/file"):
            return web.Response(status=307, headers={"Location": f"{elsewhere.url}/0-2500?signature=s3cr3t"})
        return await exports(request)

    async with source.serving(handler):
        assert values(await fetch(config())) == IDS
    assert "Authorization" not in elsewhere.asked[0].headers


async def test_what_the_other_host_refuses_is_told_without_its_signature(source, fetch, elsewhere):
    exports = Exports()
    exports.answer = {"url": f"{elsewhere.url}/0-1?signature=s3cr3t"}
    elsewhere.status = 404
    async with source.serving(exports):
        with pytest.raises(AnswerError, match="404") as caught:
            await fetch(config({**JOB, "download": {"url": "body.url"}}))
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "url", "message"),
    [
        ("https://api.example", "http://files.example/1", "not encrypted"),
        ("https://api.example", "https://169.254.169.254/latest", "its own network"),
        ("https://api.example", "https://localhost/1", "its own network"),
        ("https://api.example", "https://[::1]/1", "its own network"),
        ("https://api.example", "file:///etc/passwd", "cannot be used"),
        ("https://api.example", "https://user:pw@files.example/1", "cannot be used"),
    ],
)
async def test_where_no_download_goes(base, url, message):
    nothing: Any = None
    work = _Work(nothing, nothing, HttpClient(Endpoint("shop", base)), {}, nothing)
    with pytest.raises(AnswerError, match=message):
        await work._elsewhere(url)


async def test_a_job_that_the_server_has_forgotten(source, fetch):
    exports = Exports()

    async def handler(request):
        if "job-1" in request.path:
            return web.Response(status=404)
        return await exports(request)

    async with source.serving(handler):
        place = (await fetch(config(), most=1))[0]
        with pytest.raises(AnswerError, match="the saved place is no longer accepted"):  # then fetch starts over
            await fetch(config(), resume=saved(place))


async def test_fewer_files_than_there_were(source, fetch, elsewhere):
    exports = Exports()
    exports.answer = {"urls": [f"{elsewhere.url}/0-1", f"{elsewhere.url}/1-2"]}
    job = {**JOB, "download": {"url": "body.urls"}}
    async with source.serving(exports):
        place = next(page for page in await fetch(config(job)) if page.records)
        exports.answer = {"urls": exports.answer["urls"][:1]}
        with pytest.raises(AnswerError, match="fewer files"):
            await fetch(config(job), resume=saved(place))


@pytest.mark.parametrize("resume", [7, {}, {"v": 2}, {"v": 1, "job": 1.5, "until": 1, "file": 0, "page": None}])
async def test_a_saved_place_of_another_kind(source, fetch, resume):
    async with source.serving(Exports()):
        with pytest.raises(AnswerError, match="another kind"):
            await fetch(config(), resume=resume)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "/x", "job": JOB}, "path belongs into job"),
        ({"job": JOB, "query": {"a": "1"}}, "query belongs into job"),
        ({"job": JOB, "details": {"path": "/x"}}, "exclude each other"),
        ({"job": JOB, "for_each": {"path": "/x", "name": "place"}}, "exclude each other"),
        ({"job": {**JOB, "download": {}}}, "url or path, and not both"),
        ({"job": {**JOB, "download": {"url": "body.url", "path": "/x"}}}, "url or path, and not both"),
        ({"job": {**JOB, "download": {"url": "body.url", "query": {"a": "1"}}}}, "leave query out"),
        ({"job": {**JOB, "download": {"url": "body.u"}}, "pagination": {"style": "link"}}, "is one file"),
        ({"job": {**JOB, "poll": {**POLL, "every": "0s"}}}, "at least 1s"),
        ({"job": {**JOB, "poll": {**POLL, "timeout": "5s"}}}, "shorter than every"),
        ({"job": {**JOB, "create": {"path": "/x/{{ job.id }}"}}}, "job"),
        ({"job": {**JOB, "poll": {**POLL, "path": "/x/{{ jbo.id }}"}}}, "jbo"),
        ({"job": {**JOB, "create": {"path": "/x", "body": {"a": 1}, "form": {"a": "1"}}}}, "one body"),
        ({"path": None}, "path is missing"),
    ],
)
def test_options_that_do_not_fit(source, options, message):
    with pytest.raises((RouteError, ValueError), match=message):
        source.run({"path": None, **options})
