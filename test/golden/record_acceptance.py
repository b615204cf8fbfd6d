"""Numbers of no library: the acceptance cases of discrete transport, by closed forms, by the referee in doubles, and by mpmath where digits count."""

import mpmath
import numpy as np
from book import plain
from reference import INF, divergence, sinkhorn, squared

mpmath.mp.dps = 40


def record(problems):
    x, y = np.linspace(0, 5, 10)[:, None], np.linspace(1, 3, 20)[:, None]
    a, b = np.full(10, 0.1), np.full(20, 0.05)
    digits = high_precision_divergence()
    assert abs(divergence(squared, x, y, a, b, 1.0) - float(digits["primal"])) < 1e-12
    assert abs(divergence(squared, x, y, a, b, 1.0, value="linear") - float(digits["linear"])) < 1e-12
    return plain(
        {
            "library": "referee of this folder",
            "version": f"numpy {np.__version__}, mpmath {mpmath.__version__}",
            "two by two": [{"epsilon": e, "linear": float(1 / (1 + mpmath.exp(mpmath.mpf(1) / mpmath.mpf(str(e)))))} for e in (10, 1, 0.1, 0.01)],
            "divergence": {"epsilon": 1.0, "x": x, "y": y, **{k: float(v) for k, v in digits.items()}},
            "unbalanced": unbalanced(problems),
            "small epsilon": small(problems),
            "limits": limits(problems),
        }
    )


def high_precision_divergence():
    """Case 22 in 40 digits: uniform weights, cost (x - y)^2, epsilon 1; the value with KL and the linear one."""
    m = mpmath

    def solve(u, v):
        n, k = len(u), len(v)
        K = [[m.exp(-((s - t) ** 2)) / (n * k) for t in v] for s in u]
        p, q = [m.mpf(1)] * n, [m.mpf(1)] * k
        for _ in range(3000):
            new = [m.mpf(1) / n / m.fdot(K[i], q) for i in range(n)]
            moved = max(abs(new[i] / p[i] - 1) for i in range(n))
            p = new
            q = [m.mpf(1) / k / m.fsum(K[i][j] * p[i] for i in range(n)) for j in range(k)]
            if moved < m.mpf(10) ** -32:
                break
        else:
            raise RuntimeError("forty digits were not reached")
        plan = [[p[i] * K[i][j] * q[j] for j in range(k)] for i in range(n)]
        linear = m.fsum(plan[i][j] * (u[i] - v[j]) ** 2 for i in range(n) for j in range(k))
        kl = m.fsum(plan[i][j] * m.log(plan[i][j] * n * k) for i in range(n) for j in range(k))
        return linear, linear + kl

    exact_x = [m.mpf(5) * i / 9 for i in range(10)]
    exact_y = [1 + m.mpf(2) * j / 19 for j in range(20)]
    middle, left, right = solve(exact_x, exact_y), solve(exact_x, exact_x), solve(exact_y, exact_y)
    of = lambda k: middle[k] - (left[k] + right[k]) / 2
    return {"primal": of(1), "linear": of(0)}


def unbalanced(problems):
    """Case 21: optima with penalties on both sides, on one, and small and large ones."""
    X, Y, a, b = (problems["unequal"][k] for k in "xyab")
    out = []
    for rho in ((0.01, 0.01), (0.3, 3.0), (INF, 0.5), (2.0, INF)):
        answer = sinkhorn(squared(X, Y), a, b, 0.3, *rho)
        out.append({"epsilon": 0.3, "rho": [r if r != INF else "inf" for r in rho], "primal": answer.primal, "linear": answer.linear, "mass": answer.mass, "f": answer.f, "g": answer.g})
    return out


def small(problems):
    """A balanced problem down to small epsilon: value, linear part and KL."""
    X, Y, a, b = (problems["plane"][k] for k in "xyab")
    C = squared(X, Y)
    out = []
    for share in (1.0, 0.1, 0.03):
        answer = sinkhorn(C, a, b, share * float(a @ C @ b))
        out.append({"ofMeanCost": share, "epsilon": share * float(a @ C @ b), "linear": answer.linear, "kl": answer.kl, "entropy": answer.entropy, "primal": answer.primal})
    return out


def limits(problems):
    """Case 22: the divergence tends to half the squared MMD for the kernel -|x - y|^2 as epsilon grows: |mean x - mean y|^2."""
    X, Y, a, b = (problems["plane"][k] for k in "xyab")
    return {"half squared mmd": float(((a @ X - b @ Y) ** 2).sum()), "divergence at 1000": divergence(squared, X, Y, a, b, 1000.0)}
