"""Metrics of goods: M8 counterfeits and double transfers, M9 trace and recall."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.health.courier import Fetch
from sim.health.registrar import Filing
from sim.health.tally import distribution, share


@dataclass(eq=False, slots=True)
class Shipment:
    """Units on their way, as they really are."""

    order: str
    case: str
    first: int
    end: int
    source: int
    to: int
    sent_ns: int
    genuine: bool = True
    """False: clones under the serials of units that were sold to somebody else."""
    filing: Filing | None = None
    """None: from before the run."""
    receipt: Filing | None = None
    fate: str = ""
    """'' on its way, accepted, or quarantined."""

    @property
    def units(self) -> int:
        """How many."""
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class Sale:
    """One unit handed to a patient, or refused to them, by what the pharmacy's node knew."""

    case: str
    unit: int
    pharmacy: int
    time_ns: int
    handed_out: bool
    genuine: bool
    filing: Filing | None


def counterfeit_or_double_transfer(
    shipments: Sequence[Shipment], sales: Sequence[Sale], answer: Callable[[Filing], str | None]
) -> dict[str, Any]:
    """M8: units taken or handed out that were not the seller's; `answer` is the contract's on the canonical chain at the end.

    Counterfeit: clones that a buyer's node let pass. Double transfer: serials accepted by two buyers. Sold by another: units handed
    out whose sale the canonical chain refuses. Twin: genuine units that were blocked.
    """
    accepted = [one for one in shipments if one.fate == "accepted"]
    clones = [one for one in accepted if not one.genuine]
    buyers: dict[tuple[str, int], list[Shipment]] = {}
    for one in accepted:
        buyers.setdefault((one.case, one.first), []).append(one)
    twice = [shipment for group in buyers.values() if len(group) > 1 for shipment in group[1:]]
    handed = [sale for sale in sales if sale.handed_out]
    against = [sale for sale in handed if sale.filing is not None and sale.filing.first_final_ns >= 0 and answer(sale.filing) not in ("", None)]  # fmt: skip
    blocked = sum(one.units for one in shipments if one.fate == "quarantined" and one.genuine)
    blocked += sum(not sale.handed_out and sale.genuine for sale in sales)
    units = sum(one.units for one in shipments if one.fate) + len(sales)
    return {
        "counterfeit_units_accepted": sum(one.units for one in clones),
        "counterfeit_units_offered": sum(one.units for one in shipments if not one.genuine),
        "double_transferred_units": sum(one.units for one in twice),
        "sold_by_another": len(against),
        "genuine_blocked_per_million": 1e6 * blocked / units if units else None,
        "units_received": sum(one.units for one in accepted),
        "units_dispensed": len(handed),
    }


def trace_and_recall(
    traces: Sequence[tuple[bool, list[Fetch]]],
    recalls: Sequence[tuple[Filing, str]],
    sales: Sequence[Sale],
    reached_ns: Callable[[Filing, float], int],
    limit_ns: int,
) -> dict[str, Any]:
    """M9: pedigrees rebuilt in time, how far recalls reached, and what was handed out after they began.

    A trace is (whether the ledger named every owner, one fetch for each of their papers).
    """
    ended = [(named, fetches) for named, fetches in traces if all(fetch.outcome for fetch in fetches)]
    whole = [named and all(fetch.outcome == "served" for fetch in fetches) for named, fetches in ended]
    since: dict[str, int] = {}
    for filing, case in recalls:
        since[case] = min(filing.submitted_ns, since.get(case, filing.submitted_ns))
    reach = [(reached_ns(filing, 0.99), filing.submitted_ns) for filing, _ in recalls]
    late = [sale for sale in sales if sale.handed_out and sale.case in since and sale.time_ns > since[sale.case]]
    return {
        "traced_share": share(sum(whole), len(whole)),
        "traces": len(ended),
        "recalls": len(recalls),
        "recall_reach_s": distribution([(time_ns - begun_ns) / 1e9 for time_ns, begun_ns in reach if time_ns >= 0]),
        "recalls_in_time_share": share(sum(0 <= time_ns - begun_ns <= limit_ns for time_ns, begun_ns in reach), len(reach)),
        "units_dispensed_after_recall": len(late),
    }
