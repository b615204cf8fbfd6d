"""What POT returns. M is the cost matrix ot.dist(x, y) = |x - y|^2 unless said otherwise."""

import warnings

import numpy as np
import ot
from book import Book
from reference import barycenter, distance, divergence, free_barycenter, linear_program, partial, sinkhorn, squared

warnings.filterwarnings("ignore")
TIGHT = {"numItermax": 200_000, "stopThr": 1e-15}
INF = np.inf


def record(problems):
    book = Book("POT", ot.__version__)
    balanced(book, problems)
    unbalanced(book, problems)
    exact_and_partial(book, problems)
    divergences_and_batches(book, problems)
    barycenters(book, problems)
    line_and_circle(book, problems)
    return book.contents()


def balanced(book, problems):
    for name, reg in (("plane", 0.4), ("space", 1.0), ("line", 0.05)):
        x, y, a, b = (problems[name][k] for k in "xyab")
        M = squared(x, y)
        want = sinkhorn(M, a, b, reg)
        methods = ["sinkhorn", "sinkhorn_log", "sinkhorn_stabilized", "sinkhorn_epsilon_scaling", "greenkhorn"] if name == "plane" else ["sinkhorn_log"]
        for method in methods:
            options = {**TIGHT, **({"numItermax": 2000} if method == "sinkhorn_epsilon_scaling" else {})}
            plan = ot.sinkhorn(a, b, M, reg, method=method, **options)
            tolerance = 1e-9 if method in ("greenkhorn", "sinkhorn_epsilon_scaling") else 1e-12
            book.add(f"ot.sinkhorn {method} {name}", name, f"ot.sinkhorn(a, b, M, reg, method='{method}')", {"reg": reg}, {"plan": plan}, {"plan": want.plan}, tolerance)
        linear = ot.sinkhorn2(a, b, M, reg, method="sinkhorn_log", **TIGHT)
        book.add(f"ot.sinkhorn2 {name}", name, "ot.sinkhorn2(a, b, M, reg, method='sinkhorn_log')", {"reg": reg}, {"value": linear}, {"value": want.linear}, 1e-11, "the linear part, without the regularisation")
        for reg_type in ("KL", "entropy"):
            got = ot.solve(M, a, b, reg=reg, reg_type=reg_type, max_iter=200_000, tol=1e-15)
            value = want.primal if reg_type == "KL" else want.linear - reg * want.entropy
            u, v = (np.asarray(p) * reg for p in got.potentials)
            shift = (u - want.f - reg * np.log(a)).mean()
            book.add(
                f"ot.solve {reg_type} {name}", name, f"ot.solve(M, a, b, reg=reg, reg_type='{reg_type}')", {"reg": reg},
                {"value": got.value, "value_linear": got.value_linear, "plan": got.plan, "potentials": [*(u - shift), *(v + shift)]},
                {"value": value, "value_linear": want.linear, "plan": want.plan, "potentials": [*(want.f + reg * np.log(a)), *(want.g + reg * np.log(b))]},
                2e-9, "potentials are reg * log_u, reg * log_v, shifted to the referee's constant; POT adds 1e-15 to a b and 1e-16 to the plan inside its logarithms",
            )
    C, a, b = (problems["matrix"][k] for k in "Cab")
    for reg in (0.1, 2.0):
        plan = ot.sinkhorn(a, b, C, reg, method="sinkhorn_log", **TIGHT)
        book.add(f"ot.sinkhorn matrix {reg}", "matrix", "ot.sinkhorn(a, b, C, reg, method='sinkhorn_log')", {"reg": reg}, {"plan": plan}, {"plan": sinkhorn(C, a, b, reg).plan}, 1e-12)
    x, y, a, b = (problems["plane"][k] for k in "xyab")
    M = squared(x, y)
    scaled = ot.sinkhorn(a, b, M / M.max(), 0.05, method="sinkhorn_log", **TIGHT)
    book.add("ot.sinkhorn M / M.max()", "plane", "ot.sinkhorn(a, b, M / M.max(), reg)", {"reg": 0.05, "max": M.max()}, {"plan": scaled}, {"plan": sinkhorn(M, a, b, 0.05 * M.max()).plan}, 1e-12, "the habit of dividing by the largest cost: epsilon = reg * M.max()")
    gaussian = ot.bregman.empirical_sinkhorn2(x, y, 0.4, a=a, b=b, metric="euclidean", numIterMax=200_000, stopThr=1e-15)
    book.add("ot.bregman.empirical_sinkhorn2 euclidean", "plane", "ot.bregman.empirical_sinkhorn2(x, y, reg, a=a, b=b, metric='euclidean')", {"reg": 0.4}, {"value": gaussian}, {"value": sinkhorn(distance(x, y), a, b, 0.4).linear}, 1e-11)


