from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from message_servers import Hook, Mailbox, http, smtp

from airflow_integrations.airflow.maintenance.notifiers import send
from airflow_integrations.alerting.messages import Item, message
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.route.alerts import Target

HOSTILE = "{{ 7 * 7 }} <!channel> <b>& Co"


def told(detail: str = HOSTILE) -> Any:
    return message([Item("firing", "orders", "failure", detail, 1_790_000_000.0, None)])


def target(**way: Any) -> Target:
    return Target.model_validate(way)


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with smtp(monkeypatch) as box:
        yield box


@pytest.fixture
def hook() -> Iterator[Hook]:
    with http() as endpoint:
        yield endpoint


def test_an_email_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    send(target(email=["ops@example.com", "boss@example.com"]), told())
    (mail,) = mailbox.mails
    assert mailbox.recipients == [["ops@example.com", "boss@example.com"]]
    assert mail["From"] == "airflow@example.com"
    assert mail["Subject"] == "ALERT orders: a run failed"
    (body,) = mailbox.html()
    assert "{{ 7 * 7 }} &lt;!channel&gt; &lt;b&gt;&amp; Co" in body


def test_a_mail_server_that_refuses_is_told(mailbox: Mailbox) -> None:
    mailbox.answer = "550 no such user"
    with pytest.raises(Exception, match="550"):
        send(target(email="ops@example.com"), told())


def test_apprise_posts_to_any_url(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = f"json://{hook.url}/first\n json://{hook.url}/second \n\n"
    monkeypatch.setenv("AIRFLOW_CONN_PAGER", json.dumps({"conn_type": "generic", "password": urls}))
    send(target(apprise="pager"), told())
    assert sorted(hook.paths) == ["/first", "/second"]
    assert hook.bodies[0]["title"] == "ALERT orders: a run failed"
    assert HOSTILE in hook.bodies[0]["message"]
    assert hook.bodies[0]["type"] == "warning"


def test_what_a_service_does_not_take_is_an_error(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hook.status = 500
    given = {"conn_type": "generic", "password": f"json://user:s3cret@{hook.url}/x"}
    monkeypatch.setenv("AIRFLOW_CONN_PAGER", json.dumps(given))
    caplog.set_level("DEBUG", logger="apprise")
    with pytest.raises(OutageError, match="'pager' did not take the message") as caught:
        send(target(apprise="pager"), told())
    assert "s3cret" not in str(caught.value) + caplog.text


@pytest.mark.parametrize("password", ["", "nonsense://s3cret", "json://127.0.0.1/\nnonsense://s3cret"])
def test_an_apprise_url_that_is_none_is_a_matter_of_setup(
    password: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PAGER", json.dumps({"conn_type": "generic", "password": password}))
    with pytest.raises(SetupError, match="its password is an Apprise URL") as caught:
        send(target(apprise="pager"), told())
    assert "s3cret" not in str(caught.value) + caplog.text


def test_a_connection_that_is_not_there_is_told() -> None:
    with pytest.raises(SetupError, match="there is no Connection 'nowhere'"):
        send(target(apprise="nowhere"), told())


def test_slack_gets_text_without_its_markup(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"conn_type": "slackwebhook", "host": f"http://{hook.url}/services", "password": "T0/B0/x"}
    monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps(given))
    send(target(slack="ops"), told())
    assert hook.paths == ["/services/T0/B0/x"]
    assert "{{ 7 * 7 }} &lt;!channel&gt; &lt;b&gt;&amp; Co" in hook.bodies[0]["text"]
    hook.status = 404
    with pytest.raises(Exception, match="404"):
        send(target(slack="ops"), told())


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "a@example.com"}
        given = {"conn_type": "smtp", "host": "127.0.0.1", "port": silent.getsockname()[1], "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(given))
        with pytest.raises(OutageError, match=r"has not taken the message within 0\.3 s"):
            send(target(email="ops@example.com"), told(), seconds=0.3)


@pytest.mark.parametrize(
    ("way", "module"),
    [
        ({"email": "ops@example.com"}, "airflow.providers.smtp.notifications.smtp"),
        ({"slack": "ops"}, "airflow.providers.slack.notifications.slack_webhook"),
        ({"apprise": "ops"}, "apprise"),
    ],
)
def test_a_library_that_is_not_installed_is_named(
    way: dict[str, str], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SetupError, match=r"pip install 'airflow-integrations\["):
        send(target(**way), told())
