"""The sockets of one seat: a server that listens to all others, and a client that speaks to each of them. On 127.0.0.1 only.

Frames are a length, that many bytes of JSON, and zeros up to the weight that the body has in a scenario. Whoever does not say in
its first frame who it is, signed, is cut off; so is whoever sends what cannot be read. A line that breaks is opened again; what
waits for it is bounded, and what no longer fits is lost, as on any network.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, ClientWSTimeout, WSMsgType, web

from sim.kernel.errors import Invalid

MOST_FRAME_BYTES = 16 << 20
MOST_WAITING = 4_096
HELLO_S = 5.0
HOST = "127.0.0.1"
_AGAIN_S = 0.05
_LONGEST_WAIT_S = 1.0
_PATIENCE = ClientWSTimeout(ws_close=0.2)
_END = b""

Letter = dict[str, Any]


def frame_of(letter: Letter, weight_bytes: int = 0) -> bytes:
    """A letter as a frame of at least so many bytes."""
    text = json.dumps(letter, separators=(",", ":"), allow_nan=False).encode()
    return len(text).to_bytes(4, "big") + text + bytes(max(0, weight_bytes - len(text) - 4))


def letter_of(frame: bytes) -> Letter:
    """The letter in a frame; raises Invalid where there is none."""
    length = int.from_bytes(frame[:4], "big")
    if not 0 < length <= len(frame) - 4:
        raise Invalid("a frame shorter than it says")
    try:
        letter = json.loads(frame[4 : 4 + length], parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Invalid("no JSON") from None
    if not isinstance(letter, dict):
        raise Invalid("no letter")
    return letter


def _refuse(constant: str) -> None:
    raise Invalid(f"{constant} is no JSON")


class Lines:
    """All lines of one seat. `greet(to)` is what opens a line to a seat; `knows(letter)` tells whose greeting it is."""

    def __init__(
        self,
        seats: int,
        seat: int,
        greet: Callable[[int], Letter],
        knows: Callable[[Letter], int],
        take: Callable[[int, Letter], None],
    ) -> None:
        self.seat, self.peers = seat, tuple(peer for peer in range(seats) if peer != seat)
        self._greet, self._knows, self._take = greet, knows, take
        self.host, self.port = "", 0
        self.lost = 0
        """Frames that found no room while a line was down or slow."""
        self.refused = 0
        """Connections that were cut off for what they sent."""
        self._waiting: dict[int, asyncio.Queue[bytes]] = {}
        self._speaking: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self._heard = 0

    async def listen(self) -> None:
        """Open the server, the second time at the same port."""
        application = web.Application()
        application.router.add_get("/", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port, reuse_address=True)
        await site.start()
        self.host, self.port = self._runner.addresses[0][:2]

    def speak_to(self, ports: dict[int, int]) -> None:
        """Open a line to each peer, by its port."""
        self._waiting = {peer: asyncio.Queue(MOST_WAITING) for peer in self.peers}
        self._speaking = [asyncio.ensure_future(self._speak(peer, ports[peer])) for peer in self.peers]

    def send(self, to: int, frame: bytes) -> None:
        """Put a frame on the line to a seat; nothing while this seat is closed."""
        queue = self._waiting.get(to)
        if queue is None:
            return
        if queue.full():
            queue.get_nowait()
            self.lost += 1
        queue.put_nowait(frame)

    async def close(self) -> None:
        """Hang up, and let nobody in."""
        self._waiting = {}
        for task in self._speaking:
            task.cancel()
        await asyncio.gather(*self._speaking, return_exceptions=True)
        self._speaking = []
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _speak(self, peer: int, port: int) -> None:
        queue, again_s = self._waiting[peer], _AGAIN_S
        async with ClientSession(timeout=ClientTimeout(total=None, sock_connect=HELLO_S)) as session:
            while True:
                try:
                    async with session.ws_connect(f"http://{HOST}:{port}/", timeout=_PATIENCE, max_msg_size=1) as socket:
                        await socket.send_bytes(frame_of(self._greet(peer)))
                        again_s = _AGAIN_S
                        await self._empty(queue, socket)
                except (ClientError, OSError, RuntimeError):
                    pass
                await asyncio.sleep(again_s)
                again_s = min(_LONGEST_WAIT_S, 2 * again_s)

    async def _empty(self, queue: asyncio.Queue[bytes], socket: ClientWebSocketResponse) -> None:
        """Send what waits, until the line breaks."""
        ended = asyncio.ensure_future(socket.receive())  # nothing but the end is ever said back

        def tell(_: object) -> None:
            if not queue.full():
                queue.put_nowait(_END)

        ended.add_done_callback(tell)
        try:
            while not ended.done():
                frame = await queue.get()
                if frame:
                    await socket.send_bytes(frame)
        finally:
            ended.cancel()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """One line that somebody has opened to us."""
        if self._heard >= 4 * len(self.peers) + 4:
            return web.Response(status=503)
        self._heard += 1
        socket = web.WebSocketResponse(compress=False, max_msg_size=MOST_FRAME_BYTES, autoping=True)
        try:
            await socket.prepare(request)
            peer = self._knows(letter_of(_bytes_of(await socket.receive(HELLO_S))))
            async for said in socket:
                self._take(peer, letter_of(_bytes_of(said)))
        except (Invalid, TimeoutError):
            self.refused += 1
            await socket.close(code=1008)
        finally:
            self._heard -= 1
        return socket


def _bytes_of(said: Any) -> bytes:
    if said.type is not WSMsgType.BINARY:
        raise Invalid("frames are bytes")
    return bytes(said.data)
