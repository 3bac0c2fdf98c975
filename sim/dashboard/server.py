"""`medgossip serve`: lists the scenarios of a folder, starts runs, and tells every open page what happens in them.

    GET    /  /page.js  /page.css      the page
    GET    /api/scenarios              [{name, title}]
    GET    /api/runs                   [{run, scenario, state}]
    POST   /api/runs                   {scenario, seed?, set?: ["key=value"]} -> {run}
    DELETE /api/runs/{run}             stops it
    GET    /api/runs/{run}/report      the report's JSON, once it is finished
    GET    /api/live                   the socket: a line of JSON for whatever happens, see `sim.study.live`

It listens on 127.0.0.1 only; who wants to look from elsewhere takes a tunnel (ssh -L). See `guard` for who may ask.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from sim.dashboard.guard import MOST_BODY_BYTES, PROTOCOL, PUBLIC, Gate, Line
from sim.dashboard.runs import Run, Runs
from sim.kernel.errors import EnvironmentTrouble, ScenarioError
from sim.kernel.files import read_whole

MOST_SOCKETS = 64
MOST_SCENARIOS = 1000
_BODY_S = 30.0
_HERE = Path(__file__).parent
_GATE, _RUNS, _FOLDER = web.AppKey("gate", Gate), web.AppKey("runs", Runs), web.AppKey("folder", Path)
_TYPES = {"/": ("page.html", "text/html"), "/page.js": ("page.js", "text/javascript"), "/page.css": ("page.css", "text/css")}


def serve(folder: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `ready` is given the link to open. Raises ScenarioError, EnvironmentTrouble."""
    if not 0 <= port <= 65535:
        raise ScenarioError(f"{port} is no port; write a number from 0 (any free one) to 65535", "--port")
    if not Path(folder).is_dir():
        raise ScenarioError(f"{folder} is no folder; name one that holds scenario files", "serve")
    asyncio.run(_serve(Path(folder), port, ready))


async def _serve(folder: Path, port: int, ready: Callable[[str], None]) -> None:
    async with listening(folder, port) as (gate, address):
        ready(f"{address}/#{gate.token}")
        await asyncio.Event().wait()


class listening:
    """`async with listening(folder, port) as (gate, address)`: the server, up while the block lasts."""

    def __init__(self, folder: Path, port: int) -> None:
        self._port = port
        self._application = application(folder)
        self._runner = web.AppRunner(
            self._application, access_log=None, keepalive_timeout=15, lingering_time=1, auto_decompress=False
        )
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> tuple[Gate, str]:
        await self._runner.setup()
        gate, inner = self._application[_GATE], self._runner.server
        assert inner is not None
        try:
            self._server = await asyncio.get_running_loop().create_server(lambda: Line(gate, inner()), "127.0.0.1", self._port)
        except OSError as error:
            await self._runner.cleanup()
            reason = error.strerror or str(error)
            raise EnvironmentTrouble(f"port {self._port} cannot be used: {reason}; try --port 0 for a free one") from None
        port = self._server.sockets[0].getsockname()[1]
        gate.answers_to(port)
        return gate, f"http://127.0.0.1:{port}"

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        await self._application[_RUNS].close()
        await self._runner.cleanup()


def application(folder: Path) -> web.Application:
    """The routes behind the gate."""
    gate = Gate()
    made = web.Application(middlewares=[gate.middleware()], client_max_size=MOST_BODY_BYTES)
    made[_GATE], made[_RUNS], made[_FOLDER] = gate, Runs(), folder.resolve()
    for path in PUBLIC:
        made.router.add_get(path, _page)
    made.router.add_get("/api/scenarios", _scenarios)
    made.router.add_get("/api/runs", _list)
    made.router.add_post("/api/runs", _start)
    made.router.add_delete("/api/runs/{run:[0-9]{1,9}}", _stop)
    made.router.add_get("/api/runs/{run:[0-9]{1,9}}/report", _report)
    made.router.add_get("/api/live", _live)
    return made


async def _page(request: web.Request) -> web.Response:
    name, kind = _TYPES[request.path]
    return web.Response(body=(_HERE / name).read_bytes(), content_type=kind, charset="utf-8")


