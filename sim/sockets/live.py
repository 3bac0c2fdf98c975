"""A scenario's protocol in real time: as many nodes as seats, on this machine, each behind a port of its own.

What is compared with a simulated run is what was decided, never when: the network's costs are whatever this machine has.
"""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.errors import EnvironmentTrouble, ScenarioError
from sim.kernel.loop import apart
from sim.ledger.block import Block
from sim.net.choose import choose
from sim.net.driver import beginning
from sim.net.topology import Topology
from sim.sockets.letters import key_rings
from sim.sockets.lines import Lines
from sim.sockets.playable import check, not_played
from sim.sockets.replica import Replica
from sim.sockets.soonest import check_patience
from sim.study.build import topology_of
from sim.study.scenario import Scenario

_STEP_S = 0.02

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Lived:
    """What the nodes of a live run have decided."""

    names: tuple[str, ...]
    chains: tuple[tuple[Block, ...], ...]
    """By seat, its decided blocks in order."""
    down: tuple[int, ...]
    """Seats that were down at the end."""
    lost: int
    """Frames that found no room on their line."""
    refused: int
    """Letters and connections that were not what they said."""
    seconds: float
    not_played: tuple[str, ...]
    """What the scenario says and a live run does not do."""
    certain: bool = True
    """Whether the protocol claims that no decision is ever taken back; where not, the ends of chains may differ."""

    @property
    def agreed(self) -> bool:
        """Whether of any two chains one begins with the other."""
        longest = max(self.chains, key=len)
        return all([one.digest for one in chain] == [one.digest for one in longest[: len(chain)]] for chain in self.chains)

    def ok(self) -> bool:
        """Whether something was decided, and nowhere two things."""
        return (self.agreed or not self.certain) and any(self.chains)

    @property
    def verdict(self) -> str:
        """Of agreement: "pass", "fail", or "unknown" where decisions are only probably final."""
        return "pass" if self.agreed else "fail" if self.certain else "unknown"

    def to_dict(self) -> dict[str, Any]:
        """As JSON: per seat how much was decided, and the longest chain by digest and transactions."""
        longest = max(self.chains, key=len)
        return {
            "seconds": self.seconds,
            "agreement": self.verdict,
            "seats": [
                {
                    "name": name,
                    "up": seat not in self.down,
                    "decided": len(chain),
                    "transactions": sum(len(block.transactions) for block in chain),
                    "tip": chain[-1].digest if chain else None,
                }
                for seat, (name, chain) in enumerate(zip(self.names, self.chains, strict=True))
            ],
            "chain": [{"digest": block.digest, "transactions": [one.id for one in block.transactions]} for block in longest],
            "lost": self.lost,
            "refused": self.refused,
            "not_played": list(self.not_played),
        }

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text())}</pre>"

    def text(self) -> str:
        """A table for the terminal."""
        lines = [f"{'seat':<20} {'':<5} {'blocks':>7} {'transactions':>13}  newest"]
        for row in self.to_dict()["seats"]:
            state = "" if row["up"] else "down"
            lines.append(f"{row['name'][:20]:<20} {state:<5} {row['decided']:>7,} {row['transactions']:>13,}  {row['tip'] or '-'}")
        told = {"pass": "all chains agree", "fail": "TWO CHAINS DIFFER", "unknown": "the ends of chains differ, none is final yet"}
        lines.append(
            f"{told[self.verdict]}; {self.seconds:.1f} s of real time, {self.lost:,} frames lost, {self.refused:,} letters refused"
        )
        return "\n".join([*lines, f"not played: {'; '.join(self.not_played)}"])


def live(
    scenario: Scenario,
    seconds: float = 5.0,
    seed: int | None = None,
    progress: Progress | None = None,
    blocks: int | None = None,
) -> Lived:
    """Run a scenario's consensus in real time over WebSockets on 127.0.0.1; works beside a running loop, where it waits.

    It ends after `seconds`, or as soon as every node that is up has decided so many `blocks`.

    Raises ScenarioError for what a live run cannot do, EnvironmentTrouble where sockets fail.
    """
    stops: list[Callable[[], object]] = []
    work = partial(_live, scenario, seconds, scenario.seed if seed is None else seed, progress, blocks, stops)
    if asyncio.events._get_running_loop() is None:
        return work()
    over: list[bool] = []
    stops.append(partial(over.append, True))

    def interrupt() -> None:
        for stop in stops:
            stop()

    return apart(lambda: work(over), interrupt)


