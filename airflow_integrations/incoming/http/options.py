"""The options of ``incoming: {http: …}``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.expressions import Sees, Template
from airflow_integrations.formats.records_format import RecordsFormat
from airflow_integrations.incoming.http.details import Details
from airflow_integrations.incoming.http.for_each.options import ForEach
from airflow_integrations.incoming.http.job.options import Job
from airflow_integrations.incoming.http.keyset import Keyset
from airflow_integrations.incoming.http.listed import Listed
from airflow_integrations.incoming.http.pagination import NoPaging
from airflow_integrations.route.incremental import Cursor, Partitions

__all__ = ["HttpIncomingConfig"]


class _MoreThanOneList(Model):
    """What stands behind the options of the list itself: it is made of the same ones."""

    for_each: ForEach | None = None
    """A list of parents, and the request once for each of them: its texts and expressions see the parent by its name.

    Example: ``for_each: {path: /locations, records: body.locations, name: location}``
    """
    job: Job | None = None
    """For an API that makes an export, which takes a while: it is created, asked after until it is ready, and
    downloaded. ``records``, ``format`` and the like are about what is downloaded.

    Example:
        job:
          create: {path: /exports, body: {kind: {const: orders}}}
          id: body.id
          poll: {path: "/exports/{{ job.id }}", until: body.state == "done", failed: body.state == "failed"}
          download: {path: "/exports/{{ job.id }}/file"}
    """


class HttpIncomingConfig(RecordsFormat, Listed, _MoreThanOneList):
    """Entities from an HTTP API.

    Example:
        connection: shop
        path: /api/orders
        query: {updated_from: "{{ window.start }}", updated_to: "{{ window.end }}"}
        records: body.orders
        pagination: {style: cursor, next: body.next_cursor, param: cursor}
    """

    connection: ConnectionId
    """The Airflow Connection that says where the API is and who we are there.

    Example: ``connection: shop``
    """
    path: Annotated[Template, Sees("run", flavor="path")] = Template("/", "run", "path")
    """What follows the Connection's URL. Values are percent-encoded, ``/`` too, unless ``| raw``. Left out
    where there is a ``job``, which says what is downloaded.

    Example: ``path: /api/orders``
    """
    cursor: Cursor | None = None
    """For an API that is asked for what is newer than what it gave last time.

    Example: ``cursor: {field: updated_at, param: since, initial: 2026-01-01T00:00:00Z}``
    """
    details: Details | None = None
    """A request for each listed item, where the list does not say all.

    Example: ``details: {path: "/api/orders/{{ item.id }}", record: body.order}``
    """

    partitions: Partitions | None = None
    """Parts that are fetched one by one, by ``tasks.fetch_spread`` tasks at the same time: the request once for each of
    them. Its texts and expressions see ``partition.value``, or ``partition.start`` and ``partition.end``.

    Example:
        path: "/api/stores/{{ partition.value }}/orders"
        partitions: {list: [madrid, paris]}
    Since: 0.2
    """

    def names_at(self, loc: tuple[int | str, ...]) -> frozenset[str]:
        """The names that an expression at this place of the options sees besides those of its scope."""
        if self.partitions is not None and loc[0] not in ("details", "partitions"):
            of_parent = {self.for_each.name} if self.for_each is not None and loc[0] != "for_each" else set()
            return frozenset({"partition", *of_parent})
        if self.for_each is not None and loc[0] != "for_each":
            return frozenset({self.for_each.name})
        if self.job is not None and loc[:2] not in (("job", "create"), ("job", "id")):
            return frozenset({"job"})
        return frozenset()

    @property
    def cursor_reading(self) -> Literal["ordered", "pages", "apart"]:
        """How far its pages can be trusted to show one moment after the other: see :class:`Incoming`."""
        if self.details is not None or self.for_each is not None:
            return "apart"
        paging, cursor = self.pagination, self.cursor
        if isinstance(paging, Keyset) and cursor is not None and paging.order == "ascending":
            return "ordered" if paging.value.text.strip() == f"item.{cursor.field}" else "pages"
        return "pages"

    @property
    def lists(self) -> bool:
        """Whether anything is listed: otherwise only ``details`` of events are asked for."""
        return self.job is not None or "path" in self.model_fields_set

    @model_validator(mode="after")
    def _asked(self) -> Self:
        """What the list is asked for with: a path, or a job."""
        if self.details is not None and self.details.events and self.for_each is not None:
            raise ValueError("details.events and for_each exclude each other: an event has no parent that was listed")
        if self.job is None:
            if not self.lists and not (self.details is not None and self.details.events):
                raise ValueError("path is missing: write what follows the Connection's URL, such as path: /api/orders")
            return self
        ours = ("method", "path", "query", "headers", "body", "form", "body_text")
        if given := [name for name in ours if name in self.model_fields_set]:
            raise ValueError(f"{given[0]} belongs into job.create or job.download where there is a job")
        for name in ("for_each", "details", "retry_when", "cursor", "partitions"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} and job exclude each other; leave one of them out")
        if self.job.download.url is not None and not isinstance(self.pagination, NoPaging):
            raise ValueError(
                "pagination: what job.download.url names is one file; write download.path where it has pages"
            )
        return self

    @model_validator(mode="after")
    def _one_parameter(self) -> Self:
        if self.cursor is None:
            return self
        paging: list[Any] = [getattr(self.pagination, "size_param", None)]
        if isinstance(self.pagination, Keyset):  # the cursor is what the first page is asked for from
            paging += [self.pagination.tie.param] if self.pagination.tie else []
            paging += [self.pagination.param] if self.pagination.place == "body" else []
        else:
            paging.append(getattr(self.pagination, "param", None))
        where = "query" if self.cursor.param in self.query else "pagination" if self.cursor.param in paging else None
        if where is not None:
            raise ValueError(
                f"cursor.param: {self.cursor.param!r} stands in {where} as well; a parameter has one value"
            )
        return self