def scenario_files(folder: Path) -> dict[str, Path]:
    """Scenario files below a folder, by their path in it; nothing that a link leads out of it."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.toml"))[:MOST_SCENARIOS]:
        if path.resolve().is_relative_to(folder) and path.is_file():
            found[path.relative_to(folder).as_posix()] = path
    return found


def _title(path: Path) -> str:
    try:
        return str(tomllib.loads(read_whole(path, MOST_BODY_BYTES, "scenario file").decode()).get("title", ""))[:200]
    except (OSError, ValueError, RecursionError):
        return "(cannot be read)"


async def _scenarios(request: web.Request) -> web.Response:
    files = scenario_files(request.app[_FOLDER])
    return web.json_response([{"name": name, "title": _title(path)} for name, path in files.items()])


async def _list(request: web.Request) -> web.Response:
    return web.json_response([run.about() for run in request.app[_RUNS].runs.values()])


async def _start(request: web.Request) -> web.Response:
    if request.content_type != "application/json" or request.headers.get("Content-Encoding"):
        return _wrong(415, "the body must be application/json, as it is")
    try:
        wanted = json.loads(await asyncio.wait_for(request.read(), _BODY_S))
        scenario, seed, settings = _asked(wanted)
    except (ValueError, RecursionError, TimeoutError) as error:
        return _wrong(400, str(error) or "the body did not come in time")
    path = scenario_files(request.app[_FOLDER]).get(scenario)
    if path is None:
        return _wrong(404, f"there is no scenario {scenario[:100]!r} in the folder")
    try:
        run = await request.app[_RUNS].start(scenario, path, seed, settings)
    except ScenarioError as error:
        return _wrong(400, str(error))
    return web.json_response({"run": run.number}, status=202)


def _asked(wanted: Any) -> tuple[str, int | None, list[str]]:
    """Scenario, seed and settings of a request; ValueError with a sentence where they are not that."""
    if not isinstance(wanted, dict) or not wanted.keys() <= {"scenario", "seed", "set"}:
        raise ValueError("write an object with scenario, and perhaps seed and set")
    scenario, seed, settings = wanted.get("scenario"), wanted.get("seed"), wanted.get("set", [])
    if not isinstance(scenario, str):
        raise ValueError("scenario must be a name from /api/scenarios")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 63):
        raise ValueError("seed must be a whole number of at least 0")
    if not isinstance(settings, list) or len(settings) > 100 or not all(isinstance(one, str) for one in settings):
        raise ValueError('set must be a list of at most 100 texts such as "gossip.fanout=6"')
    return scenario, seed, settings


def _run_of(request: web.Request) -> Run:
    run = request.app[_RUNS].runs.get(int(request.match_info["run"]))
    if run is None:
        raise web.HTTPNotFound(reason="there is no such run")
    return run


async def _stop(request: web.Request) -> web.Response:
    run = _run_of(request)
    await request.app[_RUNS].stop(run)
    return web.json_response(run.about())


async def _report(request: web.Request) -> web.Response:
    run = _run_of(request)
    return _wrong(404, f"the run is {run.state}") if run.report is None else web.json_response(run.report)


def _wrong(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)


async def _live(request: web.Request) -> web.StreamResponse:
    """Tell an open page of everything, until it goes; it has nothing to say itself."""
    runs = request.app[_RUNS]
    if len(runs.onlookers) >= MOST_SOCKETS:
        return _wrong(503, "too many pages are open")
    socket = web.WebSocketResponse(protocols=(PROTOCOL,), heartbeat=20, compress=False, max_msg_size=1 << 16)
    await socket.prepare(request)
    onlooker = runs.look()
    telling = asyncio.ensure_future(_tell(socket, onlooker))
    try:
        async for said in socket:
            if said.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await socket.close(code=1008, message=b"this socket only speaks")
    finally:
        runs.onlookers.remove(onlooker)
        telling.cancel()
    return socket


async def _tell(socket: web.WebSocketResponse, onlooker: Any) -> None:
    try:
        while True:
            await socket.send_str(await onlooker.take())
    except (ConnectionError, RuntimeError):  # the page was closed
        return
