"""Options of a Connection, in ``extra`` under the key ``integrations``: JSON, checked, unknown keys refused."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, ValidationError

from airflow_integrations.airflow.config.sign_in_options import SignInOptions
from airflow_integrations.config.suggestions import continued
from airflow_integrations.errors import SetupError

__all__ = ["ConnectionOptions"]

Positive = Annotated[float, Field(gt=0)]


class ConnectionOptions(SignInOptions):
    """How a system is talked to. Secrets stand in the Connection's password, which Airflow encrypts and hides."""

    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with every request."""
    verify: bool | str | None = None
    """False trusts any certificate; a text is the path of a file with the authorities to trust."""
    client_cert: str | tuple[str, str] | None = None
    """Path of a PEM file with certificate and key, or the paths of both."""
    connect_timeout: Positive | None = None
    """Seconds for DNS, TCP and TLS together."""
    read_timeout: Positive | None = None
    """Seconds without a byte from the server."""
    max_answer_bytes: Annotated[int, Field(gt=0)] | None = None
    """Decoded bytes of one answer that is held in memory."""
    requests_per_second: Positive | None = None
    """The highest number of requests a second, in each process."""
    concurrency: Annotated[int, Field(gt=0)] | None = None
    """Requests under way at once, in each process."""
    retry_budget: Annotated[float, Field(ge=0)] | None = None
    """Seconds of trying and waiting for one request."""
    proxy: str | None = None
    """URL of a proxy."""

    @classmethod
    def parse(cls, connection: str, value: Any) -> Self:
        """Raises SetupError with every mistake; values, which may be secrets, are not repeated."""
        if not isinstance(value, dict):
            given = type(value).__name__
            raise SetupError(f"Connection {connection!r}: extra.integrations is an object with options, not {given}")
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            mistakes = []
            for each in error.errors(include_input=False, include_url=False):
                place = ".".join(map(str, ("extra", "integrations", *each["loc"])))
                told = each["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
                if each["type"] == "extra_forbidden":
                    told = f"unknown option{continued(str(each['loc'][-1]), cls.model_fields)}"
                mistakes.append(f"{place}: {told}")
            raise SetupError(f"Connection {connection!r}: {'; '.join(mistakes)}") from None