def unbalanced(book, problems):
    x, y, a, b = (problems["unequal"][k] for k in "xyab")
    M = squared(x, y)
    reg = 0.3
    ab = np.outer(a, b)
    for reg_m in (1.0, (0.5, 2.0), (INF, 0.7), (0.7, INF)):
        rho = reg_m if isinstance(reg_m, tuple) else (reg_m, reg_m)
        text = str(reg_m).replace("inf", "float('inf')")
        given = [r if np.isfinite(r) else "inf" for r in rho]
        want = sinkhorn(M, a, b, reg, *rho)
        parameters = {"reg": reg, "reg_m": given}
        for method in ("sinkhorn", "sinkhorn_stabilized", "sinkhorn_translation_invariant"):
            if INF in rho and method != "sinkhorn":
                continue
            if method == "sinkhorn_translation_invariant" and rho[0] != rho[1]:
                continue  # See below: it returns a plan of the wrong mass.
            plan = ot.unbalanced.sinkhorn_unbalanced(a, b, M, reg, reg_m, method=method, reg_type="kl", **TIGHT)
            book.add(f"ot.unbalanced.sinkhorn_unbalanced kl {method} {text}", "unequal", f"ot.unbalanced.sinkhorn_unbalanced(a, b, M, reg, {text}, method='{method}', reg_type='kl')", parameters, {"plan": plan}, {"plan": want.plan}, 1e-12)
        for cost in ("linear", "total"):
            value = ot.unbalanced.sinkhorn_unbalanced2(a, b, M, reg, reg_m, reg_type="kl", returnCost=cost, **TIGHT)
            book.add(f"ot.unbalanced.sinkhorn_unbalanced2 {cost} {text}", "unequal", f"ot.unbalanced.sinkhorn_unbalanced2(a, b, M, reg, {text}, returnCost='{cost}')", parameters, {"value": value}, {"value": want.linear if cost == "linear" else without_masses(want, a, b, reg, rho)}, 1e-11, None if cost == "linear" else "its KL leaves out the masses - sum p + sum q")
        # Entropy relative to 1 instead of a b: the same problem with reg * log(a b) added to the cost.
        shifted = sinkhorn(M + reg * np.log(ab), a, b, reg, *rho)
        plan = ot.unbalanced.sinkhorn_unbalanced(a, b, M, reg, reg_m, reg_type="entropy", **TIGHT)
        book.add(f"ot.unbalanced.sinkhorn_unbalanced entropy {text}", "unequal", f"ot.unbalanced.sinkhorn_unbalanced(a, b, M, reg, {text}, reg_type='entropy')", parameters, {"plan": plan}, {"plan": shifted.plan}, 1e-12, "KL relative to 1: our cost is M + reg log(a b)")
    plan = ot.unbalanced.sinkhorn_unbalanced(a, b, M, reg, (0.5, 2.0), method="sinkhorn_translation_invariant", **TIGHT)
    want = sinkhorn(M, a, b, reg, 0.5, 2.0)
    assert plan.sum() / want.mass > 1.1
    book.add("ot.unbalanced translation_invariant (0.5, 2.0)", "unequal", "ot.unbalanced.sinkhorn_unbalanced(a, b, M, reg, (0.5, 2.0), method='sinkhorn_translation_invariant')", {"reg": reg, "reg_m": [0.5, 2.0], "mass": plan.sum()}, {"plan of mass 1": plan / plan.sum()}, {"plan of mass 1": want.plan / want.mass}, 1e-12, "with unequal penalties the mass is wrong (0.550 where the optimum has 0.489); POT's other methods agree with the referee")
    got = ot.solve(M, a, b, reg=reg, unbalanced=1.0, max_iter=200_000, tol=1e-15)
    want = sinkhorn(M, a, b, reg, 1.0, 1.0)
    book.add("ot.solve unbalanced", "unequal", "ot.solve(M, a, b, reg=reg, unbalanced=1.0)", {"reg": reg, "reg_m": [1.0, 1.0]}, {"value": got.value, "value_linear": got.value_linear, "plan": got.plan}, {"value": without_masses(want, a, b, reg, (1.0, 1.0)), "value_linear": want.linear, "plan": want.plan}, 1e-11, "its KL leaves out the masses - sum p + sum q")
    c = ab * (1 + 0.5 * np.cos(np.arange(ab.size))).reshape(ab.shape)
    plan = ot.unbalanced.sinkhorn_unbalanced(a, b, M, reg, 1.0, c=c, **TIGHT)
    book.add("ot.unbalanced.sinkhorn_unbalanced c", "unequal", "ot.unbalanced.sinkhorn_unbalanced(a, b, M, reg, 1.0, c=c)", {"reg": reg, "reg_m": [1.0, 1.0], "c": c}, {"plan": plan}, {"plan": sinkhorn(M - reg * np.log(c / ab), a, b, reg, 1.0, 1.0).plan}, 1e-12, "another reference measure c: our cost is M - reg log(c / (a b))")


