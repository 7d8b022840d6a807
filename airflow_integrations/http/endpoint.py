"""Where requests go, with which credentials and within which limits: all that is known about one Connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from yarl import URL

from airflow_integrations.errors import SetupError
from airflow_integrations.http.auth.base import Auth
from airflow_integrations.http.auth.csrf_options import Csrf
from airflow_integrations.http.origin import Origin

__all__ = ["MIB", "Endpoint"]

MIB = 1024 * 1024


@dataclass(frozen=True)
class Endpoint:
    """One HTTP service. Raises SetupError for values that cannot work; its repr holds no secret."""

    name: str
    """The Connection's id, for messages."""
    base_url: str
    """``https://host[:port]/base``. Credentials and default headers go to its origin and nowhere else."""
    auth: Auth | None = None
    csrf: Csrf | None = None
    """How a token against forged requests is had, where changes need one."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request."""
    verify: bool | str = True
    """False trusts any certificate; a text is the path of a file with the authorities to trust."""
    client_cert: str | tuple[str, str] | None = None
    """Path of a PEM file with certificate and key, or the paths of both."""
    connect_timeout: float = 10.0
    """Seconds for DNS, TCP and TLS together."""
    read_timeout: float = 60.0
    """Seconds without a byte from the server. The content of an answer may take ten times as long in all."""
    max_answer_bytes: int = 64 * MIB
    """Decoded bytes of one answer that is held in memory."""
    requests_per_second: float | None = None
    concurrency: int = 16
    """Requests under way at once."""
    retry_budget: float = 60.0
    """Seconds of trying and waiting for one request. No attempt begins after them."""
    proxy: str | None = field(default=None, repr=False)
    """URL of a proxy; where there is none, HTTP_PROXY, HTTPS_PROXY and NO_PROXY count as usual."""
    origin: Origin = field(init=False, repr=False, compare=False)

    def elsewhere(self, origin: Origin) -> Endpoint:
        """Another origin within the same limits, and nothing that says who we are."""
        return replace(
            self, base_url=str(origin), auth=None, csrf=None, headers={}, client_cert=None, requests_per_second=None
        )

    @property
    def content_timeout(self) -> float:
        """Seconds for the content of one answer that is held in memory, however steadily it drips."""
        return 10 * self.read_timeout

    def __post_init__(self) -> None:
        try:
            url = str(URL(self.base_url)).rstrip("/")
            object.__setattr__(self, "origin", Origin.of(url))
        except ValueError as error:
            raise SetupError(f"Connection {self.name!r}: {error}") from None
        object.__setattr__(self, "base_url", url)
        if "?" in url or "#" in url:
            raise SetupError(
                f"Connection {self.name!r}: its URL has a query or fragment; give scheme, host and path only"
            )
        for option in ("connect_timeout", "read_timeout", "max_answer_bytes", "requests_per_second", "concurrency"):
            value = getattr(self, option)
            if value is not None and not value > 0:
                raise SetupError(f"Connection {self.name!r}: {option} must be above 0, not {value}")
        if self.retry_budget < 0:
            raise SetupError(f"Connection {self.name!r}: retry_budget must be 0 (no retries) or more seconds")
