"""Published and exact numbers that a run must reproduce, each through the public scenario contract.

One small file per group of cases, one frozen record per number (`case.Case`). `cases.py` lists the groups, `judge.py` runs
them. A case is added by writing one record; nothing is ever fitted to it.
"""
