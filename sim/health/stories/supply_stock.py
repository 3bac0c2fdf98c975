"""What lies where before the run of a supply chain begins: the founding state of the ledger and the goods to go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.health.outcomes.supply import Shipment

if TYPE_CHECKING:
    from sim.health.stories.supply import SupplyStory

CASE_UNITS = 48
ORDER_UNITS = 22


def stock_up(story: SupplyStory) -> None:
    """Depots have half a run's orders in stock, pharmacies what they will sell; orders that will be taken in early are on the road."""
    play = story.play
    entries, names = play.chapter.entries, play.world.names
    for seat in story.depots:
        orders = len(play.arrivals_ns(entries["ship_order"], seat))
        for number in range(1 + orders // 2):
            _case(story, seat, f"{names[seat]}/stock/{number}")
    for seat in play.seats("pharmacy"):
        sold = len(play.arrivals_ns(entries["dispense_decommission"], seat))
        for number in range(1 + sold // CASE_UNITS):
            _case(story, seat, f"{names[seat]}/shelf/{number}")
    road_ns = story.part.on_the_road / story.part.compression
    for row in ("receive_confirm", "receive_confirm_pharmacy"):
        for seat in play.seats(entries[row].role):
            early = sum(time_ns <= road_ns for time_ns in play.arrivals_ns(entries[row], seat))
            for number in range(early):
                _order(story, seat, number)


def _case(story: SupplyStory, owner: int, case: str) -> None:
    machine, maker = story.play.registrar.machine, story.makers[story.play.pick(len(story.makers), "maker", case)]
    machine.found(("case", case), ((0, CASE_UNITS, owner, ""),))
    machine.found(("maker", case), maker)
    story.made.setdefault(maker, []).append(case)
    story.stock.setdefault(owner, []).append((case, 0, CASE_UNITS, True))


def _order(story: SupplyStory, to: int, number: int) -> None:
    machine, source = story.play.registrar.machine, story.depots[story.play.pick(len(story.depots), "source", to, number)]
    case = f"{story.play.world.names[to]}/road/{number}"
    machine.found(("case", case), ((0, ORDER_UNITS, source, case),))
    machine.found(("maker", case), story.makers[0])
    machine.found(("order", case), (source, to, case, 0, ORDER_UNITS, "shipped"))
    story.send(Shipment(case, case, 0, ORDER_UNITS, source, to, -story.transit_ns))
