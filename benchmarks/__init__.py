"""Speed, measured: `python -m benchmarks [--json] [NAME ...]`. Process CPU on one core, as a ratio to a plain heapq loop."""
