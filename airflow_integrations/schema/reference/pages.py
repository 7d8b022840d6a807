"""The pages of the reference: which block of a route file stands on which of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from posixpath import dirname, relpath

from airflow_integrations.expressions.reference import markdown as expressions_markdown
from airflow_integrations.formats.edi.options import EdiGroup, EdiOptions
from airflow_integrations.formats.excel.options import ExcelOptions
from airflow_integrations.formats.fixed_width.options import FixedColumn, FixedKind, FixedTag, FixedWidthOptions
from airflow_integrations.formats.options import CsvOptions, XmlOptions, XmlRead
from airflow_integrations.formats.parquet.options import ParquetOptions
from airflow_integrations.schema.reference.blocks import Block, all_blocks
from airflow_integrations.schema.reference.options import Option
from airflow_integrations.schema.reference.page_text import anchor, page_text, section_title
from airflow_integrations.schema.reference.type_words import SCOPES

__all__ = ["reference_pages"]

_GENERATED = "<!-- `make reference` writes this page from the docstrings of the options. Change those instead. -->\n"


@dataclass(slots=True)
class _Page:
    """``file`` is below docs/reference. ``guide``, below docs, is the page that explains what this one lists."""

    place: str
    file: str
    title: str
    guide: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def root(self) -> str:
        """The place that names on the page begin behind."""
        return "" if self.place in (_MASK, _FORMATS) else self.place

    def way_to(self, file: str) -> str:
        """A link from this page to another one, whose file is given from the reference's folder."""
        return relpath(file, dirname(self.file) or ".")

    def link(self) -> str:
        return f"[{self.title}]({self.file})"


_MASK, _FORMATS = "mask", "formats"
_PAGES = (
    ("", "route.md", "Route file", "routes/route-files.md"),
    (_MASK, "masking.md", "Masking", "operations/console-api.md#what-hides-in-payloads"),
    ("trigger", "triggers.md", "Triggers", "events/events.md"),
    ("trigger.webhook", "webhooks.md", "Webhooks", "events/webhooks.md"),
    ("trigger.listen", "queues.md", "Queues", "events/queues.md"),
    ("trigger.listen.files", "files.md", "Files", "systems/files.md"),
    ("trigger.listen.imap", "imap.md", "Mails", "systems/email.md#mails-as-events"),
    ("incoming.http", "incoming/http.md", "Incoming over HTTP", "systems/incoming-http.md"),
    ("incoming.sql", "incoming/sql.md", "Incoming from databases", "systems/sql.md"),
    ("incoming.files", "incoming/files.md", "Incoming from files", "systems/files.md#incoming"),
    (_FORMATS, "formats.md", "Formats", "systems/formats.md"),
    ("transform", "transformers.md", "Transformers", "routes/transformers.md"),
    ("transform.lookup", "lookups.md", "Lookups", "routes/transformers.md#lookup"),
    ("outgoing.http", "outgoing/http.md", "Outgoing over HTTP", "systems/outgoing-http.md"),
    ("outgoing.sql", "outgoing/sql.md", "Outgoing to databases", "systems/sql.md#outgoing"),
    ("outgoing.files", "outgoing/files.md", "Outgoing to files", "systems/files.md#outgoing"),
    ("outgoing.rabbitmq", "outgoing/rabbitmq.md", "Outgoing to RabbitMQ", "systems/publishing.md"),
    ("outgoing.redis", "outgoing/redis.md", "Outgoing to Redis", "systems/publishing.md"),
    ("outgoing.nats", "outgoing/nats.md", "Outgoing to NATS", "systems/publishing.md"),
    ("outgoing.mqtt", "outgoing/mqtt.md", "Outgoing to MQTT", "systems/publishing.md"),
    ("outgoing.kafka", "outgoing/kafka.md", "Outgoing to Kafka", "systems/publishing.md"),
    ("outgoing.sqs", "outgoing/sqs.md", "Outgoing to SQS", "systems/publishing.md"),
    ("outgoing.email", "outgoing/email.md", "Outgoing by e-mail", "systems/email.md"),
    ("incoming.odata", "incoming/odata.md", "Incoming: OData", "systems/odata.md"),
    ("outgoing.odata", "outgoing/odata.md", "Outgoing: OData", "systems/odata.md"),
    ("incoming.graphql", "incoming/graphql.md", "Incoming: GraphQL", "systems/graphql.md"),
    ("outgoing.graphql", "outgoing/graphql.md", "Outgoing: GraphQL", "systems/graphql.md"),
    ("delivery", "delivery.md", "Delivery", "routes/route-files.md#delivery"),
    ("window", "windows.md", "Windows", "routes/route-files.md#windows"),
    ("retention", "retention.md", "Retention", "operations/ledger.md#retention"),
    ("alerts", "alerts.md", "Alerts", "operations/alerts.md"),
    ("tasks", "tasks.md", "Tasks", "operations/airflow.md#where-tasks-run-and-who-goes-first"),
    ("dag", "dag.md", "The DAG", "operations/airflow.md#the-dag-as-a-whole"),
)
"""Place, file, title and guide. A kind that is not here has a page of its own."""
_SHARED = {
    CsvOptions: 1,
    XmlOptions: 1,
    XmlRead: 1,
    FixedWidthOptions: 1,
    FixedColumn: 3,
    FixedKind: 3,
    FixedTag: 2,
    EdiOptions: 1,
    EdiGroup: 3,
    ExcelOptions: 1,
    ParquetOptions: 1,
}
"""Blocks that stand at many places of a route, with how many of the last names of their place are told."""