def without_masses(answer, a, b, reg, rho):
    """The total that POT reports: every KL is sum p log(p / q) alone, although the plan minimises the KL with masses."""
    missing = reg * (a.sum() * b.sum() - answer.mass)
    return answer.primal - missing - sum(r * (w.sum() - answer.mass) for r, w in zip(rho, (a, b)) if r != INF)


def exact_and_partial(book, problems):
    for name in ("plane", "space", "uniform"):
        x, y, a, b = (problems[name][k] for k in "xyab")
        for cost, M in (("sqeuclidean", squared(x, y)), ("euclidean", distance(x, y))):
            plan, log = ot.emd(a, b, M, log=True)
            want = linear_program(M, a, b)
            returned, expected = {"plan": plan, "value": ot.emd2(a, b, M)}, {"plan": want, "value": (M * want).sum()}
            if name == "uniform":  # Many optimal plans: only the value is determined.
                del returned["plan"], expected["plan"]
            assert abs(a @ log["u"] + b @ log["v"] - expected["value"]) < 1e-12
            book.add(f"ot.emd {cost} {name}", name, f"ot.emd(a, b, M), ot.emd2(a, b, M), M = ot.dist(x, y, '{cost}')", {"cost": cost}, returned, expected, 1e-9)
    C, a, b = (problems["matrix"][k] for k in "Cab")
    want = linear_program(C, a, b)
    book.add("ot.emd matrix", "matrix", "ot.emd(a, b, C), ot.emd2(a, b, C)", {}, {"plan": ot.emd(a, b, C), "value": ot.emd2(a, b, C)}, {"plan": want, "value": (C * want).sum()}, 1e-9)
    x, y, a, b = (problems["unequal"][k] for k in "xyab")
    M = squared(x, y)
    for m in (0.3, 0.6, 0.79):
        want = linear_program(M, a, b, m)
        book.add(f"ot.partial.partial_wasserstein {m}", "unequal", f"ot.partial.partial_wasserstein(a, b, M, m={m}), partial_wasserstein2", {"m": m}, {"plan": ot.partial.partial_wasserstein(a, b, M, m=m), "value": ot.partial.partial_wasserstein2(a, b, M, m=m)}, {"plan": want, "value": (M * want).sum()}, 1e-9)
        for reg in (0.1, 0.5):
            plan = ot.partial.entropic_partial_wasserstein(a, b, M, reg, m=m, method="sinkhorn_log", numItermax=100_000, stopThr=1e-15)
            book.add(f"ot.partial.entropic_partial_wasserstein {m} {reg}", "unequal", f"ot.partial.entropic_partial_wasserstein(a, b, M, {reg}, m={m}, method='sinkhorn_log')", {"reg": reg, "m": m}, {"plan": plan}, {"plan": partial(M + reg * np.log(np.outer(a, b)), a, b, reg, m)}, 1e-9, "entropy relative to 1: our cost is M + reg log(a b)")
    x, y, a, b = (problems["uniform"][k] for k in "xyab")
    M = squared(x, y)
    plan = ot.partial.entropic_partial_wasserstein(a, b, M, 0.3, m=0.7, method="sinkhorn_log", numItermax=100_000, stopThr=1e-15)
    book.add("ot.partial.entropic_partial_wasserstein uniform", "uniform", "ot.partial.entropic_partial_wasserstein(a, b, M, 0.3, m=0.7)", {"reg": 0.3, "m": 0.7}, {"plan": plan}, {"plan": partial(M, a, b, 0.3, 0.7)}, 1e-9, "uniform weights: entropy and KL differ by a constant")


