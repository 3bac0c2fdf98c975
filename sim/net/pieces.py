"""The pieces in which an item travels where the strategy cuts bodies, made when it is first published."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.net.network import Network
    from sim.net.strategy import Cut


def pieces_of(network: Network, item: int, cut: Cut) -> range:
    """The numbers of an item's pieces; none for a vote or where one is enough."""
    row = network.world.items[item]
    if row["first_piece"] < 0:
        count, enough, size_bytes = cut(int(row["size_bytes"]))
        if network.families[item] == "vote" or count < 2:
            return range(0)
        first = len(network.item_names)
        for turn in range(count):
            piece = network.item(("piece", item, turn), "piece", size_bytes)
            network.world.items[piece]["whole"], network.world.items[piece]["publisher"] = item, row["publisher"]
        row = network.world.items[item]  # the array may have grown
        row["first_piece"], row["pieces"], row["enough"] = first, count, enough
    first = int(row["first_piece"])
    return range(first, first + int(row["pieces"]))
