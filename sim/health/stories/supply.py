"""Supply chain (W2): cases are made, shipped, received and dispensed unit by unit; clones are offered, lots recalled, units traced.

Buyers and pharmacies act by what their own node has decided: goods that it cannot vouch for are not taken in, and after a while go
into quarantine. Cases are consigned to a distribution centre when they are made, as the tables have no order between the two.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.contracts.supply import holder
from sim.health.courier import Fetch
from sim.health.levels import Ask, Level
from sim.health.outcomes.supply import Sale, Shipment, counterfeit_or_double_transfer, trace_and_recall
from sim.health.play import Act, Play, Window
from sim.health.registrar import Filing
from sim.health.stories.supply_stock import CASE_UNITS, ORDER_UNITS, stock_up
from sim.ledger.block import Fact

if TYPE_CHECKING:
    from sim.health.supply import Supply

VERIFY = Level("C1", "returned unit verified", 60)
RECALL = Level("C2", "recall known at 99 % of nodes", 3600)
TRANSFER = Level("C3", "ownership final before goods arrive", 21_600)
TRACE = Level("C4", "trace to origin", 172_800)
AGAIN_NS = 5_000_000_000
"""How long after the first sale of some units a dishonest depot sells clones of them."""


class SupplyStory:
    """Goods as they really are, and what the nodes think of them."""

    family = "supply"
    levels = (VERIFY, RECALL, TRANSFER, TRACE)

    def __init__(self, play: Play) -> None:
        self.play, self.part = play, cast("Supply", play.part)
        self.acts: dict[str, Act] = {
            "commission_case48": self.commission,
            "aggregate_case": self.tell,
            "ship_order": self.ship,
            "receive_confirm": self.receive,
            "receive_confirm_pharmacy": self.receive,
            "verify_return_vrs": self.verify,
            "dispense_decommission": self.dispense,
            "suspect_or_recall_notice": self.recall,
            "trace_request": self.trace,
            "cold_chain_sensor": self.tell,
        }
        self.windows: dict[str, Window] = {}
        self.stock: dict[int, list[tuple[str, int, int, bool]]] = {}
        """What lies on each seat's shelves: (case, first, end, genuine)."""
        self.waiting: dict[int, list[Shipment]] = {}
        self.shipments: list[Shipment] = []
        self.sales: list[Sale] = []
        self.recalls: list[tuple[Filing, str]] = []
        self.traces: list[tuple[bool, list[Fetch]]] = []
        self.made: dict[int, list[str]] = {}
        self.depots = play.seats("wholesaler_dc")
        self.makers = play.seats("manufacturer")
        self.buyers = list(dict.fromkeys((*play.seats("hospital_pharmacy"), *play.seats("pharmacy"))))
        self._shelved: dict[tuple[int, str, int], None] = {}
        self.transit_ns = round(self.part.transit / self.part.compression)

    def open(self) -> None:
        """Depots have stock, pharmacies what they will sell, and last night's orders are on the road."""
        if self.depots and self.makers and self.buyers:
            stock_up(self)

    def send(self, shipment: Shipment) -> None:
        """Goods set out."""
        self.shipments.append(shipment)
        self.waiting.setdefault(shipment.to, []).append(shipment)

    # goods ----------------------------------------------------------------------------------------------------------

    def commission(self, seat: int, entry: Entry, index: int) -> None:
        """A maker gives serials to a case and consigns it to a depot."""
        if not self.depots:
            return
        depot = self.depots[self.play.pick(len(self.depots), "consigned", seat, index)]
        case = f"{self.play.world.names[seat]}/{index}"
        facts = (("do", "commission"), ("case", case), ("by", seat), ("units", CASE_UNITS), ("consignee", depot))
        self.play.by_clerk(seat, partial(self._file, seat, entry.name, "C3", facts, depot))
        self.made.setdefault(seat, []).append(case)

    def _file(self, seat: int, row: str, urgency: str, facts: tuple[Fact, ...], party: int) -> None:
        self.play.file(seat, row, urgency, facts, parties=(party,))

    def tell(self, seat: int, entry: Entry, index: int) -> None:
        """A paper or a reading that goes to a trading partner beside the ledger."""
        partners = self.depots if seat not in self.depots else self.buyers
        if partners:
            key = (entry.name, self.play.world.names[seat], index)
            partner = partners[self.play.pick(len(partners), "partner", *key)]
            self.play.courier.send(seat, (partner,), self.play.size_bytes(entry, seat, index), *key, kept=False)

    def ship(self, seat: int, entry: Entry, index: int) -> None:
        """A depot sends an order to a pharmacy; a dishonest one sends clones of it to a second buyer."""
        shelf, buyers = self.stock.get(seat), [buyer for buyer in self.buyers if buyer != seat]
        if not shelf or not buyers:
            self.play.count("out_of_stock")
            return
        case, first, end, genuine = shelf[0]
        cut = min(end, first + ORDER_UNITS)
        shelf[0] = (case, cut, end, genuine)
        if cut == end:
            shelf.pop(0)
        place = self.play.pick(len(buyers), "buyer", seat, index)
        order = f"{self.play.world.names[seat]}/{index}"
        self._order(seat, seat, entry, order, case, (first, cut), buyers[place], genuine)
        if self.play.world.commits(seat, "sell-twice") and len(buyers) > 1:
            regions = self.play.world.regions
            far = [buyer for buyer in buyers if regions[buyer] != regions[seat]] or buyers
            other = far[self.play.pick(len(far), "second buyer", seat, index)]
            if other != buyers[place]:
                clones = (seat, other, entry, f"{order}/again", case, (first, cut), other, False)
                self.play.later(AGAIN_NS, self._order, *clones)

    def _order(
        self, seat: int, through: int, entry: Entry, order: str, case: str, units: tuple[int, int], to: int, genuine: bool
    ) -> None:
        """File an order signed by `seat` at the node `through`, and put the goods on the road."""
        play = self.play
        shipment = Shipment(order, case, *units, seat, to, play.world.now_ns, genuine)
        facts = (("do", "ship"), ("case", case), ("by", seat), ("order", order), ("first", units[0]), ("end", units[1]), ("to", to))
        if play.world.is_up(through):
            shipment.filing = play.file(through, entry.name, "C3", facts, parties=(to, seat), subject=shipment)
        self.send(shipment)

    def receive(self, seat: int, entry: Entry, index: int) -> None:
        """The oldest goods at the door are taken in if the buyer's own node vouches for them."""
        play, now_ns = self.play, self.play.world.now_ns
        state = play.registrar.view(seat)
        doubtful_ns = round(self.part.doubtful / self.part.compression) + self.transit_ns
        for shipment in tuple(self.waiting.get(seat, ())):
            if now_ns - shipment.sent_ns < self.transit_ns:
                break
            known = state.get(("order", shipment.order))
            if known == (shipment.source, seat, shipment.case, shipment.first, shipment.end, "shipped"):
                self._taken(seat, shipment, "accepted")
                self.waiting[seat].remove(shipment)
                facts = (("do", "receive"), ("case", shipment.case), ("by", seat), ("order", shipment.order))
                shipment.receipt = play.file(seat, entry.name, "C3", facts, parties=(shipment.source,), subject=shipment)
                return
            if now_ns - shipment.sent_ns > doubtful_ns:
                self._taken(seat, shipment, "quarantined")
                self.waiting[seat].remove(shipment)
        play.count("nothing_to_receive")

    def _taken(self, seat: int, shipment: Shipment, fate: str) -> None:
        shipment.fate = fate
        facts = {"order": shipment.order, "case": shipment.case, "units": shipment.units, "genuine": shipment.genuine, "fate": fate}
        self.play.world.trace.record("note", seat, "goods", facts)

    def dispense(self, seat: int, entry: Entry, index: int) -> None:
        """A unit goes to a patient if the pharmacy's node says that it is the pharmacy's and neither spent nor recalled."""
        play, shelf = self.play, self.stock.get(seat)
        if not shelf:
            play.count("out_of_stock")
            return
        place = play.pick(len(shelf), "shelf", seat, index)
        case, unit, end, genuine = shelf[place]
        state = play.registrar.view(seat)
        mine = holder(state.get(("case", case), ()), unit) == (seat, "")
        sound = mine and state.get(("spent", case, unit)) is None and not state.get(("recalled", case), False)
        recalled = state.get(("recalled", case), False)
        if sound:
            shelf[place] = (case, unit + 1, end, genuine)
        if not sound or unit + 1 == end:
            shelf.pop(place)
        filing = None
        if sound:
            facts = (("do", "dispense"), ("case", case), ("by", seat), ("unit", unit))
            filing = play.file(seat, entry.name, "C3", facts)
        if not recalled:
            self.sales.append(Sale(case, unit, seat, play.world.now_ns, sound, genuine, filing))

    # questions ------------------------------------------------------------------------------------------------------

    def verify(self, seat: int, entry: Entry, index: int) -> None:
        """A returned unit is looked up with its maker before it is sold again."""
        if not self.makers:
            return
        play, key = self.play, (entry.name, self.play.world.names[seat], index)
        maker = self.makers[play.pick(len(self.makers), "maker", *key)]
        ask = play.begin(VERIFY)
        parcel = play.courier.place((maker,), play.size_bytes(entry, seat, index), *key, anchored=False)
        play.courier.fetch(seat, parcel, (maker,), VERIFY.deadline_ns(1.0), parcel.anchor, partial(self._answered, ask))

    def _answered(self, ask: Ask, fetch: Fetch) -> None:
        ask.failed = fetch.outcome != "served"
        ask.done_ns = -1 if ask.failed else self.play.world.now_ns

    def recall(self, seat: int, entry: Entry, index: int) -> None:
        """A maker takes a lot back, wherever it is."""
        mine = self.made.get(seat, [])
        known = dict.fromkeys(mine)
        shelves = [case for pharmacy in self.play.seats("pharmacy") for case, *_ in self.stock.get(pharmacy, ()) if case in known]
        pool = list(dict.fromkeys(shelves)) or mine[-self.part.lot :]
        first = self.play.pick(len(pool), "recalled", seat, index) if pool else 0
        for case in pool[first : first + self.part.lot]:
            facts = (("do", "recall"), ("case", case), ("by", seat), ("turn", index))
            self.recalls.append((self.play.file(seat, entry.name, "C2", facts), case))

    def trace(self, seat: int, entry: Entry, index: int) -> None:
        """The regulator rebuilds a unit's way: owners from its own node, papers from each of them."""
        play, taken = self.play, [one for one in self.shipments if one.receipt is not None and one.receipt.accepted]
        if not taken:
            return
        shipment = taken[play.pick(len(taken), "traced", seat, index)]
        state = play.registrar.view(seat)
        maker, order = state.get(("maker", shipment.case)), state.get(("order", shipment.order))
        named = maker is not None and order is not None and order[5] == "received"
        fetches: list[Fetch] = []
        patience_ns = min(TRACE.deadline_ns(self.part.compression), 60_000_000_000)
        ask = play.begin(TRACE)
        for owner in (maker, shipment.source, shipment.to) if named else ():
            key = (entry.name, play.world.names[seat], index, owner)
            parcel = play.courier.place((owner,), play.size_bytes(entry, *key), *key, anchored=False)
            done = partial(self._traced, ask, fetches)
            if owner != seat:
                fetches.append(play.courier.fetch(seat, parcel, (owner,), patience_ns, parcel.anchor, done))
        ask.failed = not named
        self.traces.append((named, fetches))

    def _traced(self, ask: Ask, fetches: list[Fetch], fetch: Fetch) -> None:
        if fetch.outcome != "served":
            ask.failed = True
        elif all(one.outcome == "served" for one in fetches):
            ask.done_ns = self.play.world.now_ns

    # what follows ---------------------------------------------------------------------------------------------------

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """Consigned cases come onto the depot's shelves, received goods onto the buyer's, once its own node has them final."""
        verb = filing.transaction.fact("do")
        if answer == "" and verb == "commission" and seat == filing.transaction.fact("consignee"):
            self._shelve(seat, (str(filing.transaction.fact("case")), 0, CASE_UNITS, True))
        elif answer == "" and verb == "receive" and seat == filing.seat:
            shipment: Shipment = filing.subject
            self._shelve(seat, (shipment.case, shipment.first, shipment.end, shipment.genuine))

    def _shelve(self, seat: int, goods: tuple[str, int, int, bool]) -> None:
        """Once: what a chain took back and decided again is the same goods."""
        key = (seat, goods[0], goods[1])
        if key not in self._shelved:
            self._shelved[key] = None
            self.stock.setdefault(seat, []).append(goods)

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """Goods do not move back with the chain."""

    def asks(self) -> list[Ask]:
        """Transfers where they were filed, recalls at 99 % of nodes."""
        reached = self.play.registrar.everywhere_ns
        return [
            *(self.play.filing_ask(one.filing, TRANSFER) for one in self.shipments if one.filing is not None and one.genuine),
            *(Ask(RECALL, filing.submitted_ns, reached(filing, 0.99)) for filing, _ in self.recalls),
        ]

    def outcomes(self) -> dict[str, Any]:
        """M8, M9."""
        registrar = self.play.registrar
        tip, limit_ns = registrar.canonical_tip(), RECALL.deadline_ns(self.part.compression)

        def answer(filing: Filing) -> str | None:
            return registrar.machine.answer(filing.transaction.id, tip)

        return {
            "counterfeit_or_double_transfer": counterfeit_or_double_transfer(self.shipments, self.sales, answer),
            "trace_and_recall": trace_and_recall(self.traces, self.recalls, self.sales, registrar.everywhere_ns, limit_ns),
        }
