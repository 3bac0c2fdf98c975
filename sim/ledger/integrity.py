"""The two things that can be wrong with what a ledger holds."""

from __future__ import annotations

from sim.kernel.errors import SimError


class Tampered(SimError):
    """Stored or received bytes are not those that were hashed or sealed."""


class Unlinked(SimError):
    """A block does not continue the chain it was offered to."""
