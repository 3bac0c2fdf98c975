"""Metrics of money: M5 double-paid claims, M6 integrity of the chain of a claim, M7 payers' answers in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.health.levels import Ask, attained
from sim.health.registrar import Filing
from sim.health.tally import distribution, share


@dataclass(eq=False, slots=True)
class Claim:
    """What is true about one service that somebody is to pay for."""

    key: str
    provider: int
    cents: int
    submissions: list[Filing] = field(default_factory=list)
    """The first one and its duplicates."""
    decisions: list[Filing] = field(default_factory=list)
    remittances: list[Filing] = field(default_factory=list)
    paid_ns: dict[str, int] = field(default_factory=dict)
    """When money left a payer for good, by the remittance that its own node saw accepted. It does not come back by itself."""
    found_out_ns: int = -1
    """When a payer's node first saw that a remittance it had paid by is refused now."""


def double_paid_claims(claims: Sequence[Claim], clawed_back: Callable[[Claim], bool]) -> dict[str, Any]:
    """M5: claim keys for which money left more than once, across all nodes and forks."""
    twice = [claim for claim in claims if len(claim.paid_ns) > 1]
    found = [claim for claim in twice if claim.found_out_ns >= 0]
    spent_ns = [sorted(claim.paid_ns.values())[1] for claim in found]
    return {
        "count": len(twice),
        "usd": sum(claim.cents * (len(claim.paid_ns) - 1) for claim in twice) / 100,
        "found_out": len(found),
        "found_out_after_s": distribution([(c.found_out_ns - ns) / 1e9 for c, ns in zip(found, spent_ns, strict=True)]),
        "clawed_back_share": share(sum(map(clawed_back, twice)), len(twice)),
        "claims": len(claims),
        "paid": sum(bool(claim.paid_ns) for claim in claims),
        "submitted_twice": sum(len(claim.submissions) > 1 for claim in claims),
    }


def claim_chain_integrity(claims: Sequence[Claim], answer: Callable[[Filing], str | None]) -> dict[str, Any]:
    """M6: `answer` tells what the contract said on the canonical chain at the end, None where it does not hold the filing.

    Payments whose claim is not there, claims that were acknowledged as final to the provider and are not there, payments by a later
    payer before the first one's, and claims on which one payer's two opposite answers were both final somewhere.
    """
    orphans = lost = inverted = contradicted = 0
    for claim in claims:
        stand = any(answer(filing) == "" for filing in claim.submissions)
        orphans += bool(claim.paid_ns) and not stand
        lost += any(filing.first_final_ns >= 0 and answer(filing) is None for filing in claim.submissions)
        first = min(claim.paid_ns.items(), key=lambda item: (item[1], item[0]), default=None)
        payers = [filing.transaction.fact("payer") for filing in claim.submissions]
        if first is not None and len(dict.fromkeys(payers)) > 1:
            seat = next(filing.seat for filing in claim.remittances if filing.transaction.id == first[0])
            inverted += seat != payers[0]
        verdicts = {filing.transaction.fact("verdict") for filing in claim.decisions if filing.answer == ""}
        contradicted += len(verdicts) > 1
    return {
        "paid_without_claim": orphans,
        "acknowledged_but_absent": lost,
        "paid_out_of_order": inverted,
        "contradictory_answers_accepted": contradicted,
    }


def payer_response_attainment(
    asks: Mapping[int, Sequence[Ask]], end_ns: int, backlog: int, most: int, drain_ns: int
) -> dict[str, Any]:
    """M7: share of eligibility questions answered in time, over all and at the worst payer; what piled up, and how long it took."""
    each = {payer: attained(mine, end_ns, 1.0) for payer, mine in asks.items()}
    shares = [good / judged for good, judged in each.values() if judged]
    good, judged = (sum(pair[place] for pair in each.values()) for place in (0, 1))
    return {
        "attained_share": share(good, judged),
        "worst_payer_share": min(shares, default=None),
        "unanswered": judged - good,
        "backlog_at_end": backlog,
        "largest_backlog": most,
        "drained_after_s": drain_ns / 1e9 if drain_ns >= 0 else None,
    }
