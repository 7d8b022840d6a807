"""Posts signed events over keep-alive connections for some seconds; prints what came back as one JSON line.

``python -m bench.webhooks.ingest_load URL SECONDS CONNECTIONS``. Raw asyncio: a client library would take more of the
machine than what is measured.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
from urllib.parse import urlsplit

SECRET = "bench-secret"
SIZE = 1000


def request(host: str, path: str, event_id: str) -> bytes:
    body = b'{"id":"%s","total":10.50,"filler":"' % event_id.encode()
    body += b"x" * (SIZE - len(body) - 2) + b'"}'
    sign = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nX-Event: {event_id}\r\n"
        f"X-Hub-Signature-256: sha256={sign}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def connection(number: int, url: str, until: float, seconds: list[float], statuses: dict[str, int]) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    at = 0
    while time.monotonic() < until:
        at += 1
        begun = time.monotonic()
        writer.write(request(parts.netloc, parts.path, f"{begun:.6f}-{number}-{at}"))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        seconds.append(time.monotonic() - begun)
        status = head[9:12].decode()
        statuses[status] = statuses.get(status, 0) + 1
    writer.close()


async def main(url: str, duration: float, connections: int) -> None:
    seconds: list[float] = []
    statuses: dict[str, int] = {}
    begun = time.monotonic()
    until = begun + duration
    await asyncio.gather(*(connection(number, url, until, seconds, statuses) for number in range(connections)))
    took = time.monotonic() - begun
    seconds.sort()
    quantiles = {
        f"p{share}_ms": seconds[min(len(seconds) * share // 100, len(seconds) - 1)] * 1000 for share in (50, 95, 99)
    }
    print(json.dumps({"events": len(seconds), "per_second": len(seconds) / took, **quantiles, "statuses": statuses}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