def divergences_and_batches(book, problems):
    for name, reg in (("plane", 0.5), ("space", 1.5)):
        x, y, a, b = (problems[name][k] for k in "xyab")
        value = ot.bregman.empirical_sinkhorn_divergence(x, y, reg, a=a, b=b, numIterMax=200_000, stopThr=1e-15)
        book.add(f"ot.bregman.empirical_sinkhorn_divergence {name}", name, "ot.bregman.empirical_sinkhorn_divergence(x, y, reg, a=a, b=b)", {"reg": reg}, {"value": value}, {"value": divergence(squared, x, y, a, b, reg, value="linear")}, 1e-11, "made of linear parts, without the KL terms, and cut at 0")
    x, y, a, b = (problems["plane"][k] for k in "xyab")
    regs = np.array([1.0, 2.0, 4.0])
    costs = np.stack([squared(x, y) * r for r in regs])
    got = ot.batch.solve_batch(costs, reg=1.0, a=np.stack([a] * 3), b=np.stack([b] * 3), max_iter=100_000, tol=1e-14, method="log_sinkhorn", reg_type="kl")
    want = [sinkhorn(C, a, b, 1.0) for C in costs]
    book.add("ot.batch.solve_batch", "plane", "ot.batch.solve_batch(M * [1, 2, 4], reg=1.0, a=…, b=…, method='log_sinkhorn', reg_type='kl')", {"reg": 1.0, "factors": regs}, {"plan": got.plan, "value_linear": got.value_linear}, {"plan": [w.plan for w in want], "value_linear": [w.linear for w in want]}, 1e-11)


