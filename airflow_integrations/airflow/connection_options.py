"""What a Connection says in ``extra`` under the key ``integrations``: JSON, checked, unknown keys refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from airflow_integrations.errors import SetupError
from airflow_integrations.model import Model
from airflow_integrations.registry import suggestion

__all__ = ["ConnectionOptions"]

Positive = Annotated[float, Field(gt=0)]


class ConnectionOptions(Model):
    """How a system is talked to. Secrets stand in the Connection's password, which Airflow encrypts and hides."""

    auth: Literal["basic", "bearer", "api_key", "oauth2", "none"] | None = None
    """``basic`` (login and password; the default where there is a login), ``bearer`` (the token is the password),
    ``api_key`` (the key is the password), ``oauth2`` (client credentials: login is the client's id, password its
    secret), ``none``."""
    name: str | None = None
    """For ``api_key``: the header or query parameter that carries the key."""
    place: Literal["header", "query"] = "header"
    """For ``api_key``: where the key goes."""
    token_url: str | None = None
    """For ``oauth2``: where tokens are asked for."""
    scope: str | None = None
    """For ``oauth2``: the scopes, separated by spaces."""
    send_secret: Literal["header", "body"] = "header"  # noqa: S105 - a place, no secret
    """For ``oauth2``: whether id and secret go as basic authentication or in the form."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """For ``oauth2``: more fields of the token request, such as ``audience``."""
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
    """At most so many requests a second, in each process."""
    concurrency: Annotated[int, Field(gt=0)] | None = None
    """Requests under way at once, in each process."""
    retry_budget: Annotated[float, Field(ge=0)] | None = None
    """Seconds of trying and waiting for one request."""
    proxy: str | None = None
    """URL of a proxy."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.auth == "api_key" and not self.name:
            raise ValueError("auth api_key needs name: the header or query parameter that carries the key")
        if self.auth == "oauth2" and not self.token_url:
            raise ValueError("auth oauth2 needs token_url")
        return self

    @classmethod
    def read(cls, connection: str, value: Any) -> Self:
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
                    told = f"unknown option, {suggestion(str(each['loc'][-1]), cls.model_fields)}"
                mistakes.append(f"{place}: {told}")
            raise SetupError(f"Connection {connection!r}: {'; '.join(mistakes)}") from None
