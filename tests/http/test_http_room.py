from __future__ import annotations

import subprocess
import sys

import airflow_integrations.http as room


def test_every_public_name_is_there():
    for name in room.__all__:
        assert name == "Auth" or getattr(room, name).__name__ == name
    assert set(dir(room)) == set(room.__all__)


def test_aiohttp_is_not_loaded_before_it_is_used():
    code = (
        "import sys, airflow_integrations.http, airflow_integrations.incoming.http.source\n"
        "from airflow_integrations.http import Answer, Request, Basic\n"
        "sys.exit(any(name in sys.modules for name in ('aiohttp', 'lxml')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_secret_in_any_repr():
    shown = [
        room.Basic("me", "s3cret"),
        room.Bearer("s3cret"),
        room.ApiKey("k", "s3cret"),
        room.OAuth2("https://id.example/t", "me", "s3cret", parameters={"password": "s3cret"}),
        room.Endpoint("shop", "https://shop.example", headers={"X-Key": "s3cret"}, proxy="http://me:s3cret@proxy:1"),
        room.Request("POST", "/", headers={"X-Key": "s3cret"}, body=b"s3cret"),
    ]
    assert "s3cret" not in repr(shown)


def test_secrets_that_take_each_others_place_do_not_pile_up():
    from airflow_integrations.http.redaction import PASSING, Redaction

    redact = Redaction(room.Endpoint("shop", "https://shop.example", auth=room.Bearer("t0ken-of-ours")))
    for number in range(20_000):
        redact.add_passing(f"cookie-{number:08}")
    assert len(redact._passing) == PASSING
    assert redact("t0ken-of-ours cookie-00019999 cookie-00000001") == "*** *** cookie-00000001"
