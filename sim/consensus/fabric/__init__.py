"""Hyperledger Fabric: execute, order, validate; the order is made by another protocol."""
