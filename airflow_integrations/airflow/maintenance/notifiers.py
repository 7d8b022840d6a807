"""Messages to people, through Airflow's notifiers.

A notifier's own templating is left out: what it would render holds reasons that other systems wrote.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from airflow.sdk.bases.notifier import BaseNotifier

from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.alerting.messages import Message
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.route.alerts import Target

__all__ = ["AppriseNotifier", "notifier", "send"]

SEND_SECONDS = 20.0
"""A server that has not taken a message by then gets it another time."""


def send(target: Target, message: Message, *, seconds: float = SEND_SECONDS) -> None:
    """Send a message. Raises whatever the notifier raises, and OutageError where it takes too long.

    What is given up may still arrive: the message then comes twice.
    """
    chosen = notifier(target, message)
    failure: list[Exception] = []

    def notify() -> None:
        try:
            chosen.notify({})
        except Exception as error:  # raised below, in the caller's thread
            failure.append(error)

    sending = threading.Thread(target=notify, name=f"notify {target.name}", daemon=True)
    sending.start()
    sending.join(seconds)
    if sending.is_alive():
        raise OutageError(f"{target.name} has not taken the message within {seconds:g} s")
    if failure:
        raise failure[0]


def notifier(target: Target, message: Message) -> BaseNotifier:
    """The notifier that brings a message to a target. Raises SetupError where its provider is not installed."""
    if target.email is not None:
        return _email(target, message)
    if target.slack is not None:
        return _slack(target.slack.connection, message)
    assert target.apprise is not None
    return AppriseNotifier(target.apprise.connection, message)


def _email(target: Target, message: Message) -> BaseNotifier:
    try:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier
    except ImportError as error:
        raise _missing("email", "smtp", error) from None
    assert target.email is not None
    return SmtpNotifier(
        to=list(target.email.to),
        subject=message.subject,
        html_content=message.html,
        smtp_conn_id=target.email.connection,
    )


def _slack(connection: str, message: Message) -> BaseNotifier:
    try:
        from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
    except ImportError as error:
        raise _missing("slack", "slack", error) from None
    # Slack reads these three as markup: <!channel> would wake everybody. https://docs.slack.dev/messaging/formatting-message-text
    text = f"{message.subject}\n{message.text}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SlackWebhookNotifier(
        slack_webhook_conn_id=connection, text=text, unfurl_links=False, timeout=int(SEND_SECONDS)
    )


class AppriseNotifier(BaseNotifier):
    """Sends through Apprise. The provider's own notifier does not say when a message was not taken.

    :param connection: A Connection whose password is an Apprise URL, or several, one a line.
    """

    def __init__(self, connection: str, message: Message, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection = connection
        self.message = message

    def notify(self, context: Any) -> None:
        """Raises SetupError for a URL that Apprise does not know, OutageError where a service did not take it."""
        try:
            import apprise
        except ImportError as error:
            raise _missing("apprise", "apprise", error) from None
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs URLs, which hold secrets
        found = AirflowConnections().read(self.connection, "--conn-type generic --conn-password 'msteams://…'")
        services = apprise.Apprise()
        urls = [line.strip() for line in (found.password or "").splitlines() if line.strip()]
        if not urls or not all(services.add(url) for url in urls):
            raise SetupError(
                f"Connection {self.connection!r}: its password is an Apprise URL such as msteams://… or json://…, "
                "or several, one a line; Apprise does not know the one that is there"
            )
        kind = apprise.NotifyType.WARNING if self.message.bad else apprise.NotifyType.SUCCESS
        taken = services.notify(
            body=self.message.text,
            title=self.message.subject,
            notify_type=kind,
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not taken:
            raise OutageError(f"a service of Connection {self.connection!r} did not take the message")


def _missing(kind: str, extra: str, error: ImportError) -> SetupError:
    return SetupError(
        f"a target of kind {kind} needs its library, which cannot be loaded ({error}): pip install "
        f"'airflow-integrations[{extra}]' on every machine that runs Airflow's workers"
    )
