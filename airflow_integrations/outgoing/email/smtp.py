"""A connection to a mail server, and what its answers mean."""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import suppress
from typing import NoReturn

from airflow_integrations.config.tls import is_refused, tls_context
from airflow_integrations.errors import OutageError, SetupError, why_unreachable
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.email.mail import Mail
from airflow_integrations.outgoing.http.answers.reasons import reason_text
from airflow_integrations.queues.broker import Broker

__all__ = ["NOTHING_TAKEN", "SmtpLink"]

SECONDS = 30
DATA_SECONDS = 600
"""RFC 5321, section 4.5.3.2.6: a server may take ten minutes to say that it has taken a mail."""
NOTHING_TAKEN = 409
"""A status for outages that leave nothing at the server."""


class SmtpLink:
    """One connection. Its methods block: call them in a thread."""

    def __init__(self, broker: Broker, *, skip_refused: bool) -> None:
        broker.only("email", "smtp")
        self._broker = broker
        self._skip_refused = skip_refused
        self._smtp: smtplib.SMTP | None = None

    def open(self) -> None:
        """Raises OutageError, SetupError."""
        broker = self._broker
        encrypted = broker.extra.get("tls") is not False and broker.extra.get("disable_tls") is not True
        context = tls_context(broker.name, broker.extra) if encrypted else None
        host, port = broker.address(587)
        try:
            self._enter(host, port, context)
        except smtplib.SMTPAuthenticationError as error:
            self._failed(error, setup=error.smtp_code >= 500)
        except smtplib.SMTPResponseException as error:
            self._failed(error, setup=False)
        except smtplib.SMTPNotSupportedError as error:
            hint = '; a server without STARTTLS needs {"tls": false} in extra' if encrypted else ""
            raise SetupError(f"{broker.name}: the mail server does not offer what we need: {error}{hint}") from None
        except ssl.SSLError as error:
            if is_refused(error):
                raise SetupError(f"{broker.name}: TLS: {error}") from None
            why = f"{broker.name}: the mail server ended the connection during the TLS handshake: {error}"
            raise OutageError(why, status=NOTHING_TAKEN) from None
        except (OSError, smtplib.SMTPException) as error:
            why = f"{broker.name}: the mail server cannot be reached: {why_unreachable(error)}"
            raise OutageError(why, status=NOTHING_TAKEN) from None

    def _enter(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        try:
            if context is not None and (port == 465 or self._broker.extra.get("tls") == "implicit"):
                self._smtp = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
            else:
                self._smtp = smtplib.SMTP(host, port, timeout=SECONDS)
                if context is not None:
                    self._smtp.starttls(context=context)
            self._smtp.ehlo_or_helo_if_needed()
            if self._broker.login:
                self._smtp.login(self._broker.login, self._broker.password or "")
        except BaseException:
            self.close()
            raise

    def _failed(self, error: smtplib.SMTPResponseException, *, setup: bool) -> NoReturn:
        self.close()
        said = _said(error.smtp_code, error.smtp_error)
        why = reason_text(f"{self._broker.name}: the mail server refuses us: {said}")
        raise (SetupError(why) if setup else OutageError(why, status=NOTHING_TAKEN)) from None

    def send(self, mail: Mail) -> Result:
        """What became of it. Raises OutageError where the server went away before it was given the mail."""
        idle = self._smtp is not None
        if not idle:
            self.open()
        try:
            return self._sent(mail)
        except OutageError:
            if not idle:
                raise
        self.open()  # servers end connections that were idle for minutes
        return self._sent(mail)

    def _sent(self, mail: Mail) -> Result:
        smtp = self._smtp
        assert smtp is not None
        try:
            skipped = self._envelope(smtp, mail)
            if isinstance(skipped, Result):
                smtp.rset()
                return skipped
            code, said = smtp.docmd("DATA")
            if code != 354:
                smtp.rset()
                return _refused(code, said, "")
        except smtplib.SMTPResponseException as error:
            self._failed(error, setup=False)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            why = f"{self._broker.name}: the mail server went away: {error!r}"
            raise OutageError(why, status=NOTHING_TAKEN) from None
        return self._handed_over(smtp, mail, skipped)

    def _envelope(self, smtp: smtplib.SMTP, mail: Mail) -> Result | list[str]:
        """Sender and recipients: who was refused and may be skipped, or the result of a mail that does not go."""
        options = [f"SIZE={len(mail.content)}"] if smtp.has_extn("size") else []
        code, said = smtp.mail(mail.sender, options)
        if code != 250:
            return _refused(code, said, f"the sender {mail.sender}")
        refused: list[str] = []
        for address in mail.recipients:
            code, said = smtp.rcpt(address)
            if code in (250, 251):
                continue
            if code < 500:  # all of them later: nobody gets it twice
                return _refused(code, said, address)
            refused.append(f"{address}: {_said(code, said)}")
        if refused and (not self._skip_refused or len(refused) == len(mail.recipients)):
            why = reason_text(f"the mail server refuses {'; '.join(refused)}")
            return Result("failed", reason=why, cause="refused", later=False)
        return refused

    def _handed_over(self, smtp: smtplib.SMTP, mail: Mail, refused: list[str]) -> Result:
        """From here on the server may have it, whatever happens."""
        try:
            assert smtp.sock is not None
            smtp.sock.settimeout(DATA_SECONDS)
            content = re.sub(rb"(?m)^\.", b"..", mail.content)  # RFC 5321, section 4.5.2
            smtp.send(content + (b"" if content.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            code, said = smtp.getreply()
            smtp.sock.settimeout(SECONDS)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            why = f"the mail server was given the mail and did not say that it has it: {error!r}"
            return Result("in_doubt", reason=reason_text(why), cause="unknown")
        if code == 421:
            self.close()
            return Result("failed", reason=_said(code, said), cause="later", later=True)
        if code == 250:
            told = f"refused for {'; '.join(refused)}" if refused else None
            return Result("delivered", mail.id, reason_text(told) if told else None)
        return _refused(code, said, "")

    def close(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()

    def quit(self) -> None:
        """Say goodbye."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self.close()


def _said(code: int, said: bytes | str) -> str:
    return f"{code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"


def _refused(code: int, said: bytes | str, what: str) -> Result:
    """Raises SMTPResponseException for a server that says goodbye."""
    if code == 421:
        raise smtplib.SMTPResponseException(code, said)
    later = code < 500
    why = reason_text(f"the mail server {'puts off' if later else 'refuses'} {what or 'the mail'}: {_said(code, said)}")
    return Result("failed", reason=why, cause="later" if later else "refused", later=later)
