"""How messages about requests name what an OData route says."""

from __future__ import annotations

from dataclasses import replace

from airflow_integrations.outgoing.http.wording import Wording
from airflow_integrations.outgoing.odata.options import ODataOptions

__all__ = ["WORDING", "wording_of"]

WORDING = Wording(
    kind="outgoing.odata",
    own={"delete": "delete"},
    no_verify="outgoing.odata has neither key nor find to ask the service whether it has arrived",
)


def wording_of(options: ODataOptions) -> Wording:
    """What is asked before a write, or after one whose answer is missing, is asked by ``key`` or ``find``."""
    asks = "key" if options.key else "find"
    return replace(WORDING, own={"delete": "delete", "upsert.find": asks, "verify": asks})
