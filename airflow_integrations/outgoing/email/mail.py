"""From entities to a mail. No value of theirs becomes anything but a value: addresses, headers and HTML are checked."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Any

from airflow_integrations.entity import content_hash
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Template
from airflow_integrations.expressions.evaluation.guards import text_of
from airflow_integrations.expressions.templates.rendered_text import rendered_text
from airflow_integrations.formats.recognition.media_types import OF_FORMAT
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.email.options import EmailOptions
from airflow_integrations.outgoing.files.spool import Spool
from airflow_integrations.outgoing.request_scope import RequestNames, names_read

__all__ = ["Mail", "MailWriter"]

MOST_RECIPIENTS = 100
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,64}")  # RFC 5322's dot-atom, which is what mailboxes have
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9\-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9\-]{1,63}(?<!-))*")
_PLAIN = SMTP.clone(cte_type="7bit", max_line_length=78)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, ready to be sent."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    """All of it, with CRLF."""


class MailWriter:
    """Writes the mails of one run."""

    def __init__(self, options: EmailOptions, base: Mapping[str, Any], entity: str, now: Callable[[], float]) -> None:
        self._options = options
        self._base = base
        self._now = now
        self._together = options.per == "run"
        reads = names_read(options) - {"item"}
        self._names = RequestNames(base, entity, reads | {"entities"}, together=self._together)

    def write(self, part: Sequence[Outbound]) -> Mail:
        """A mail for these. Raises EntityError where none can be written, SetupError for a missing Variable."""
        options, names = self._options, self._names.of(part)
        sender = _address(rendered_text(options.from_, names, "from"), "from")
        told = {name: _addresses(getattr(options, name), names, name) for name in ("to", "cc", "bcc")}
        if options.recipients is not None:
            told["to"] += _listed(options.recipients.compile()(names))
        everybody = tuple(dict.fromkeys(address.addr_spec for each in told.values() for address in each))
        if not everybody:
            raise EntityError("nobody would get the mail: to and recipients give no address")
        if len(everybody) > MOST_RECIPIENTS:
            raise EntityError(f"the mail has {len(everybody)} recipients; at most {MOST_RECIPIENTS} are allowed")
        message = EmailMessage(policy=_PLAIN)
        message["From"] = sender
        for name, header in (("to", "To"), ("cc", "Cc")):
            if told[name]:
                message[header] = told[name]
        if options.reply_to is not None and (text := rendered_text(options.reply_to, names, "reply_to")):
            message["Reply-To"] = _address(text, "reply_to")
        message["Subject"] = rendered_text(options.subject, names, "subject")[:500]
        message["Date"] = format_datetime(datetime.fromtimestamp(self._now(), UTC))
        message["Message-ID"] = name = f"<{_id(part)}@{sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence notes come back
        self._fill(message, part, names)
        content = message.as_bytes(policy=_PLAIN)
        if len(content) > options.max_size:
            raise EntityError(f"the mail has {len(content):,} bytes; max_size is {options.max_size:,}")
        return Mail(name, sender.addr_spec, everybody, content)

    def _fill(self, message: EmailMessage, part: Sequence[Outbound], names: Mapping[str, Any]) -> None:
        options = self._options
        text = rendered_text(options.text, names, "text") if options.text is not None else ""
        rows = self._rows(names) if options.table is not None else []
        message.set_content("\n".join([*([text] if text else []), *("\t".join(row) for row in rows)]) + "\n")
        if rows:
            message.add_alternative(_html(text, rows), subtype="html")
        attachment = options.attachment
        if attachment is None:
            return
        name = rendered_text(attachment.name, self._base, "attachment.name")
        if not name or set(name) & set('/\\:*?"<>|') or name.startswith(".") or len(name) > 200:
            raise EntityError(f"{name[:80]!r} is not a name of a file", field="attachment.name")
        written = attachment.written
        assert written is not None
        spool, content = Spool(attachment.writer), io.BytesIO()
        try:
            for each in part:
                spool.add(each)
            spool.complete()
            spool.copy_to(content)
        finally:
            spool.close()
        kind, _, subtype = OF_FORMAT[written].partition("/")
        message.add_attachment(content.getvalue(), maintype=kind, subtype=subtype, filename=name)

    def _rows(self, names: Mapping[str, Any]) -> list[list[str]]:
        assert self._options.table is not None
        columns = {title: value.compile() for title, value in self._options.table.columns.items()}
        rows = [list(columns)]
        for each in names["entities"]:
            row = []
            for title, value in columns.items():
                try:
                    found = value({**names, "item": each})
                    row.append("" if found is None else " ".join(text_of(found).split()))
                except EntityError as error:
                    raise EntityError(error.reason, field=f"table.columns.{title}") from None
            rows.append(row)
        return rows


def _id(part: Sequence[Outbound]) -> str:
    """The same for the same states of the same entities."""
    if len(part) == 1:
        return part[0].idempotency_key
    return content_hash(b"\x00".join(each.idempotency_key.encode() for each in part))


def _addresses(given: Template | tuple[Template, ...], names: Mapping[str, Any], place: str) -> list[Address]:
    texts = [rendered_text(each, names, place) for each in ((given,) if isinstance(given, Template) else given)]
    return [_address(text, place) for text in texts if text.strip()]


def _listed(value: Any) -> list[Address]:
    if not isinstance(value, list | tuple):
        raise EntityError("this is not a list of addresses", field="recipients")
    return [_address(text_of(each), "recipients") for each in value if each is not None]


def _address(text: str, place: str) -> Address:
    local, _, domain = text.strip().rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        domain = ""
    if not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)) or local.startswith(".") or ".." in local:
        raise EntityError(f"{text[:100]!r} is not one mail address, such as name@example.com", field=place)
    return Address(username=local, domain=domain)


def _html(text: str, rows: Sequence[Sequence[str]]) -> str:
    above = f"<p>{'<br>'.join(map(escape, text.splitlines()))}</p>\n" if text else ""
    head, *others = ["".join(f"<{cell}>{escape(each)}</{cell}>" for each in row) for cell, row in _cells(rows)]
    body = "".join(f"<tr>{row}</tr>\n" for row in others)
    return f'{above}<table border="1" cellpadding="4">\n<tr>{head}</tr>\n{body}</table>\n'


def _cells(rows: Sequence[Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    return [("td" if place else "th", row) for place, row in enumerate(rows)]
