"""The referee: every problem of this folder solved by the plainest loop there is, in the log domain, until nothing moves.

It shares no code with the libraries it judges nor with Viaduct. Conventions are Viaduct's: P = a b exp((f + g - C) / eps), and
KL(p | q) = sum p log(p / q) - sum p + sum q.
"""

import numpy as np
from scipy.special import logsumexp, xlogy

INF = np.inf


def kl(p, q):
    p, q = np.asarray(p, float), np.asarray(q, float)
    return float((xlogy(p, p) - xlogy(p, q)).sum() - p.sum() + q.sum())


def squared(x, y):
    return ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)


def distance(x, y):
    return np.sqrt(squared(x, y))


def damping(eps, rho):
    return 1.0 if rho == INF else rho / (rho + eps)


def sinkhorn(C, a, b, eps, rho_a=INF, rho_b=INF):
    """Alternating soft-minima until a full turn moves the potentials by less than rounding (or 200 000 turns)."""
    la, lb = np.log(a), np.log(b)
    da, db = damping(eps, rho_a), damping(eps, rho_b)
    f, g = np.zeros(len(a)), np.zeros(len(b))
    for _ in range(200_000):
        f_new = -eps * da * logsumexp(lb + (g - C) / eps, axis=1)
        g_new = -eps * db * logsumexp(la[:, None] + (f_new[:, None] - C) / eps, axis=0)
        moved = max(np.abs(f_new - f).max(), np.abs(g_new - g).max())
        f, g = f_new, g_new
        if moved < 2e-15 * (1 + eps + np.abs(f).max() + np.abs(g).max()):
            break
    else:
        raise RuntimeError(f"the reference still moves by {moved}")
    return Answer(C, a, b, eps, rho_a, rho_b, f, g)


class Answer:
    """Potentials with everything that follows from them."""

    def __init__(self, C, a, b, eps, rho_a, rho_b, f, g):
        self.f, self.g = f, g
        self.plan = P = np.outer(a, b) * np.exp((f[:, None] + g[None, :] - C) / eps)
        self.mass = P.sum()
        self.linear = float((P * C).sum())
        self.kl = kl(P, np.outer(a, b))
        self.entropy = -float(xlogy(P, P).sum())
        self.penalty = sum(0.0 if rho == INF else rho * kl(s, w) for rho, s, w in ((rho_a, P.sum(1), a), (rho_b, P.sum(0), b)))
        self.primal = self.linear + eps * self.kl + self.penalty
        side = lambda w, h, rho: float(w @ h) if rho == INF else float(-rho * w @ np.expm1(-h / rho))
        self.dual = side(a, f, rho_a) + side(b, g, rho_b) - eps * (self.mass - a.sum() * b.sum())
        assert abs(self.primal - self.dual) < 1e-11 * (1 + abs(self.primal)), (self.primal, self.dual)


def divergence(cost, x, y, a, b, eps, rho=INF, value="primal"):
    """OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2 + eps / 2 (mass a - mass b)^2 of the named value."""
    of = lambda u, v, p, q: getattr(sinkhorn(cost(u, v), p, q, eps, rho, rho), value)
    middle = of(x, y, a, b) - 0.5 * of(x, x, a, a) - 0.5 * of(y, y, b, b)
    return middle + (0.5 * eps * (a.sum() - b.sum()) ** 2 if value != "linear" else 0.0)