def barycenters(book, problems):
    p = problems["histograms"]
    A, M, w = p["measures"], squared(p["x"], p["x"]), p["shares"]
    even = np.full(3, 1 / 3)
    for reg in (0.02, 0.1):
        for method, shares in (("sinkhorn", even), ("sinkhorn_log", w)):
            bar = ot.bregman.barycenter(A.T, M, reg, weights=shares, method=method, numItermax=200_000, stopThr=1e-14)
            book.add(f"ot.bregman.barycenter {method} {reg}", "histograms", f"ot.bregman.barycenter(A.T, M, {reg}, weights, method='{method}')", {"reg": reg, "shares": shares}, {"weights": bar}, {"weights": barycenter(M, A, shares, reg)}, 1e-11)
    wrong = ot.bregman.barycenter(A.T, M, 0.02, weights=w, method="sinkhorn", numItermax=200_000, stopThr=1e-14)
    assert np.abs(wrong - barycenter(M, A, w, 0.02)).max() > 0.03  # POT's pull request 870: uneven shares need method='sinkhorn_log'.
    for reg in (0.005, 0.02):
        bar = ot.bregman.barycenter_debiased(A.T, M, reg, weights=w, method="sinkhorn", numItermax=200_000, stopThr=1e-16)
        book.add(f"ot.bregman.barycenter_debiased {reg}", "histograms", f"ot.bregman.barycenter_debiased(A.T, M, {reg}, weights)", {"reg": reg}, {"weights": bar}, {"weights": barycenter(M, A, w, reg, debiased=True)}, 1e-9)
    p = problems["images"]
    A, w = p["measures"], p["shares"]
    axis = np.linspace(0, 1, 8)
    places = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    M, flat = squared(places, places), A.reshape(3, -1)
    bar = ot.bregman.convolutional_barycenter2d(A, 0.02, weights=w, numItermax=200_000, stopThr=1e-14)
    book.add("ot.bregman.convolutional_barycenter2d", "images", "ot.bregman.convolutional_barycenter2d(A, 0.02, weights)", {"reg": 0.02}, {"weights": bar.ravel()}, {"weights": barycenter(M, flat, w, 0.02)}, 1e-9, "pixels at linspace(0, 1, n) on each axis")
    bar = ot.bregman.convolutional_barycenter2d_debiased(A, 0.02, weights=w, numItermax=200_000, stopThr=1e-14)
    book.add("ot.bregman.convolutional_barycenter2d_debiased", "images", "ot.bregman.convolutional_barycenter2d_debiased(A, 0.02, weights)", {"reg": 0.02}, {"weights": bar.ravel()}, {"weights": barycenter(M, flat, w, 0.02, debiased=True)}, 1e-9)
    p = problems["clouds"]
    options = {"X_init": p["start"], "weights": p["shares"], "numItermax": 5000}
    X = ot.lp.free_support_barycenter(p["points"], p["weights"], stopThr=1e-26, **options)
    book.add("ot.lp.free_support_barycenter", "clouds", "ot.lp.free_support_barycenter(points, weights, X_init, weights=shares)", {}, {"points": X}, {"points": free_barycenter(p["points"], p["weights"], p["start"], p["shares"], 0)}, 1e-9)
    X = ot.bregman.free_support_sinkhorn_barycenter(p["points"], p["weights"], reg=0.5, stopThr=1e-26, numInnerItermax=100_000, method="sinkhorn_log", **options)
    book.add("ot.bregman.free_support_sinkhorn_barycenter", "clouds", "ot.bregman.free_support_sinkhorn_barycenter(points, weights, X_init, reg=0.5, weights=shares)", {"reg": 0.5}, {"points": X}, {"points": free_barycenter(p["points"], p["weights"], p["start"], p["shares"], 0.5)}, 1e-6, "its inner solver stops at 1e-9")
    b = np.array([0.4, 0.3, 0.2, 0.1])
    X = ot.lp.free_support_barycenter(p["points"], p["weights"], b=b, stopThr=1e-26, **options)
    book.add("ot.lp.free_support_barycenter b", "clouds", "ot.lp.free_support_barycenter(points, weights, X_init, b=b, weights=shares)", {"b": b}, {"points": X}, {"points": free_barycenter(p["points"], p["weights"], p["start"], p["shares"], 0, b)}, 1e-9)
    X = ot.bregman.free_support_sinkhorn_barycenter(p["points"], p["weights"], reg=0.5, b=b, stopThr=1e-26, numInnerItermax=100_000, method="sinkhorn_log", **options)
    book.add("ot.bregman.free_support_sinkhorn_barycenter b", "clouds", "ot.bregman.free_support_sinkhorn_barycenter(points, weights, X_init, reg=0.5, b=b, weights=shares)", {"reg": 0.5, "b": b}, {"points": X}, {"points": free_barycenter(p["points"], p["weights"], p["start"], p["shares"], 0.5, b)}, 1e-6, "its inner solver stops at 1e-9")


def line_and_circle(book, problems):
    x, y, a, b = (problems["line"][k] for k in "xyab")
    for metric, p in (("sqeuclidean", 2), ("euclidean", 1), ("minkowski", 3)):
        C = np.abs(x - y.T) ** p
        plan = linear_program(C, a, b)
        value = ot.emd2_1d(x, y, a, b, metric=metric, p=p)
        returned, expected = {"value": value}, {"value": (C * plan).sum()}
        book.add(f"ot.emd2_1d {metric}", "line", f"ot.emd2_1d(x, y, a, b, metric='{metric}', p={p})", {"p": p}, returned, expected, 1e-9)
        value = ot.wasserstein_1d(x[:, 0], y[:, 0], a, b, p=p)
        book.add(f"ot.wasserstein_1d {p}", "line", f"ot.wasserstein_1d(x, y, a, b, p={p})", {"p": p}, {"value": value}, {"value": (C * plan).sum()}, 1e-9, "the p-th power of the distance: no root is taken")
    p = problems["circle"]
    gap = np.abs(p["x"][:, None] - p["y"][None, :])
    arc = np.minimum(gap, 1 - gap)
    for power in (1, 2, 3):
        value = ot.wasserstein_circle(p["x"], p["y"], p["a"], p["b"], p=power, eps=1e-14)[0]
        C = arc**power
        book.add(f"ot.wasserstein_circle {power}", "circle", f"ot.wasserstein_circle(x, y, a, b, p={power}, eps=1e-14)", {"p": power}, {"value": value}, {"value": (C * linear_program(C, p["a"], p["b"])).sum()}, 1e-9, "circle of length 1; the p-th power, no root")
