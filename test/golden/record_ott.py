"""What OTT-JAX returns, in float64. Its potentials carry the weights: P = exp((f + g - C) / epsilon)."""

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np
import ott
from book import Book
from ott.geometry import costs, geometry, grid, pointcloud
from ott.problems.linear import barycenter_problem
from ott.solvers import linear
from ott.solvers.linear import continuous_barycenter, discrete_barycenter, sinkhorn as ott_sinkhorn
from ott.tools import sinkhorn_divergence
from reference import barycenter, distance, divergence, free_barycenter, linear_program, sinkhorn, squared

TIGHT = {"threshold": 1e-14, "max_iterations": 200_000}


def record(problems):
    book = Book("OTT-JAX", ott.__version__)
    balanced(book, problems)
    unbalanced(book, problems)
    divergences(book, problems)
    grids(book, problems)
    barycenters(book, problems)
    return book.contents()


def cloud(problem):
    return (jnp.asarray(problem[k]) for k in "xyab")


def returned_by(out, scale=1.0):
    """The quantities of a SinkhornOutput, potentials brought to the constant where f has mean 0 (balanced problems fix it only up to one)."""
    f, g = np.asarray(out.f), np.asarray(out.g)
    return {
        "reg_ot_cost": out.reg_ot_cost * scale, "primal_cost": out.primal_cost * scale, "ent_reg_cost": out.ent_reg_cost * scale, "dual_cost": out.dual_cost * scale,
        "plan": out.matrix, "f": scale * (f - f.mean()), "g": scale * (g + f.mean()),
    }


def expected_of(want, a, b, eps, scale=1.0):
    f, g = want.f + eps * np.log(a), want.g + eps * np.log(b)
    entropy = -(a @ np.log(a)) - (b @ np.log(b))
    return {
        "reg_ot_cost": want.primal, "primal_cost": want.linear, "ent_reg_cost": want.linear - eps * want.entropy, "dual_cost": want.dual - eps * entropy,
        "plan": want.plan, "f": f - f.mean(), "g": g + f.mean(),
    }


def balanced(book, problems):
    for name, eps in (("plane", 0.4), ("space", 1.0)):
        x, y, a, b = cloud(problems[name])
        a_, b_ = np.asarray(a), np.asarray(b)
        C = squared(problems[name]["x"], problems[name]["y"])
        note = "dual_cost is <a, f> + <b, g> of potentials that carry the weights: reg_ot_cost minus epsilon times the entropies of a and b"
        out = linear.solve(pointcloud.PointCloud(x, y, epsilon=eps), a, b, **TIGHT)
        book.add(f"linear.solve PointCloud {name}", name, f"linear.solve(PointCloud(x, y, epsilon={eps}), a, b)", {"epsilon": eps}, returned_by(out), expected_of(sinkhorn(C, a_, b_, eps), a_, b_, eps), 1e-11, note)
        for how, factor in (("mean", C.mean()), ("max_cost", C.max())):
            out = linear.solve(pointcloud.PointCloud(x, y, epsilon=0.1, scale_cost=how), a, b, **TIGHT)
            book.add(f"linear.solve scale_cost {how} {name}", name, f"linear.solve(PointCloud(x, y, epsilon=0.1, scale_cost='{how}'), a, b)", {"epsilon": 0.1, "scale": factor}, {"plan": out.matrix, "reg_ot_cost": out.reg_ot_cost}, {"plan": sinkhorn(C, a_, b_, 0.1 * factor).plan, "reg_ot_cost": sinkhorn(C, a_, b_, 0.1 * factor).primal / factor}, 1e-11, "the cost is divided by the unweighted mean or the maximum, and so are the values")
        geom = pointcloud.PointCloud(x, y)
        out = linear.solve(geom, a, b, **TIGHT)
        eps = 0.05 * C.std()
        book.add(f"linear.solve default epsilon {name}", name, "linear.solve(PointCloud(x, y), a, b)", {"epsilon": eps}, {"epsilon": geom.epsilon, "reg_ot_cost": out.reg_ot_cost}, {"epsilon": eps, "reg_ot_cost": sinkhorn(C, a_, b_, eps).primal}, 1e-9, "0.05 times the standard deviation of the cost entries")
        geom = pointcloud.PointCloud(x, y, epsilon=0.1, relative_epsilon="mean")
        book.add(f"linear.solve relative_epsilon {name}", name, "linear.solve(PointCloud(x, y, epsilon=0.1, relative_epsilon='mean'), a, b)", {"epsilon": 0.1 * C.mean()}, {"epsilon": geom.epsilon, "reg_ot_cost": linear.solve(geom, a, b, **TIGHT).reg_ot_cost}, {"epsilon": 0.1 * C.mean(), "reg_ot_cost": sinkhorn(C, a_, b_, 0.1 * C.mean()).primal}, 1e-11, "the unweighted mean of the cost entries; values keep their unit")
    x, y, a, b = cloud(problems["plane"])
    X, Y, A, B = (problems["plane"][k] for k in "xyab")
    for cost, C in ((costs.Euclidean(), distance(X, Y)), (costs.SqPNorm(p=1.5), 0.5 * (np.abs(X[:, None] - Y) ** 1.5).sum(-1) ** (2 / 1.5)), (costs.PNormP(p=1.5), (np.abs(X[:, None] - Y) ** 1.5).sum(-1) / 1.5), (costs.Cosine(), 1 - (X @ Y.T) / np.outer(np.linalg.norm(X, axis=1), np.linalg.norm(Y, axis=1)))):
        out = linear.solve(pointcloud.PointCloud(x, y, cost_fn=cost, epsilon=0.3), a, b, **TIGHT)
        label = type(cost).__name__
        book.add(f"linear.solve {label}", "plane", f"linear.solve(PointCloud(x, y, cost_fn=costs.{label}({'p=1.5' if 'P' in label else ''}), epsilon=0.3), a, b)", {"epsilon": 0.3}, {"plan": out.matrix, "reg_ot_cost": out.reg_ot_cost}, {"plan": sinkhorn(C, A, B, 0.3).plan, "reg_ot_cost": sinkhorn(C, A, B, 0.3).primal}, 1e-8 if label == "Cosine" else 1e-11, "OTT adds 1e-8 to the norms" if label == "Cosine" else None)
    C, A, B = (problems["matrix"][k] for k in "Cab")
    out = linear.solve(geometry.Geometry(cost_matrix=jnp.asarray(C), epsilon=0.3), jnp.asarray(A), jnp.asarray(B), **TIGHT)
    book.add("linear.solve Geometry", "matrix", "linear.solve(Geometry(cost_matrix=C, epsilon=0.3), a, b)", {"epsilon": 0.3}, returned_by(out), expected_of(sinkhorn(C, A, B, 0.3), A, B, 0.3), 1e-11)


