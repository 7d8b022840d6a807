"""A client of Amazon SQS, or of anything else that speaks its protocol."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_integrations.errors import OutageError, SetupError, why_unreachable
from airflow_integrations.queues.broker import Broker, client_library

__all__ = ["AT_ONCE", "WAIT_SECONDS", "ContentsError", "client_of", "queue_url", "understood"]

AT_ONCE = 10
"""Messages that one request of SQS holds."""
WAIT_SECONDS = 20
"""How long SQS waits for a message to come."""
_REFUSED = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


_OF_CONTENTS = re.compile(r"(?:^|\.)(?:Invalid(?:ParameterValue|MessageContents|AttributeValue)|BatchRequestTooLong)$")


class ContentsError(OutageError):
    """SQS does not take what a message of the request says, and none of the others either. For whoever asked for
    something else it is like an outage."""


def client_of(broker: Broker, *, again: bool) -> Any:
    """A context that gives the client. Raises SetupError.

    ``again``: it repeats a request whose answer did not come; of messages to send that is the route's decision.
    """
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    broker.only("aws", "sqs")
    extra = broker.extra
    endpoint = str(extra.get("endpoint_url") or "")
    if extra.get("tls") and endpoint.startswith("http://"):
        raise SetupError(f"Connection {broker.name!r}: its extra wants TLS, and endpoint_url there begins with http://")
    return get_session().create_client(
        "sqs",
        region_name=extra.get("region_name"),
        endpoint_url=endpoint or None,
        aws_access_key_id=broker.login or None,
        aws_secret_access_key=broker.password or None,
        aws_session_token=extra.get("aws_session_token"),
        verify=False if extra.get("verify") is False else extra.get("ca") or extra.get("verify"),
        config=AioConfig(
            connect_timeout=10, read_timeout=WAIT_SECONDS + 10, retries={"total_max_attempts": 2 if again else 1}
        ),
    )


async def queue_url(client: Any, queue: str) -> str:
    """The URL of a queue that is given by its name or its URL."""
    if "://" in queue:
        return queue
    found: str = (await client.get_queue_url(QueueName=queue))["QueueUrl"]
    return found


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Turn the client library's errors into SetupError, ContentsError and OutageError."""
    try:
        import aiobotocore  # noqa: F401
        from botocore import exceptions
    except ImportError:
        raise client_library("aiobotocore", "sqs") from None
    try:
        yield
    except exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        kind = SetupError if code in _REFUSED else ContentsError if _OF_CONTENTS.search(code) else OutageError
        raise kind(f"{name}: SQS: {error}") from None
    except (exceptions.NoCredentialsError, exceptions.NoRegionError, ValueError) as error:
        raise SetupError(f"{name}: {error}") from None
    except (TimeoutError, exceptions.BotoCoreError, OSError) as error:
        raise OutageError(f"{name}: SQS cannot be reached: {why_unreachable(error)}") from None