def reference_pages() -> dict[str, str]:
    """File name to text. Every block of a route file stands on one page, once, wherever a route may write it."""
    pages = {page[0]: _Page(*page) for page in _PAGES}
    homes: dict[type, tuple[_Page, Block]] = {}
    for block in sorted(all_blocks(), key=_borrows):
        if block.outer is None:
            pages[_MASK].blocks.append(block)
        if block.model not in homes:
            page = _page_of(block, pages)
            if block.model in _SHARED:
                block = replace(block, steps=block.steps[-_SHARED[block.model] :])
            page.blocks.append(block)
            homes[block.model] = page, block
    texts = {page.file: _text(page, homes) for page in pages.values()}
    title = "Functions, filters and names"
    texts["expressions.md"] = f"# {title}\n\n{_GENERATED}\n{expressions_markdown()}".rstrip() + "\n"
    listed = [page.link() for page in pages.values()] + [f"[{title}](expressions.md)"]
    about = "Every option that a route file may have, with its type, its default and an example. The code writes these"
    texts["index.md"] = f"# Reference\n\n{_GENERATED}\n{about}\npages, so that they say what it does.\n\n" + "".join(
        f"- {link}\n" for link in listed
    )
    return texts


def _borrows(block: Block) -> bool:
    """Whether it is in the format of a body: those formats stand where files are told of, which have them first."""
    return "body_format" in block.steps[:-1]


def _page_of(block: Block, pages: dict[str, _Page]) -> _Page:
    if block.model in _SHARED:
        return pages[_FORMATS]
    steps = block.place.split(".")
    places = [".".join(steps[:count]) for count in range(len(steps), 0, -1)]
    found = next((pages[place] for place in places if place in pages), pages[""])
    if found.place == "" and block.kind is not None:
        part, kind = block.kind
        found = pages[block.place] = _Page(
            block.place, f"{part}/{kind}.md", f"{part.capitalize()}: {kind}", "routes/route-files.md"
        )
    return found


def _text(page: _Page, homes: dict[type, tuple[_Page, Block]]) -> str:
    def address(block: Block) -> str:
        home, first = homes[block.model]
        title = section_title(home.root, first)
        return (page.way_to(home.file) if home is not page else "") + (f"#{anchor(title)}" if title else "")

    def chosen(block: Block, option: Option) -> bool:
        return page.place != _MASK or option.name == _MASK

    guide = page.way_to(f"../{page.guide}")
    intro = f"All options, written from the code. [The guide]({guide}) explains how to use them."
    body = page_text(page.root, page.blocks, chosen, address).replace(f"]({SCOPES})", f"]({page.way_to(SCOPES)})")
    return f"# {page.title}\n\n{_GENERATED}\n{intro}\n\n{body}".rstrip() + "\n"
