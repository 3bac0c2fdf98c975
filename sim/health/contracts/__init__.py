"""The contracts of the healthcare ledger, one file each: what a transaction may do to the shared state, and what it may not."""
