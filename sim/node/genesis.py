"""The block before the first one. It has a name and no body: nobody publishes it, holds it or sends it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

GENESIS: Final = blake2b(repr(("medgossip", "genesis")).encode(), digest_size=16).hexdigest()
"""Its digest, the parent of every block at height 1; protocols find it as `node.genesis`."""
