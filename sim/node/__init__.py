"""Floor 2: what the author of a protocol, a fault or a workload sees."""
