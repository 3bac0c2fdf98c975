"""Supply: every unit has one owner, changes hands by ship and receive, and is dispensed once (EPCIS 2.0, DSCSA).

State: ("case", case) -> ranges of units ((first, end, owner, order), ...), ("order", order) -> (from, to, case, first, end, status),
("spent", case, unit) -> pharmacy, ("recalled", case) -> True. Owners are seats; a range on its way carries its order. The ledger
of a real network would hold commitments in place of these numbers.
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused

Range = tuple[int, int, int, str]


def holder(ranges: tuple[Range, ...], unit: int) -> tuple[int, str]:
    """(owner, order under which it travels or ''); (-1, '') where there is no such unit."""
    return next(((owner, order) for first, end, owner, order in ranges if first <= unit < end), (-1, ""))


def moved(ranges: tuple[Range, ...], first: int, end: int, owner: int, order: str) -> tuple[Range, ...]:
    """The ranges with units first..end given another owner and order; neighbours of one kind melt together."""
    pieces: list[Range] = []
    for low, high, had, under in ranges:
        pieces += [(low, min(high, first), had, under), (max(low, end), high, had, under)]
    pieces.append((first, end, owner, order))
    kept = sorted(piece for piece in pieces if piece[0] < piece[1])
    joined: list[Range] = []
    for piece in kept:
        if joined and joined[-1][1] == piece[0] and joined[-1][2:] == piece[2:]:
            joined[-1] = (joined[-1][0], piece[1], *piece[2:])
        else:
            joined.append(piece)
    return tuple(joined)


def owned(ranges: tuple[Range, ...], first: int, end: int, owner: int) -> bool:
    """Whether all units first..end belong to `owner` and are not on their way."""
    return first < end and all(holder(ranges, unit) == (owner, "") for unit in range(first, end))


def supply(state: State, transaction: Transaction) -> str:
    """commission, ship, receive, dispense, recall."""
    facts = facts_of(transaction)
    verb, case, seat = facts["do"], facts["case"], facts["by"]  # who signed; whose node passed it on does not matter
    ranges = state.get(("case", case))
    if verb == "commission":
        why = refused([(ranges is not None, "these serials exist already")])
        if not why:
            state.put(("case", case), ((0, facts["units"], facts["consignee"], ""),))
            state.put(("maker", case), seat)
        return why
    if ranges is None:
        return "nobody has made this case"
    if verb == "recall":
        why = refused([(state.get(("maker", case)) != seat, "only its maker recalls a case")])
        if not why:
            state.put(("recalled", case), True)
        return why
    if verb == "dispense":
        return _dispense(state, case, facts["unit"], seat, ranges)
    return _carry(state, facts, case, seat, ranges)


def _dispense(state: State, case: str, unit: int, seat: int, ranges: tuple[Range, ...]) -> str:
    why = refused(
        [
            (state.get(("spent", case, unit)) is not None, "this unit was dispensed before"),
            (holder(ranges, unit) != (seat, ""), "the pharmacy does not own this unit"),
            (state.get(("recalled", case), False), "the case is recalled"),
        ]
    )
    if not why:
        state.put(("spent", case, unit), seat)
    return why


def _carry(state: State, facts: dict[str, object], case: str, seat: int, ranges: tuple[Range, ...]) -> str:
    order = str(facts["order"])
    known = state.get(("order", order))
    if facts["do"] == "ship":
        first, end = int(str(facts["first"])), int(str(facts["end"]))
        why = refused(
            [
                (known is not None, "an order of this name exists"),
                (not owned(ranges, first, end, seat), "the seller does not own these units"),
                (state.get(("recalled", case), False), "the case is recalled"),
            ]
        )
        if not why:
            state.put(("order", order), (seat, facts["to"], case, first, end, "shipped"))
            state.put(("case", case), moved(ranges, first, end, seat, order))
        return why
    if known is None:
        return "nobody has shipped this order"
    source, to, _, first, end, status = known
    why = refused([(to != seat, "the order is for somebody else"), (status != "shipped", f"the order is {status}")])
    if not why:
        state.put(("order", order), (source, to, case, first, end, "received"))
        state.put(("case", case), moved(ranges, first, end, seat, ""))
    return why
