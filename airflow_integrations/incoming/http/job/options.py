"""``job``: an export that the API makes, which is asked after until it is ready."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration
from airflow_integrations.expressions import Expression, Sees, Structure, Template, Texts
from airflow_integrations.incoming.http.method import Method

__all__ = ["Job", "JobCreate", "JobDownload", "JobPoll"]


class _OneBody(Model):
    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name for name in ("body", "form", "body_text") if getattr(self, name, None) is not None]
        if len(given) > 1:
            raise ValueError(f"a request has one body; found {' and '.join(given)}")
        return self


class JobCreate(_OneBody):
    """The request that begins the job.

    Example: ``{path: /exports, body: {kind: {const: orders}}}``
    """

    method: Method = "POST"
    """The request's method.

    Example: ``method: PUT``
    """
    path: Annotated[Template, Sees("run", flavor="path")]
    """What follows the Connection's URL.

    Example: ``path: /exports``
    """
    query: dict[str, Annotated[Texts, Sees("run", flavor="query")]] = Field(default_factory=dict)
    """Names and values behind the ``?``.

    Example: ``query: {version: "2"}``
    """
    headers: dict[str, Annotated[Template, Sees("run", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {Accept: text/csv}``
    """
    body: Annotated[Structure, Sees("run")] | None = None
    """A JSON body in the grammar of ``map``.

    Example: ``body: {from: window.start, until: window.end}``
    """
    form: dict[str, Annotated[Template, Sees("run")]] | None = None
    """Fields of a form instead.

    Example: ``form: {kind: orders}``
    """
    body_text: Annotated[Template, Sees("run")] | None = None
    """Text instead, such as XML; say its type in ``headers`` as ``Content-Type``.

    Example: ``body_text: <export kind="orders"/>``
    """


class JobPoll(_OneBody):
    """The request that asks how the job is, again and again. Its texts see ``job.id``.

    Example:
        path: /exports/{{ job.id }}
        every: 30s
        until: body.state == "done"
        failed: body.state == "failed"
    """

    method: Method = "GET"
    """The request's method.

    Example: ``method: POST``
    """
    path: Annotated[Template, Sees("run", flavor="path")]
    """What follows the Connection's URL.

    Example: ``path: /exports/{{ job.id }}``
    """
    query: dict[str, Annotated[Texts, Sees("run", flavor="query")]] = Field(default_factory=dict)
    """Names and values behind the ``?``.

    Example: ``query: {version: "2"}``
    """
    headers: dict[str, Annotated[Template, Sees("run", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {Accept: text/csv}``
    """
    body: Annotated[Structure, Sees("run")] | None = None
    """A JSON body in the grammar of ``map``.

    Example: ``body: {id: job.id}``
    """
    form: dict[str, Annotated[Template, Sees("run")]] | None = None
    """Fields of a form instead.

    Example: ``form: {id: "{{ job.id }}"}``
    """
    body_text: Annotated[Template, Sees("run")] | None = None
    """Text instead, such as XML; say its type in ``headers`` as ``Content-Type``.

    Example: ``body_text: <ask id="{{ job.id | xml }}"/>``
    """
    every: Duration = Field(default="10s", validate_default=True)
    """How long to wait before each question; longer where ``Retry-After`` in the answer says so.

    Example: ``every: 30s``
    """
    until: Annotated[Expression, Sees("answer")]
    """True when the job is ready.

    Example: ``until: body.state == "done"``
    """
    failed: Annotated[Expression, Sees("answer")] | None = None
    """True when the job has failed: the run stops, with what the answer says.

    Example: ``failed: body.state in ["failed", "expired"]``
    """
    empty_when: Annotated[Expression, Sees("answer")] | None = None
    """True for a job that is ready and has no records: nothing is downloaded.

    Example: ``empty_when: body.count == 0``
    """
    timeout: Duration = Field(default="2h", validate_default=True)
    """How long one attempt waits for the job; then the task fails with an outage, and Airflow's retry goes on with the
    same job.

    Example: ``timeout: 6h``
    """

    @model_validator(mode="after")
    def _at_times(self) -> Self:
        if self.every.total_seconds() < 1:
            raise ValueError("every is at least 1s")
        if self.timeout < self.every:
            raise ValueError("timeout is shorter than every, so that nobody would ask a second time")
        return self


class JobDownload(_OneBody):
    """What is downloaded when the job is ready: ``path``, or ``url`` where the answer to the last question names one.
    Its texts see ``job.id`` and that answer.

    Example: ``{path: "/exports/{{ job.id }}/file"}``
    """

    url: Annotated[Expression, Sees("answer")] | None = None
    """The address of the file, or a list of addresses, in the last answer. One on another host than the Connection's is
    downloaded without the Connection's credentials.

    Example: ``url: body.download_url``
    """
    method: Method = "GET"
    """The request's method.

    Example:
        method: POST
        path: /exports/file
    """
    path: Annotated[Template, Sees("answer", flavor="path")] = Template("/", "answer", "path")
    """What follows the Connection's URL.

    Example: ``path: /exports/{{ job.id }}/file``
    """
    query: dict[str, Annotated[Texts, Sees("answer", flavor="query")]] = Field(default_factory=dict)
    """Names and values behind the ``?``.

    Example:
        query: {version: "2"}
        path: /exports/file
    """
    headers: dict[str, Annotated[Template, Sees("answer", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example:
        headers: {Accept: text/csv}
        path: /exports/file
    """
    body: Annotated[Structure, Sees("answer")] | None = None
    """A JSON body in the grammar of ``map``.

    Example:
        body: {id: job.id}
        path: /exports/file
    """
    form: dict[str, Annotated[Template, Sees("answer")]] | None = None
    """Fields of a form instead.

    Example:
        form: {id: "{{ job.id }}"}
        path: /exports/file
    """
    body_text: Annotated[Template, Sees("answer")] | None = None
    """Text instead, such as XML; say its type in ``headers`` as ``Content-Type``.

    Example:
        body_text: <get id="{{ job.id | xml }}"/>
        path: /exports/file
    """

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == ("path" not in self.model_fields_set):
            raise ValueError("download needs url or path, and not both: url is an expression such as body.url")
        others = ("method", "query", "headers", "body", "form", "body_text")
        if self.url is not None and (given := [name for name in others if name in self.model_fields_set]):
            raise ValueError(f"what url names is fetched as it stands; leave {given[0]} out")
        return self


class Job(Model):
    """An export that takes a while. Its id is the saved place of the fetch: a fetch that was killed goes on with the
    same job.

    Example:
        create: {path: /exports, body: {kind: {const: orders}}}
        id: body.id
        poll: {path: "/exports/{{ job.id }}", until: body.state == "done", failed: body.state == "failed"}
        download: {url: body.url}
    """

    create: JobCreate
    """The request that begins it.

    Example: ``create: {path: /exports, body: {kind: {const: orders}}}``
    """
    id: Annotated[Expression, Sees("answer")]
    """What the answer to it calls the job.

    Example: ``id: body.id``
    """
    poll: JobPoll
    """How to ask whether it is ready.

    Example: ``poll: {path: "/exports/{{ job.id }}", every: 30s, until: body.state == "done"}``
    """
    download: JobDownload
    """What is downloaded then. ``format``, ``records``, ``pagination`` and the like of the incoming are about it.

    Example: ``download: {url: body.url}``
    """
