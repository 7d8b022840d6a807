"""One request that is sent to sign in, and what is said of its answer."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import aiohttp

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth.expiring import SignInError
from airflow_integrations.http.content.body import TooLargeError, whole
from airflow_integrations.http.content.content_encoding import CodingError
from airflow_integrations.http.content.stream import BROKEN, cause, shown
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.errors import reason_phrase
from airflow_integrations.http.message import Answer, Request
from airflow_integrations.http.redaction import Redaction
from airflow_integrations.http.wire.session import Response

__all__ = ["exchange"]

_MOST_BYTES = 1024 * 1024


async def exchange(
    asked: Awaitable[Response],
    request: Request,
    url: Any,
    *,
    endpoint: Endpoint,
    redact: Redaction,
    what: str,
) -> Answer:
    """The answer, of a status that says more than *later*. ``asked`` is the request on its way to ``url``, ``what`` is
    asked for: ``token from https://id.example``.

    Raises SignInError where it did not come or means *later* (408, 429, 5xx), SetupError where it is too large.
    """
    place = f"Connection {endpoint.name!r}"
    response = None
    try:
        response = await asked
        content = await whole(response, _MOST_BYTES, endpoint.content_timeout)
    except aiohttp.ClientConnectorCertificateError as error:
        raise SetupError(f"{place}: no {what}: its certificate is not trusted: {cause(error)}") from error
    except (*BROKEN, CodingError) as error:
        raise SignInError(f"no {what}: {redact(cause(error))}") from shown(error)
    except TooLargeError:
        raise SetupError(f"{place}: no {what}: the answer has over {_MOST_BYTES:,} bytes") from None
    finally:
        if response is not None and not response.closed:
            response.release()
    answer = Answer(response.status, response.headers, content, str(url), request, redact=redact)
    if answer.status in (408, 429) or answer.status >= 500:
        said = f". It said: {answer.said(200)}" if content.strip() else ""
        raise SignInError(f"no {what}: {reason_phrase(answer.status)}{said}")
    return answer