def _live(
    scenario: Scenario,
    seconds: float,
    seed: int,
    progress: Progress | None,
    blocks: int | None,
    stops: list[Callable[[], object]],
    over: Sequence[bool] = (),
) -> Lived:
    """Look whether it can be played, which compiles the core where that is still to come, and only then open a loop.

    A loop that waits would take an interruption for its next turn, a minute later.
    """
    topology = topology_of(scenario, Dice(seed))
    check(scenario, topology, seconds)
    if blocks is not None and blocks < 1:
        raise ScenarioError(f"{blocks} blocks are none; write at least 1", "--blocks")
    if progress is not None:
        progress(0.0, beginning())
    check_patience(scenario, seed, seconds)
    if over:
        raise KeyboardInterrupt

    async def body() -> Lived:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        stops.append(partial(loop.call_soon_threadsafe, task.cancel))
        return await _lived(scenario, topology, seconds, seed, progress, blocks)

    return asyncio.run(body())


async def _lived(
    scenario: Scenario, topology: Topology, seconds: float, seed: int, progress: Progress | None, blocks: int | None
) -> Lived:
    company = Company(scenario, topology, seed)
    try:
        await company.open()
        await company.last(seconds, _deeds(scenario, topology, Dice(seed)), progress, blocks)
        return company.lived(scenario)
    except OSError as error:
        raise EnvironmentTrouble(f"a socket on 127.0.0.1 failed: {error.strerror or error}") from None
    finally:
        await company.close()


class Company:
    """All nodes of a live run."""

    def __init__(self, scenario: Scenario, topology: Topology, seed: int) -> None:
        self._names = topology.names
        self._begun_ns = time.monotonic_ns()
        self.replicas: list[Replica] = []
        self.lines: list[Lines] = []
        for keys in key_rings(topology.n):
            replica = Replica(scenario, topology, seed, keys, self._now_ns, partial(self._send, keys.seat))
            self.replicas.append(replica)
            self.lines.append(Lines(topology.n, keys.seat, replica.greeting, replica.knows, replica.take))

    def _now_ns(self) -> int:
        return time.monotonic_ns() - self._begun_ns

    def _send(self, seat: int, to: int, frame: bytes) -> None:
        self.lines[seat].send(to, frame)

    async def open(self) -> None:
        """Open every port, then every line, then let everybody begin at once."""
        for lines in self.lines:
            await lines.listen()
        self._ports = {lines.seat: lines.port for lines in self.lines}
        for lines in self.lines:
            lines.speak_to(self._ports)
        for replica in self.replicas:
            replica.loop.run(0)  # compiles what of its world is new here: it must not take up the time of the run
        self._begun_ns = time.monotonic_ns()
        for replica in self.replicas:
            replica.start()

    async def last(
        self, seconds: float, deeds: list[tuple[int, bool, int]], progress: Progress | None = None, blocks: int | None = None
    ) -> None:
        """Let so much time pass, and do (when_ns, whether down, seat) meanwhile. Raises what went wrong in a node."""
        waiting = sorted(deeds, reverse=True)
        while self._now_ns() < seconds * 1e9:
            while waiting and waiting[-1][0] <= self._now_ns():
                _, down, seat = waiting.pop()
                await (self.kill(seat) if down else self.revive(seat))
            for replica in self.replicas:
                if replica.trouble is not None:
                    raise replica.trouble
            decided = [len(replica.books.chains[replica.seat].blocks) for replica in self.replicas if replica.up]
            if progress is not None:
                progress(
                    min(1.0, self._now_ns() / 1e9 / seconds), f"{self._now_ns() / 1e9:,.1f} s, {max(decided, default=0):,} blocks"
                )
            if blocks is not None and not waiting and min(decided, default=0) >= blocks:
                return
            await asyncio.sleep(_STEP_S)

    async def kill(self, seat: int) -> None:
        """A node is gone: its memory, its port and its lines."""
        self.replicas[seat].crash()
        await self.lines[seat].close()

    async def revive(self, seat: int) -> None:
        """It comes back at the same port, with what it has kept."""
        if not self.replicas[seat].up:
            await self.lines[seat].listen()
            self.lines[seat].speak_to(self._ports)
            self.replicas[seat].restart()

    def lived(self, scenario: Scenario) -> Lived:
        """What has come of it."""
        return Lived(
            self._names,
            tuple(tuple(replica.books.chains[replica.seat].blocks) for replica in self.replicas),
            tuple(replica.seat for replica in self.replicas if not replica.up),
            sum(lines.lost for lines in self.lines),
            sum(replica.refused for replica in self.replicas) + sum(lines.refused for lines in self.lines),
            self._now_ns() / 1e9,
            not_played(scenario),
            getattr(scenario.consensus.protocol, "finality", "certain") == "certain",
        )

    async def close(self) -> None:
        """Hang up everywhere."""
        for replica in self.replicas:
            replica.stop()
        await asyncio.gather(*[lines.close() for lines in self.lines])


def _deeds(scenario: Scenario, topology: Topology, dice: Dice) -> list[tuple[int, bool, int]]:
    """When which seat goes down and comes back."""
    found = []
    for entry in scenario.fault:
        for seat in choose(entry.part.seats, topology, dice, "crash"):
            found.append((entry.at, True, seat))
            if entry.lasts:
                found.append((entry.at + entry.lasts, False, seat))
    return found
