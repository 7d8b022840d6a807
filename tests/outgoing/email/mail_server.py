"""A real mail server in a thread: what it was given, and what it answers to whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from airflow_integrations.demo.processes import free_ports
from airflow_integrations.queues.broker import Broker

__all__ = ["MailServer", "mail_server"]


@dataclass
class MailServer:
    """Its handler; ``got`` has the mails that it took, with who they were for."""

    at: Broker = field(default_factory=lambda: Broker("mail", "smtp"))
    got: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """What is said to a recipient; to the text ``data`` when the mail is there."""
    dies: bool = False
    """End the connection when the mail is there, and say nothing."""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "data" in self.answers:
            return self.answers["data"]
        content: Any = envelope.content
        assert isinstance(content, bytes)
        parsed: Any = message_from_bytes(content, policy=default)
        self.got.append((list(envelope.rcpt_tos), parsed))
        if self.dies:
            transport: Any = server.transport
            transport.abort()
        return "250 OK"


def _known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=isinstance(data, LoginPassword) and data.password == b"right", handled=False)


@contextmanager
def mail_server(*, context: Any = None, login: bool = False) -> Iterator[MailServer]:
    """On a free port. ``context``: it takes nothing without STARTTLS. ``login``: nor without the password ``right``."""
    handler = MailServer()
    needs: dict[str, Any] = {"authenticator": _known, "auth_required": True, "auth_require_tls": False} if login else {}
    secure: dict[str, Any] = {"tls_context": context, "require_starttls": True} if context else {}
    (port,) = free_ports(1)
    controller = Controller(handler, hostname="127.0.0.1", port=port, **needs, **secure)
    controller.start()
    try:
        handler.at = Broker("mail", "smtp", "127.0.0.1", port, extra={} if context else {"tls": False})
        yield handler
    finally:
        controller.stop()