def unbalanced(book, problems):
    x, y, a, b = cloud(problems["unequal"])
    X, Y, A, B = (problems["unequal"][k] for k in "xyab")
    C, eps = squared(X, Y), 0.3
    for tau_a, tau_b in ((0.8, 0.8), (0.6, 0.9), (1.0, 0.7)):
        rho = [np.inf if t == 1 else eps * t / (1 - t) for t in (tau_a, tau_b)]
        want = sinkhorn(C + eps * np.log(np.outer(A, B)), A, B, eps, *rho)
        out = linear.solve(pointcloud.PointCloud(x, y, epsilon=eps), a, b, tau_a=tau_a, tau_b=tau_b, **TIGHT)
        side = lambda w, h, r: w @ h if r == np.inf else -r * w @ np.expm1(-h / r)
        bound = side(A, want.f - eps * np.log(A), rho[0]) + side(B, want.g - eps * np.log(B), rho[1]) - eps * (want.mass - A.sum() * B.sum())
        assert bound < sinkhorn(C, A, B, eps, *rho).primal - 0.03  # The optimum that its formula is meant for is larger.
        book.add(
            f"linear.solve tau {tau_a} {tau_b}", "unequal", f"linear.solve(PointCloud(x, y, epsilon=0.3), a, b, tau_a={tau_a}, tau_b={tau_b})", {"epsilon": eps, "tau": [tau_a, tau_b]},
            {"plan": out.matrix, "primal_cost": out.primal_cost, "f": out.f, "g": out.g, "reg_ot_cost": out.reg_ot_cost},
            {"plan": want.plan, "primal_cost": (want.plan * C).sum(), "f": want.f, "g": want.g, "reg_ot_cost": bound},
            1e-11, "tau = rho / (rho + epsilon). The plan minimises with KL relative to 1: our cost is C + epsilon log(a b). reg_ot_cost is the dual of the problem relative to a b at f - epsilon log a, g - epsilon log b: a lower bound of it, the optimum of neither problem",
        )


def divergences(book, problems):
    for name, eps in (("plane", 0.5), ("space", 1.5)):
        x, y, a, b = cloud(problems[name])
        X, Y, A, B = (problems[name][k] for k in "xyab")
        value, _ = sinkhorn_divergence.sinkdiv(x, y, epsilon=eps, a=a, b=b, solve_kwargs=TIGHT)
        gradient = jax.grad(lambda z: sinkhorn_divergence.sinkdiv(z, y, epsilon=eps, a=a, b=b, solve_kwargs=TIGHT)[0])(x)
        h, central = 1e-5, np.zeros_like(X)
        for index in np.ndindex(3, X.shape[1]):  # Three points are enough to check the sign and the factor.
            step = np.zeros_like(X)
            step[index] = h
            central[index] = (divergence(squared, X + step, Y, A, B, eps) - divergence(squared, X - step, Y, A, B, eps)) / (2 * h)
        assert np.abs(central[:3] - np.asarray(gradient)[:3]).max() < 1e-8
        book.add(f"sinkdiv {name}", name, f"sinkdiv(x, y, epsilon={eps}, a=a, b=b)", {"epsilon": eps}, {"divergence": value, "gradient": gradient}, {"divergence": divergence(squared, X, Y, A, B, eps), "gradient": gradient}, 1e-11, "the gradient in x was checked against central differences of the referee")
    x, y, a, b = cloud(problems["line"])
    X, Y, A, B = (problems["line"][k] for k in "xyab")
    C = squared(X, Y)
    value = linear.solve_univariate(pointcloud.PointCloud(x, y), a, b).ot_costs[0]
    book.add("linear.solve_univariate", "line", "linear.solve_univariate(PointCloud(x, y), a, b).ot_costs", {}, {"value": value}, {"value": (C * linear_program(C, A, B)).sum()}, 1e-11)


