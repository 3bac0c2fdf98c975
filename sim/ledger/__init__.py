"""The ledger: transactions, blocks, the chain a node keeps, what waits to be included, and sealed records."""
