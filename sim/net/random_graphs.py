"""Compiled builders of random links, each a pure function of one 64-bit key.

Random regular graphs: the pairing model of Bollobas (1980), whose loops and double links are repaired by switching with a
random good link (McKay and Wormald, 1990). Small worlds: Watts and Strogatz (Nature, 1998). Scale-free: Barabasi and Albert
(Science, 1999). Dialled links as in Bitcoin, coin tosses as in Gilbert (1959). Links come back as int32[m, 2], each once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import njit

_U32 = np.uint64(32)
_EMPTY, _GONE = -1, -2
_SCATTER = np.uint64(0x9E37_79B9_7F4A_7C15)


@njit
def below(key: Any, word: int, bound: int) -> Any:
    """A whole number in range(bound), bound < 2**31, from draw number `word` of `key`."""
    luck = draw64(key, np.uint64(word)) >> _U32
    return np.int64((luck * np.uint64(bound)) >> _U32)


@njit
def shuffled(key: Any, count: int) -> Any:
    """range(count) in random order, int32[count] (Fisher-Yates)."""
    order = np.arange(count).astype(np.int32)
    for last in range(count - 1, 0, -1):
        place = below(key, last, last + 1)
        kept = order[last]
        order[last] = order[place]
        order[place] = kept
    return order


@njit
def regular_edges(key: Any, seats: int, degree: int) -> Any:
    """Links of a random simple graph in which every seat has `degree` < seats; an empty array if repair got stuck."""
    wanted = seats * degree // 2
    order = shuffled(key, seats * degree)
    rows = np.empty((seats, degree), np.int32)
    used = np.zeros(seats, np.int32)
    edges = np.empty((wanted, 2), np.int32)
    bad = np.empty((wanted, 2), np.int32)
    good, wrong = 0, 0
    for pair in range(wanted):
        one, other = order[2 * pair] // degree, order[2 * pair + 1] // degree
        if one == other or _has(rows, used, one, other):
            bad[wrong, 0], bad[wrong, 1] = one, other
            wrong += 1
        else:
            _join(rows, used, one, other)
            edges[good, 0], edges[good, 1] = one, other
            good += 1
    word = seats * degree
    for pair in range(wrong):
        one, other = bad[pair, 0], bad[pair, 1]
        tries = 0
        while True:
            tries += 1
            if tries > 1000 or good == 0:
                return np.empty((0, 2), np.int32)
            word += 1
            pick = below(key, word, 2 * good)
            chosen, side = pick >> 1, pick & 1
            near, far = edges[chosen, side], edges[chosen, 1 - side]
            if one == near or other == far or _has(rows, used, one, near) or _has(rows, used, other, far):
                continue
            if one == far and other == near:
                continue
            _part(rows, used, near, far)
            _join(rows, used, one, near)
            _join(rows, used, other, far)
            edges[chosen, 0], edges[chosen, 1] = one, near
            edges[good, 0], edges[good, 1] = other, far
            good += 1
            break
    return edges


@njit
def _has(rows: Any, used: Any, one: int, other: int) -> bool:
    for place in range(used[one]):
        if rows[one, place] == other:
            return True
    return False


@njit
def _join(rows: Any, used: Any, one: int, other: int) -> None:
    rows[one, used[one]] = other
    rows[other, used[other]] = one
    used[one] += 1
    used[other] += 1


@njit
def _part(rows: Any, used: Any, one: int, other: int) -> None:
    for here, there in ((one, other), (other, one)):
        used[here] -= 1
        for place in range(used[here]):
            if rows[here, place] == there:
                rows[here, place] = rows[here, used[here]]
                break


@njit
def small_world_edges(key: Any, seats: int, degree: int, threshold: int) -> Any:
    """A ring in which each seat is linked to `degree` (even) nearest, each link then rewired with chance threshold / 2**32."""
    half = degree // 2
    edges = np.empty((seats * half, 2), np.int32)
    size = 16
    while size < 4 * seats * half:
        size *= 2
    table = np.full(size, _EMPTY, np.int64)
    for step in range(1, half + 1):
        for seat in range(seats):
            _put(table, _name(seats, seat, (seat + step) % seats))
    for step in range(1, half + 1):
        for seat in range(seats):
            place = (step - 1) * seats + seat
            far = (seat + step) % seats
            if np.int64(draw64(key, np.uint64(place)) >> _U32) < threshold:
                for tries in range(64):
                    other = below(key, seats * half * (tries + 1) + place, seats)
                    if other != seat and not _contains(table, _name(seats, seat, other)):
                        _drop(table, _name(seats, seat, far))
                        _put(table, _name(seats, seat, other))
                        far = other
                        break
            edges[place, 0], edges[place, 1] = seat, far
    return edges


@njit
def _name(seats: int, one: int, other: int) -> int:
    return min(one, other) * seats + max(one, other)


@njit
def _slot(table: Any, name: int) -> Any:
    mask = len(table) - 1
    slot = np.int64(draw64(_SCATTER, np.uint64(name)) >> _U32) & mask
    while table[slot] != name and table[slot] != _EMPTY:
        slot = (slot + 1) & mask
    return slot


@njit
def _contains(table: Any, name: int) -> bool:
    return bool(table[_slot(table, name)] == name)


@njit
def _put(table: Any, name: int) -> None:
    table[_slot(table, name)] = name


@njit
def _drop(table: Any, name: int) -> None:
    table[_slot(table, name)] = _GONE


@njit
def scale_free_edges(key: Any, seats: int, links: int) -> Any:
    """All of the first links + 1 seats linked, then each newcomer linked to `links` seats with chance in proportion to degree."""
    first = links * (links + 1) // 2
    edges = np.empty((first + (seats - links - 1) * links, 2), np.int32)
    made = 0
    for one in range(links + 1):
        for other in range(one):
            edges[made, 0], edges[made, 1] = one, other
            made += 1
    word = 0
    for seat in range(links + 1, seats):
        ends = 2 * made
        for number in range(links):
            while True:
                word += 1
                pick = below(key, word, ends)
                other = edges[pick >> 1, pick & 1]
                fresh = True
                for earlier in range(number):
                    if edges[made + earlier, 1] == other:
                        fresh = False
                        break
                if fresh:
                    break
            edges[made + number, 0], edges[made + number, 1] = seat, other
        made += links
    return edges


@njit
def near_edges(x: Any, y: Any, order: Any, starts: Any, cells: int, radius: float, edges: Any) -> int:
    """Write the pairs of points at most `radius` apart into `edges` and return how many there are, written or not.

    The unit square is cut into cells x cells; `order` lists the points cell by cell, `starts` where each cell begins.
    """
    found = 0
    for one in range(len(x)):
        column, row = min(int(x[one] * cells), cells - 1), min(int(y[one] * cells), cells - 1)
        for near_row in range(max(row - 1, 0), min(row + 2, cells)):
            for near_column in range(max(column - 1, 0), min(column + 2, cells)):
                cell = near_row * cells + near_column
                for place in range(starts[cell], starts[cell + 1]):
                    other = order[place]
                    if other <= one:
                        continue
                    across, along = x[one] - x[other], y[one] - y[other]
                    if across * across + along * along <= radius * radius:
                        if found < len(edges):
                            edges[found, 0], edges[found, 1] = one, other
                        found += 1
    return found


@njit
def outbound_edges(key: Any, dialled: Any, fresh: bool) -> Any:
    """Links of seats that each dial `dialled[seat]` distinct others; with `fresh` none that has dialled them before.

    Without `fresh` two seats that dial each other share one link. A seat that finds nobody new in 64 tries a link gives up.
    """
    seats = len(dialled)
    wanted = dialled.sum()
    edges = np.empty((wanted, 2), np.int32)
    size = 16
    while size < 4 * wanted:
        size *= 2
    table = np.full(size, _EMPTY, np.int64)
    made = 0
    word = 0
    for seat in range(seats):
        first = made
        merged = np.empty(dialled[seat], np.int32)  # those that had dialled this seat before
        twice = 0
        got = 0
        tries = 0
        while got < dialled[seat] and tries < 64 * dialled[seat]:
            tries += 1
            word += 1
            other = below(key, word, seats)
            if other == seat:
                continue
            if not _contains(table, _name(seats, seat, other)):
                _put(table, _name(seats, seat, other))
                edges[made, 0], edges[made, 1] = seat, other
                made += 1
                got += 1
                continue
            if fresh:
                continue
            mine = False
            for place in range(first, made):
                mine = mine or edges[place, 1] == other
            for place in range(twice):
                mine = mine or merged[place] == other
            if not mine:
                merged[twice] = other
                twice += 1
                got += 1
    return edges[:made]


@njit
def coin_edges(key: Any, seats: int, threshold: int) -> Any:
    """Every pair is linked with chance threshold / 2**32, each by a draw of its own."""
    found = 0
    for one in range(seats):
        for other in range(one):
            if np.int64(draw64(key, np.uint64(one * seats + other)) >> _U32) < threshold:
                found += 1
    edges = np.empty((found, 2), np.int32)
    place = 0
    for one in range(seats):
        for other in range(one):
            if np.int64(draw64(key, np.uint64(one * seats + other)) >> _U32) < threshold:
                edges[place, 0], edges[place, 1] = one, other
                place += 1
    return edges
