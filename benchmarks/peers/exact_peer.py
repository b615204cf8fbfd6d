"""Time POT's exact solver on the arrays of benchmarks/exact.ts: exact_peer.py DIR RUNS prints one line of JSON."""
import json
import sys
import time

import numpy as np
import ot

directory, runs = sys.argv[1], int(sys.argv[2])
costs, a, b = (np.load(f"{directory}/{name}.npy") for name in ("costs", "a", "b"))
best = float("inf")
for _ in range(runs):
    start = time.perf_counter()
    plan, log = ot.emd(a, b, costs, numItermax=10**9, log=True)
    best = min(best, time.perf_counter() - start)
print(json.dumps({"seconds": best, "value": float((plan * costs).sum()), "version": ot.__version__}))
