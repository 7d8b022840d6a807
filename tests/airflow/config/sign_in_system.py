"""What all systems of these tests have in common: they count their log-ins, and can end what they gave."""

from __future__ import annotations

import secrets

from aiohttp import web

__all__ = ["FIRST_REFRESH_TOKEN", "LOGIN", "PASSWORD", "System"]

LOGIN, PASSWORD = "manager", 's3cret-pa55wörd "<&'
FIRST_REFRESH_TOKEN = "first-0123456789"


class System:
    """``answer`` is its handler. ``sign_out`` ends everything that it gave."""

    password = PASSWORD

    def __init__(self) -> None:
        self.log_ins = 0
        self.good = ""
        self.served: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        raise NotImplementedError

    def sign_out(self) -> None:
        self.good = "nobody has this"

    def logged_in(self) -> str:
        self.log_ins += 1
        self.good = secrets.token_hex(12)
        return self.good

    async def served_to(self, request: web.Request) -> web.Response:
        self.served.append(f"{request.method} {request.path}")
        return web.json_response({"ok": True}, status=201 if request.method == "POST" else 200)
