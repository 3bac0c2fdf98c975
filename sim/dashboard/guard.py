"""Who may speak to the page's server. Other programs and other web pages on this machine can reach it too, so it trusts nobody.

Every request must name this very server (against DNS rebinding), must not come from another site's page, and, but for the page's own
three files, must show the token that only the printed link holds. One gate stands before all routes and methods, so that no
new route can be left open. A connection that dawdles over its request is closed.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

MOST_CONNECTIONS = 256
MOST_BODY_BYTES = 1 << 20
HEAD_S = 10.0
"""How long a connection may take to send the head of its next request."""
PUBLIC = ("/", "/page.js", "/page.css")
PROTOCOL = "medgossip"
"""Name of the socket's protocol; the token follows it, since a browser cannot set headers of a socket."""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Gate:
    """The token, the names this server answers to, and the connections it has."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self.hosts: tuple[str, ...] = ()
        self.connections = 0
        self.lines: dict[Any, Line] = {}

    def answers_to(self, port: int) -> None:
        """Fix the names, once the port is known."""
        self.hosts = tuple(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    def refusal(self, request: web.Request) -> tuple[int, str] | None:
        """Status and sentence for a request that may not pass; None for one that may."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or hosts[0] not in self.hosts or not request.raw_path.startswith("/"):
            return 403, "this server answers to its own name only"
        origins = request.headers.getall("Origin", [])
        if any(origin != f"http://{hosts[0]}" for origin in origins):
            return 403, "other sites' pages may not ask"
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return 403, "other sites' pages may not ask"
        if request.method in ("GET", "HEAD") and request.path in PUBLIC:
            return None
        return None if self._shows_token(request) else (401, "the token of the printed link is missing or wrong")

    def _shows_token(self, request: web.Request) -> bool:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
            shown = offered[1] if len(offered) == 2 and offered[0] == PROTOCOL else ""
        return hmac.compare_digest(shown.encode(), self.token.encode())

    def middleware(self) -> Any:
        """The gate as aiohttp wants it."""

        @web.middleware
        async def gate(request: web.Request, handler: Answer) -> web.StreamResponse:
            line = self.lines.get(request.protocol)
            if line is not None:
                line.has_asked()
            refused = self.refusal(request)
            try:
                if refused is not None:
                    response: web.StreamResponse = web.json_response({"error": refused[1]}, status=refused[0])
                else:
                    response = await handler(request)
            except web.HTTPException as wrong:
                response = web.json_response({"error": wrong.reason}, status=wrong.status)
            if not response.prepared:
                response.headers.update(_HEADERS)
            if line is not None:
                line.is_idle()
            return response

        return gate


class Line(asyncio.Protocol):
    """One connection: aiohttp's own, with a patience for heads of requests, and refused where there are too many."""

    def __init__(self, gate: Gate, inner: Any) -> None:
        self._gate, self._inner = gate, inner
        self._transport: asyncio.BaseTransport | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it, or hang up."""
        self._transport = transport
        self._gate.connections += 1
        self._gate.lines[self._inner] = self
        self._inner.connection_made(transport)
        if self._gate.connections > MOST_CONNECTIONS:
            transport.close()
        self._wait()

    def data_received(self, given: bytes) -> None:
        """Bytes of a request."""
        if not self._busy and self._patience is None:
            self._wait()
        self._inner.data_received(given)

    def has_asked(self) -> None:
        """A whole head is here."""
        self._busy = True
        self._calm()

    def is_idle(self) -> None:
        """It has been answered; the next request may take its time to begin, but not to go on."""
        self._busy = False

    def eof_received(self) -> Any:
        """The other side says no more."""
        return self._inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        self._gate.connections -= 1
        self._gate.lines.pop(self._inner, None)
        self._calm()
        self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        """The other side reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._inner.resume_writing()

    def _wait(self) -> None:
        assert self._transport is not None
        self._patience = asyncio.get_running_loop().call_later(HEAD_S, self._transport.close)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
