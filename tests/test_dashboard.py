"""The page's server: what it tells of a run is the run, and nobody gets past its gate without the link's token."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientOSError, ClientSession, WSServerHandshakeError

import sim
from sim import cli
from sim.dashboard import guard, server
from sim.dashboard.guard import PROTOCOL, PUBLIC
from sim.dashboard.runs import MOST_WAITING, Onlooker
from sim.kernel.errors import EnvironmentTrouble

SCENARIO = """
title = "A small <b>ward</b>"
duration = "2 s"
seed = 3
[topology]
kind = "complete"
seats = 4
[link]
latency = { kind = "constant", value = "20 ms" }
[consensus]
kind = "pbft"
block_interval = "200 ms"
"""
ENDLESS = SCENARIO.replace('"2 s"', '"100000 s"')
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "JUNK")


class Page:
    """A client as the page is one: it knows the link and shows its token."""

    def __init__(self, session: ClientSession, gate: guard.Gate, address: str) -> None:
        self.session, self.gate, self.address = session, gate, address
        self.token = {"Authorization": f"Bearer {gate.token}"}

    async def ask(self, method: str, path: str, wanted: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and answer."""
        async with self.session.request(method, self.address + path, json=wanted, headers={**self.token, **headers}) as answer:
            return answer.status, await answer.json()

    async def lines(self, last: str) -> list[dict[str, Any]]:
        """What the socket says, up to the first line of kind `last`."""
        async with self.session.ws_connect(self.address + "/api/live", protocols=(PROTOCOL, self.gate.token)) as socket:
            found: list[dict[str, Any]] = []
            while not found or found[-1]["kind"] != last:
                found.append(json.loads(await asyncio.wait_for(socket.receive_str(), 500)))
            return found


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    (tmp_path / "ward.toml").write_text(SCENARIO)
    (tmp_path / "endless.toml").write_text(ENDLESS)
    async with server.listening(tmp_path, 0) as (gate, address), ClientSession() as session:
        yield Page(session, gate, address)


async def test_what_the_page_is_told_is_the_run(page: Page, tmp_path: Path) -> None:
    """Watched or not: the same trace. The frames' last one agrees with the report."""
    assert await page.ask("POST", "/api/runs", {"scenario": "ward.toml"}) == (202, {"run": 1})
    lines = await page.lines("report")
    frames = [line for line in lines if line["kind"] == "frame"]
    network = next(line for line in lines if line["kind"] == "network")
    report = lines[-1]["report"]
    alone = sim.run(sim.load(tmp_path / "ward.toml")).to_dict()
    assert report["medgossip"] == alone["medgossip"]
    assert network["seats"] == 4
    assert network["title"] == "A small <b>ward</b>"
    assert len(frames) == 101
    assert [frame["time_s"] for frame in frames] == pytest.approx([step * 0.02 for step in range(101)])
    assert frames[-1]["furthest"] == report["consensus"]["decided"] > 5
    assert frames[-1]["states"] == "0000"
    assert frames[-1]["delivered"] == report["run"]["deliveries"]
    assert (await page.ask("GET", "/api/runs/1/report"))[1]["medgossip"] == alone["medgossip"]


async def test_seed_and_settings_reach_the_run(page: Page, tmp_path: Path) -> None:
    wanted = {"scenario": "ward.toml", "seed": 11, "set": ['link.latency.value="30 ms"', 'consensus.kind="qbft"']}
    assert (await page.ask("POST", "/api/runs", wanted))[0] == 202
    report = (await page.lines("report"))[-1]["report"]
    alone = sim.run(sim.load(tmp_path / "ward.toml", wanted["set"]), seed=11).to_dict()
    assert report["medgossip"] == alone["medgossip"]
    assert report["consensus"]["kind"] == "qbft"


