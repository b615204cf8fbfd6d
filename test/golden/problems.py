"""The problems of the fixtures: small, seeded, uneven on purpose (n and m differ, weights differ)."""

import numpy as np


def weights(random, n, mass=1.0):
    w = random.gamma(2.0, size=n) + 0.1
    return mass * w / w.sum()


def clouds(seed, n, m, d, masses=(1.0, 1.0), shift=0.5, uniform=False):
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(n, d)), 0.7 * random.normal(size=(m, d)) + shift
    a, b = weights(random, n, masses[0]), weights(random, m, masses[1])
    return {"x": x, "y": y, "a": np.full(n, 1 / n) if uniform else a, "b": np.full(m, 1 / m) if uniform else b}


def problems():
    random = np.random.default_rng(7)
    even = np.linspace(0, 1, 12)
    bumps = np.stack([np.exp(-((even - c) ** 2) / s) + 0.02 for c, s in ((0.2, 0.01), (0.55, 0.03), (0.8, 0.005))])
    row, column = np.meshgrid(np.arange(8), np.arange(8), indexing="ij")
    images = np.stack([np.exp(-((row - r) ** 2 + (column - c) ** 2) / 4) + 0.01 for r, c in ((1.5, 2), (5, 1), (4.5, 6))])
    small = random.random((2, 4, 6)) + 0.05
    return {
        "line": clouds(1, 7, 5, 1),
        "plane": clouds(2, 12, 9, 2),
        "space": clouds(3, 31, 40, 3),
        "uniform": clouds(4, 10, 14, 2, uniform=True),
        "unequal": clouds(5, 9, 11, 2, masses=(1.3, 0.8)),
        "matrix": {"C": random.normal(size=(6, 8)) + 1, "a": weights(random, 6), "b": weights(random, 8)},
        "histograms": {"x": even[:, None], "measures": bumps / bumps.sum(1, keepdims=True), "shares": np.array([0.5, 0.3, 0.2])},
        "images": {"measures": images / images.sum((1, 2), keepdims=True), "shares": np.array([0.25, 0.35, 0.4])},
        "rectangles": {"measures": small / small.sum((1, 2), keepdims=True)},
        "clouds": {
            "points": [random.normal(size=(n, 2)) + [k, -k] for k, n in enumerate((5, 8, 6))],
            "weights": [weights(random, n) for n in (5, 8, 6)],
            "shares": np.array([0.2, 0.3, 0.5]),
            "start": random.normal(size=(4, 2)),
        },
        "circle": {"x": random.random(7), "y": random.random(5), "a": weights(random, 7), "b": weights(random, 5)},
    }