def partial(C, a, b, eps, mass):
    """min <P, C> + eps KL(P | a b), P 1 <= a, P' 1 <= b, sum P = mass: block ascent on its dual with clipped potentials f, g <= 0."""
    la, lb = np.log(a), np.log(b)
    f, g, shift = np.zeros(len(a)), np.zeros(len(b)), 0.0
    for _ in range(200_000):
        f_new = np.minimum(0.0, -eps * logsumexp(lb + (g + shift - C) / eps, axis=1))
        g_new = np.minimum(0.0, -eps * logsumexp(la[:, None] + (f_new[:, None] + shift - C) / eps, axis=0))
        exponents = la[:, None] + lb + (f_new[:, None] + g_new - C) / eps
        shift_new = eps * (np.log(mass) - logsumexp(exponents))
        moved = max(np.abs(f_new - f).max(), np.abs(g_new - g).max(), abs(shift_new - shift))
        f, g, shift = f_new, g_new, shift_new
        if moved < 2e-15 * (1 + abs(shift) + np.abs(C).max()):
            break
    else:
        raise RuntimeError(f"the reference still moves by {moved}")
    P = np.exp(la[:, None] + lb + (f[:, None] + g + shift - C) / eps)
    assert (P.sum(1) <= a * (1 + 1e-12)).all() and (P.sum(0) <= b * (1 + 1e-12)).all()
    return P


def barycenter(C, measures, weights, eps, debiased=False):
    """min over bar of sum_k w_k OT(bar, a_k), C between the support of bar (rows) and that of the measures (columns).

    OT is <P, C> + eps sum P (log P - 1), relative to 1 and not to bar a_k: iterative Bregman projections (Benamou et al. 2015). debiased: the
    fixed point of Janati et al. 2020, whose functional subtracts half the self-transport of bar; C is then square and symmetric.
    """
    G = np.zeros((len(measures), C.shape[0]))
    log_d = np.zeros(C.shape[0])
    bar = np.full(C.shape[0], 1 / C.shape[0])
    for turn in range(200_000):
        log_kf = np.empty_like(G)
        for k, a in enumerate(measures):
            f = np.log(a) - logsumexp(-C.T / eps + G[k][None, :], axis=1)
            log_kf[k] = logsumexp(-C / eps + f[None, :], axis=1)
        log_bar = weights @ log_kf + (log_d if debiased else 0)
        G_new = log_bar[None, :] - log_kf
        # Debiased barycenters of coarse histograms have empty bins: there the potentials run away while the barycenter rests.
        moved = max(np.abs(np.exp(log_bar) - bar).max(), 0 if debiased else np.abs(G_new - G).max() * 1e-2)
        G, bar = G_new, np.exp(log_bar)
        if debiased:
            log_d = 0.5 * (log_d + log_bar - logsumexp(-C / eps + log_d[None, :], axis=1))
        if moved < (2e-17 if debiased else 2e-15) and turn > 50:
            break
    else:
        raise RuntimeError(f"the reference still moves by {moved}")
    return bar


def free_barycenter(points, weights_of, start, share, eps, mass=None, turns=20_000):
    """Points moved to the mean of their barycentric images until they rest; eps = 0 uses the exact plan of scipy's linear program."""
    X = start.copy()
    mass = np.full(len(X), 1 / len(X)) if mass is None else mass
    for _ in range(turns):
        images = 0
        for y, b, w in zip(points, weights_of, share):
            P = linear_program(squared(X, y), mass, b) if eps == 0 else sinkhorn(squared(X, y), mass, b, eps).plan
            images = images + w * (P @ y) / mass[:, None]
        moved = np.abs(images - X).max()
        X = images
        if moved < 1e-14:
            return X
    raise RuntimeError(f"the points still move by {moved}")


def linear_program(C, a, b, mass=None):
    """The exact plan by scipy's HiGHS; with a mass, the partial problem."""
    from scipy.optimize import linprog

    n, m = C.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    if mass is None:
        equal, sides, below, limits = np.vstack([rows, columns]), np.concatenate([a, b]), None, None
    else:
        equal, sides, below, limits = np.ones((1, n * m)), [mass], np.vstack([rows, columns]), np.concatenate([a, b])
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    answer = linprog(C.ravel(), A_ub=below, b_ub=limits, A_eq=equal, b_eq=sides, options=options)
    assert answer.status == 0, answer.message
    return answer.x.reshape(n, m)