@pytest.mark.parametrize(
    ("wanted", "status", "says"),
    [
        ({"scenario": "ward.toml", "set": ["link.los=0.1"]}, 400, "loss"),
        ({"scenario": "../ward.toml"}, 404, "no scenario"),
        ({"scenario": "/etc/passwd"}, 404, "no scenario"),
        ({"scenario": "ward.toml", "seed": -1}, 400, "seed"),
        ({"scenario": "ward.toml", "seed": 1 << 70}, 400, "seed"),
        ({"scenario": "ward.toml", "set": "gossip.fanout=3"}, 400, "list"),
        ({"scenario": "ward.toml", "sets": []}, 400, "object"),
        ({"scenario": 3}, 400, "name"),
        ([], 400, "object"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(page: Page, wanted: Any, status: int, says: str) -> None:
    got, answer = await page.ask("POST", "/api/runs", wanted)
    assert got == status
    assert says in answer["error"]
    assert (await page.ask("GET", "/api/runs"))[1] == []


async def test_hostile_bodies_are_refused(page: Page) -> None:
    for body, headers, status in (
        (b"{", {"Content-Type": "application/json"}, 400),
        (b"[" * 100_000, {"Content-Type": "application/json"}, 400),
        (b"1" * 5000, {"Content-Type": "application/json"}, 400),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
    ):
        async with page.session.post(page.address + "/api/runs", data=body, headers={**page.token, **headers}) as answer:
            assert answer.status == status, body[:10]
    with contextlib.suppress(ClientOSError):  # it may hang up before all of it has been sent
        too_long = b" " * (guard.MOST_BODY_BYTES + 1)
        async with page.session.post(
            page.address + "/api/runs", data=too_long, headers={**page.token, "Content-Type": "application/json"}
        ) as answer:
            assert answer.status == 413
    assert (await page.ask("GET", "/api/runs"))[1] == []


async def test_a_run_can_be_stopped_and_only_two_go_at_once(page: Page) -> None:
    for number in (1, 2):
        assert await page.ask("POST", "/api/runs", {"scenario": "endless.toml"}) == (202, {"run": number})
    status, answer = await page.ask("POST", "/api/runs", {"scenario": "endless.toml"})
    assert (status, "2 runs" in answer["error"]) == (400, True)
    assert (await page.ask("DELETE", "/api/runs/2"))[1]["state"] == "stopped"
    assert (await page.lines("stopped"))[-1]["run"] == 2
    assert (await page.ask("GET", "/api/runs/2/report"))[0] == 404
    assert (await page.ask("DELETE", "/api/runs/7"))[0] == 404


async def test_no_route_is_open_without_the_token(page: Page) -> None:
    """The list of routes is the application's own, so a new one cannot be forgotten."""
    routes = {str(resource.canonical).replace("{run}", "1") for resource in server.application(Path()).router.resources()}
    assert {"/api/runs", "/api/live", "/api/runs/1/report"} <= routes
    for path in sorted(routes | {"/nothing", "/api/../api/runs"}):
        for method in METHODS:
            for shown in ({}, {"Authorization": "Bearer " + "x" * 43}, {"Authorization": ""}):
                async with page.session.request(method, page.address + path, headers=shown) as answer:
                    public = path in PUBLIC and method in ("GET", "HEAD")
                    assert answer.status in ((200,) if public else (400, 401, 405)), (method, path, answer.status)
                    assert page.gate.token not in await answer.text()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "localhost.evil:{port}", "127.0.0.1", "127.0.0.1.:{port}", "2130706433:{port}", "0x7f.1:{port}", "[::ffff:127.0.0.1]:{port}"])  # fmt: skip
async def test_another_name_is_refused(page: Page, host: str) -> None:
    named = host.replace("{port}", page.address.rsplit(":", 1)[1])
    for path in ("/", "/api/runs"):
        assert (await page.ask("GET", path, Host=named))[0] == 403


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "https://{own}", "http://{own}.evil", "http://localhost:1", "file://"]
)
async def test_other_sites_pages_are_refused(page: Page, origin: str) -> None:
    named = origin.replace("{own}", page.address.removeprefix("http://"))
    assert (await page.ask("POST", "/api/runs", {"scenario": "ward.toml"}, Origin=named))[0] == 403
    assert (await page.ask("GET", "/api/runs", **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
    with pytest.raises(WSServerHandshakeError, match="403"):
        await page.session.ws_connect(page.address + "/api/live", protocols=(PROTOCOL, page.gate.token), origin=named)


async def test_a_socket_needs_the_token_and_has_nothing_to_say(page: Page) -> None:
    for offered in ((), (PROTOCOL,), (PROTOCOL, "wrong"), (page.gate.token,)):
        with pytest.raises(WSServerHandshakeError, match="401"):
            await page.session.ws_connect(page.address + "/api/live", protocols=offered)
    async with page.session.ws_connect(page.address + "/api/live", protocols=(PROTOCOL, page.gate.token)) as socket:
        await socket.send_str("hello")
        await asyncio.wait_for(socket.receive(), 10)
        assert socket.close_code == 1008


async def test_who_dawdles_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, page: Page) -> None:
    """Half a head, and nothing at all; meanwhile and afterwards others are answered."""
    monkeypatch.setattr(guard, "HEAD_S", 0.2)
    port = int(page.address.rsplit(":", 1)[1])
    for sent in (b"GET / HTTP/1.1\r\nHost:", b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        assert (await page.ask("GET", "/api/runs"))[0] == 200
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
    await asyncio.sleep(0.3)
    assert (await page.ask("GET", "/api/runs"))[0] == 200


async def test_too_many_connections_are_hung_up_on(monkeypatch: pytest.MonkeyPatch, page: Page) -> None:
    monkeypatch.setattr(guard, "MOST_CONNECTIONS", 3)
    port = int(page.address.rsplit(":", 1)[1])
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    assert await asyncio.wait_for(pairs[4][0].read(), 10) == b""
    for _, writer in pairs:
        writer.close()


async def test_every_answer_forbids_what_a_page_does_not_need(page: Page) -> None:
    for path in (*PUBLIC, "/api/runs", "/nothing"):
        async with page.session.get(page.address + path) as answer:
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            if path == "/":
                assert "<script>" not in await answer.text()


async def test_a_slow_onlooker_loses_the_oldest_and_is_told() -> None:
    onlooker = Onlooker()
    for number in range(MOST_WAITING + 10):
        onlooker.give(str(number))
    assert json.loads(await onlooker.take()) == {"kind": "gap", "lost": 10}
    assert await onlooker.take() == "10"


def test_links_that_lead_out_of_the_folder_are_not_listed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside.toml", tmp_path / "folder"
    outside.write_text(SCENARIO)
    folder.mkdir()
    (folder / "inside.toml").write_text(SCENARIO)
    (folder / "linked.toml").symlink_to(outside)
    assert list(server.scenario_files(folder.resolve())) == ["inside.toml"]


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", str(tmp_path / "none")]) == 2
    assert "no folder" in capsys.readouterr().err
    assert cli.main(["serve", str(tmp_path), "--port", "70000"]) == 2
    assert "no port" in capsys.readouterr().err


async def test_a_taken_port_is_trouble_of_the_machine(page: Page, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentTrouble, match="cannot be used"):
        async with server.listening(tmp_path, int(page.address.rsplit(":", 1)[1])):
            pass