def grids(book, problems):
    first, second = problems["rectangles"]["measures"]
    for eps in (0.05, 0.3):
        geom = grid.Grid(grid_size=first.shape, epsilon=eps)
        places = np.stack(np.meshgrid(*(np.linspace(0, 1, n) for n in first.shape), indexing="ij"), -1).reshape(-1, 2)
        want = sinkhorn(squared(places, places), first.ravel(), second.ravel(), eps)
        out = linear.solve(geom, jnp.asarray(first.ravel()), jnp.asarray(second.ravel()), **TIGHT)
        f, g = np.asarray(out.f) - eps * np.log(first.ravel()), np.asarray(out.g) - eps * np.log(second.ravel())
        book.add(f"linear.solve Grid {eps}", "rectangles", f"linear.solve(Grid(grid_size=(4, 6), epsilon={eps}), a, b)", {"epsilon": eps}, {"reg_ot_cost": out.reg_ot_cost, "f": f - f.mean(), "g": g + f.mean()}, {"reg_ot_cost": want.primal, "f": want.f - want.f.mean(), "g": want.g + want.f.mean()}, 1e-11, "pixels at linspace(0, 1, n) on each axis; recorded are f - epsilon log a, g - epsilon log b, f of mean 0")


def barycenters(book, problems):
    p = problems["histograms"]
    M = squared(p["x"], p["x"])
    for eps in (0.005, 0.02):
        for debiased in (False, True):
            solver = discrete_barycenter.FixedBarycenter(threshold=1e-13, min_iterations=19_990 if debiased else 0, max_iterations=20_000, debiased=debiased, lse_mode=not debiased)
            out = solver(barycenter_problem.FixedBarycenterProblem(pointcloud.PointCloud(jnp.asarray(p["x"]), epsilon=eps), jnp.asarray(p["measures"]), weights=jnp.asarray(p["shares"])))
            book.add(f"FixedBarycenter {eps} {'debiased' if debiased else 'plain'}", "histograms", f"FixedBarycenter(debiased={debiased}, lse_mode={not debiased})(FixedBarycenterProblem(PointCloud(x, epsilon={eps}), measures, weights=shares))", {"epsilon": eps}, {"weights": out.histogram}, {"weights": barycenter(M, p["measures"], p["shares"], eps, debiased=debiased)}, 1e-9, "with lse_mode=True, the default, the debiased histogram is another one (0.1 apart at 0.005, 0.4 at 0.02)" if debiased else None)
            if debiased:  # The default mode goes elsewhere.
                default = discrete_barycenter.FixedBarycenter(threshold=1e-13, min_iterations=19_990, max_iterations=20_000, debiased=True)
                other = default(barycenter_problem.FixedBarycenterProblem(pointcloud.PointCloud(jnp.asarray(p["x"]), epsilon=eps), jnp.asarray(p["measures"]), weights=jnp.asarray(p["shares"])))
                assert np.abs(other.histogram - out.histogram).max() > 0.1
    p = problems["clouds"]
    flat = jnp.asarray(np.concatenate(p["points"]))
    problem = barycenter_problem.FreeBarycenterProblem(flat, jnp.asarray(np.concatenate(p["weights"])), weights=jnp.asarray(p["shares"]), epsilon=0.5, num_per_segment=(5, 8, 6), max_measure_size=8)
    solver = continuous_barycenter.FreeWassersteinBarycenter(ott_sinkhorn.Sinkhorn(threshold=1e-13, max_iterations=100_000), threshold=1e-16, max_iterations=500, min_iterations=499)
    out = solver(problem, bar_size=4, x_init=jnp.asarray(p["start"]))
    book.add("FreeWassersteinBarycenter", "clouds", "FreeWassersteinBarycenter(Sinkhorn())(FreeBarycenterProblem(points, weights, weights=shares, epsilon=0.5), bar_size=4, x_init=start)", {"epsilon": 0.5}, {"points": out.x}, {"points": free_barycenter(p["points"], p["weights"], p["start"], p["shares"], 0.5)}, 1e-9, "the points move to the barycentric image; the entropy of the plan is not seen by the points")
