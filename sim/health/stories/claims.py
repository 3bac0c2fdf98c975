"""Claims, eligibility and payment (W3): a service is billed once, decided by a contract, paid once, or so one hopes.

Payers decide and pay by what their own node has decided, automatically. Money that has left does not come back when a chain does.
Six claims in a hundred are sent again by a billing service that heard nothing, half of them to another payer.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.courier import Fetch
from sim.health.levels import Ask, Level
from sim.health.outcomes.claims import Claim, claim_chain_integrity, double_paid_claims, payer_response_attainment
from sim.health.play import Act, Play, Window
from sim.health.registrar import Filing

if TYPE_CHECKING:
    from sim.health.claims import Claims

ELIGIBILITY = Level("C1", "eligibility answered", 20)
PHARMACY = Level("C1", "pharmacy claim answered", 2)
ACKNOWLEDGED = Level("C3", "batch acknowledged", 3600)
PAID = Level("C4", "clean claim paid", 2_592_000)
MEDIAN_CENTS = 18_000
TICK_NS = 1_000_000_000


class ClaimsStory:
    """Bills on their way through payers' nodes, and the money that moved."""

    family = "claims"
    levels = (ELIGIBILITY, PHARMACY, ACKNOWLEDGED, PAID)

    def __init__(self, play: Play) -> None:
        self.play, self.part = play, cast("Claims", play.part)
        self.acts: dict[str, Act] = {
            "eligibility_270_271": partial(self.ask, ELIGIBILITY),
            "claim_status_276_277": partial(self.ask, ELIGIBILITY),
            "pharmacy_claim_b1": partial(self.ask, PHARMACY),
            "prior_auth_278": self.authorise,
            "claim_837": self.bill,
            "claim_837_clinic": self.bill,
        }
        self.windows: dict[str, Window] = {}
        self.claims: list[Claim] = []
        self.answers: dict[int, list[Ask]] = {}
        """Questions to each payer."""
        self.payers = play.seats("payer")
        hubs = play.seats("clearinghouse")
        self.hub = hubs[0] if hubs and self.part.through_hub else -1
        self.backlog: list[tuple[int, Entry, int]] = []
        self.largest_backlog = 0
        self.drain_ns = -1
        self._came_back_ns = -1

    def open(self) -> None:
        """Nobody owes anything yet."""

    def _payer(self, *key: int | str) -> int:
        return self.payers[self.play.pick(len(self.payers), "payer", *key)]

    # questions ------------------------------------------------------------------------------------------------------

    def ask(self, level: Level, seat: int, entry: Entry, index: int) -> None:
        """A question to a payer's desk, straight or through the clearinghouse, and the answer back over the network."""
        if not self.payers:
            return
        play, key = self.play, (entry.name, self.play.world.names[seat], index)
        payer = self._payer(*key)
        ask = play.begin(level)
        self.answers.setdefault(payer, []).append(ask)
        if payer == seat:
            ask.done_ns = play.world.now_ns
            return
        parcel = play.courier.place((payer,), play.size_bytes(entry, seat, index), *key, anchored=False)
        patience_ns = level.deadline_ns(1.0)

        def from_hub(fetch: Fetch) -> None:
            if fetch.outcome != "served":
                ask.failed = True
            else:
                left_ns = ask.begun_ns + patience_ns - play.world.now_ns
                play.courier.fetch(seat, parcel, (self.hub,), left_ns, parcel.anchor, answered)

        def answered(fetch: Fetch) -> None:
            ask.failed = fetch.outcome != "served"
            ask.done_ns = -1 if ask.failed else play.world.now_ns

        if self.hub in (-1, seat, payer):
            play.courier.fetch(seat, parcel, (payer,), patience_ns, parcel.anchor, answered)
        elif play.world.is_up(self.hub):
            play.courier.fetch(self.hub, parcel, (payer,), patience_ns // 2, parcel.anchor, from_hub)
        else:
            ask.failed = True

    def authorise(self, seat: int, entry: Entry, index: int) -> None:
        """A request for prior authorisation and its decision, one filing."""
        if self.payers:
            name = f"{self.play.world.names[seat]}/auth/{index}"
            facts = (("do", "authorise"), ("claim", name), ("verdict", "yes"))
            self.play.file(seat, entry.name, "C1", facts, parties=(self._payer("auth", seat, index),))

    # bills ----------------------------------------------------------------------------------------------------------

    def bill(self, seat: int, entry: Entry, index: int) -> None:
        """One service is billed, if need be once the clearinghouse is there again."""
        if not self.payers:
            return
        if self.hub >= 0 and not self.play.world.is_up(self.hub):
            if not self.backlog:
                self.play.later(TICK_NS, self._look_at_hub)
            self.backlog.append((seat, entry, index))
            self.largest_backlog = max(self.largest_backlog, len(self.backlog))
            self.drain_ns, self._came_back_ns = -1, -1
            return
        self.play.by_clerk(seat, partial(self._submit_first, seat, entry, index))

    def _look_at_hub(self) -> None:
        play = self.play
        if play.world.is_up(self.hub):
            if self._came_back_ns < 0:
                self._came_back_ns = play.world.now_ns
            for _ in range(min(len(self.backlog), self.part.drained_per_s)):
                play.by_clerk(self.backlog[0][0], partial(self._submit_first, *self.backlog.pop(0)))
            if not self.backlog:
                self.drain_ns = play.world.now_ns - self._came_back_ns
                return
        play.later(TICK_NS, self._look_at_hub)

    def _submit_first(self, seat: int, entry: Entry, index: int) -> None:
        play, world = self.play, self.play.world
        key = (world.names[seat], entry.name, index)
        chance = play.dice.uniform("cents", play.name, *key)
        claim = Claim("/".join(map(str, key)), seat, max(100, round(MEDIAN_CENTS * 4 ** (2 * chance - 1))))
        self.claims.append(claim)
        payer = self._payer(*key)
        size_bytes = play.size_bytes(entry, seat, index)
        self._submit(claim, entry.name, seat if self.hub < 0 else self.hub, payer, size_bytes)
        again = play.chance(self.part.duplicates, "duplicate", *key)
        if again or world.commits(seat, "bill-twice"):
            other = play.pick(2, "other payer", *key) == 1 or world.commits(seat, "bill-twice")
            if other and len(self.payers) > 1:
                payer = self.payers[
                    (self.payers.index(payer) + 1 + play.pick(len(self.payers) - 1, "which", *key)) % len(self.payers)
                ]
            wait = 0.5 + play.dice.uniform("resent", play.name, *key)
            play.later(round(self.part.resent_after * wait), self._resubmit, claim, entry.name, payer, size_bytes)

    def _resubmit(self, claim: Claim, row: str, payer: int, size_bytes: int) -> None:
        """A billing service files the claim again, from an office of its own: it did not hear of the first."""
        play, world = self.play, self.play.world
        offices = [seat for seat in (*play.seats("clearinghouse"), *play.seats("clinic")) if seat != claim.provider]
        seat = offices[play.pick(len(offices), "office", claim.key)] if offices else claim.provider
        if world.is_up(seat):
            play.count("duplicate_submission")
            self._submit(claim, row, seat, payer, size_bytes)

    def _submit(self, claim: Claim, row: str, seat: int, payer: int, size_bytes: int) -> None:
        facts = (
            ("do", "submit"), ("claim", claim.key), ("provider", claim.provider), ("payer", payer), ("cents", claim.cents),
            ("turn", len(claim.submissions)),
        )  # fmt: skip
        parties = (payer, claim.provider)
        claim.submissions.append(self.play.file(seat, row, "C3", facts, parties=parties, subject=claim, size_bytes=size_bytes))

    # payers ---------------------------------------------------------------------------------------------------------

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """A payer's node saw a claim accepted: decide it; its decision accepted: pay; its payment accepted: the money has left."""
        claim = filing.subject
        if claim is None:
            return
        verb = filing.transaction.fact("do")
        if verb == "submit" and answer == "" and seat == filing.transaction.fact("payer"):
            if not any(one.seat == seat and one.transaction.fact("for") == filing.transaction.id for one in claim.decisions):
                self._decide(seat, claim, filing)
        elif verb == "adjudicate" and answer == "" and seat == filing.seat and filing.transaction.fact("verdict") == "pay":
            if not any(one.transaction.fact("for") == filing.transaction.id for one in claim.remittances):
                facts = (("do", "remit"), ("claim", claim.key), ("for", filing.transaction.id))
                claim.remittances.append(
                    self.play.file(seat, "remittance_835", "C3", facts, parties=(claim.provider,), subject=claim)
                )
                self.play.count("remittance_835")
        elif verb == "remit" and seat == filing.seat:
            if answer == "":
                claim.paid_ns.setdefault(filing.transaction.id, time_ns)
            elif filing.transaction.id in claim.paid_ns and claim.found_out_ns < 0:
                claim.found_out_ns = time_ns

    def _decide(self, seat: int, claim: Claim, filing: Filing) -> None:
        play = self.play
        verdict = "deny" if play.chance(self.part.denied, "denied", claim.key) else "pay"
        both = play.world.commits(seat, "pay-and-deny")
        for said in ("pay", "deny") if both else (verdict,):
            facts = (("do", "adjudicate"), ("claim", claim.key), ("verdict", said), ("for", filing.transaction.id))
            claim.decisions.append(play.file(seat, "adjudication", "C3", facts, parties=(claim.provider,), subject=claim))
            play.count("adjudication")

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """Money does not move back with the chain."""

    # after the run --------------------------------------------------------------------------------------------------

    def asks(self) -> list[Ask]:
        """Acknowledgements and payments. A claim that was denied was answered, not paid late."""
        asks = [Ask(ACKNOWLEDGED, claim.submissions[0].submitted_ns, claim.submissions[0].first_final_ns) for claim in self.claims]
        for claim in self.claims:
            denied = any(one.transaction.fact("verdict") == "deny" and one.answer == "" for one in claim.decisions)
            if not denied:
                asks.append(Ask(PAID, claim.submissions[0].submitted_ns, min(claim.paid_ns.values(), default=-1)))
        return asks

    def outcomes(self) -> dict[str, Any]:
        """M5, M6, M7."""
        registrar = self.play.registrar
        tip = registrar.canonical_tip()

        def answer(filing: Filing) -> str | None:
            return registrar.machine.answer(filing.transaction.id, tip)

        def clawed_back(claim: Claim) -> bool:
            return sum(answer(one) == "" for one in claim.remittances if one.transaction.id in claim.paid_ns) < 2

        eligible = {payer: [ask for ask in asks if ask.level is ELIGIBILITY] for payer, asks in self.answers.items()}
        end_ns, waiting = self.play.world.now_ns, len(self.backlog)
        return {
            "double_paid_claims": double_paid_claims(self.claims, clawed_back),
            "claim_chain_integrity": claim_chain_integrity(self.claims, answer),
            "payer_response_attainment": payer_response_attainment(eligible, end_ns, waiting, self.largest_backlog, self.drain_ns),
        }
