"""Times one Python library on entropic optimal transport; started by `npm run bench:peers`.

    python discrete_peers.py LIBRARY        LIBRARY: pot, emd, ott, geomloss, regot

Reads one JSON object a line from standard input, {"dir", "family", "n", "eps", "target", "budget"}, and answers with one JSON object a
line for every solver of the library, then {"done": true}. The first line it writes names the versions. A problem lies in
DIR/FAMILY_N.{x,y,a,b,c}.npy; c is |x - y|^2 over its mean, so that eps is a multiple of the mean cost.

The rules are those of our own side. `error` is |P1 - a|_1 + |P'1 - b|_1 in float64 of the plan that came back. `seconds` is the best of
warm runs repeated for half a second, at least three (of one above 5 s), from the cost matrix to the plan or potentials. Solvers whose
stopping rule measures something else get the iterations or the tolerance that just suffice: finding them is not timed. `seconds: null`
means not reached within the budget.
"""

import json
import sys
import time
import warnings

import numpy as np

# Rules that look at one side, or at a norm of their own, may miss by this factor.
SLACK = 1.05


def l1(plan, a, b):
    plan = np.asarray(plan, np.float64)
    error = np.abs(plan.sum(1) - a).sum() + np.abs(plan.sum(0) - b).sum()
    return float(error) if np.isfinite(error) else float("inf")


def once(run):
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def timed(run):
    """Best seconds of the runs of half a second, at least three, or of one that takes more than 5 s, and the last result."""
    best, spent, runs = np.inf, 0.0, 0
    while runs == 0 or (best <= 5 and (runs < 3 or spent < 0.5)):
        seconds, result = once(run)
        best, spent, runs = min(best, seconds), spent + seconds, runs + 1
    return best, result


def reached(seconds, iterations, error, note=None):
    return dict(seconds=seconds, iterations=iterations, error=error, **({"note": note} if note else {}))


def missed(seconds, iterations, error, why):
    return dict(seconds=None, spent=seconds, iterations=iterations, error=error if np.isfinite(error) else None, note=why)


def fewest(run, error_of, target, budget):
    """Times the smallest number of iterations, to a tenth, that reaches the target."""
    below, k, before = 0, 10, None
    while True:
        seconds, result = once(lambda: run(k))
        error = error_of(result)
        if error <= target:
            break
        if not np.isfinite(error):
            return missed(seconds, k, error, "not finite")
        if k >= 2560 and error > 0.97 * before:
            return missed(seconds, k, error, "stuck")
        if 2 * seconds > budget:
            return missed(seconds, k, error, f"budget: {seconds:.1f} s for {k} iterations")
        below, k, before = k, 2 * k, error
    while k - below > max(1, 0.1 * k) and k > 10:
        middle = (k + below) // 2
        if error_of(run(middle)) <= target:
            k = middle
        else:
            below = middle
    seconds, result = timed(lambda: run(k))
    return reached(seconds, k, error_of(result))


def pot(C, a, b, eps, target, budget, points):
    import ot

    def error(plan):
        return l1(plan, a, b)

    found = None
    for name in ("sinkhorn_knopp", "sinkhorn_stabilized"):
        solver = getattr(ot.bregman, name)
        row = fewest(lambda k: solver(a, b, C, eps, numItermax=k, stopThr=0), error, target, budget)
        if name == "sinkhorn_knopp" and row["seconds"] is not None:
            found = row["iterations"]
        yield f"pot {name}", row

    def scaling(k):
        return ot.bregman.sinkhorn_epsilon_scaling(a, b, C, eps, numItermax=40, epsilon0=1, numInnerItermax=k, stopThr=0)

    yield "pot sinkhorn_epsilon_scaling", fewest(scaling, error, target, budget)

    def log(k):
        return ot.bregman.sinkhorn_log(a, b, C, eps, numItermax=k, stopThr=0)

    if found is None:
        yield "pot sinkhorn_log", fewest(log, error, target, budget)
        return
    # The same iterates as sinkhorn_knopp, each up to a hundred times dearer: beyond the budget a part is timed and multiplied.
    part = min(found, 50)
    seconds, _ = timed(lambda: log(part))
    if seconds * found / part > budget:
        yield "pot sinkhorn_log", reached(seconds * found / part, found, None, f"{part} iterations timed, multiplied")
        return
    seconds, plan = timed(lambda: log(found))
    yield "pot sinkhorn_log", reached(seconds, found, error(plan))


EXACT = {}


def emd(C, a, b, eps, target, budget, points):
    """The network simplex knows neither eps nor target: once a problem is enough."""
    import ot

    key = points[3]
    if key not in EXACT:
        EXACT.clear()
        seconds, plan = timed(lambda: ot.emd(a, b, C, numItermax=10**7))
        EXACT[key] = reached(seconds, 0, l1(plan, a, b))
    yield "pot emd", EXACT[key]


def ott(C, a, b, eps, target, budget, points):
    import jax

    jax.config.update("jax_enable_x64", True)
    from ott.geometry import epsilon_scheduler, geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import acceleration, sinkhorn

    cost, p, q = (jax.numpy.asarray(v) for v in (C, a, b))
    momentum = dict(momentum=acceleration.Momentum(value=1.5, start=100))
    decay = epsilon_scheduler.Epsilon(target=eps, init=max(1.0, 0.3 / eps), decay=0.9)
    variants = [
        ("log", {}, eps),
        ("kernel", dict(lse_mode=False), eps),
        ("log anderson(5)", dict(anderson=acceleration.AndersonAcceleration(memory=5)), eps),
        ("log momentum(1.5)", momentum, eps),
        ("log eps-decay(.9)", {}, decay),
        ("log eps-decay(.9) momentum(1.5)", momentum, decay),
    ]
    for name, options, epsilon in variants:
        limit, threshold = 200, target
        while True:
            solver = sinkhorn.Sinkhorn(threshold=threshold, norm_error=1, max_iterations=limit, inner_iterations=10, **options)

            def solve(c, p, q):
                return solver(linear_problem.LinearProblem(geometry.Geometry(cost_matrix=c, epsilon=epsilon), a=p, b=q))

            compiled = jax.jit(solve)
            jax.block_until_ready(compiled(cost, p, q))
            seconds, out = once(lambda: jax.block_until_ready(compiled(cost, p, q)))
            f, g = np.asarray(out.f), np.asarray(out.g)
            error = l1(np.exp((f[:, None] + g[None] - C) / eps), a, b)
            n = int(out.n_iters)
            if error <= SLACK * target:
                seconds, _ = timed(lambda: jax.block_until_ready(compiled(cost, p, q)))
                yield f"ott {name}", reached(seconds, n, error)
                break
            if np.isfinite(error) and n < limit and threshold > target / 10:
                threshold /= 2
                continue
            if not np.isfinite(error) or n < limit:
                yield f"ott {name}", missed(seconds, n, error, "stopped without reaching the target")
                break
            if 2 * seconds > budget:
                yield f"ott {name}", missed(seconds, n, error, f"budget: {seconds:.1f} s for {n} iterations")
                break
            # As many as the budget holds, at most eight times more: each limit compiles anew.
            limit = int(min(8 * limit, max(2 * limit, limit * budget / seconds)))


def geomloss(C, a, b, eps, target, budget, points):
    import torch
    from geomloss import SamplesLoss

    x, y, mean, _ = points
    X, Y = (torch.tensor(v * np.sqrt(2 / mean)) for v in (x, y))
    A, B = torch.tensor(a), torch.tensor(b)
    blur = float(np.sqrt(eps))
    for k, scaling in enumerate((0.5, 0.9, 0.99, 0.999)):
        loss = SamplesLoss("sinkhorn", p=2, blur=blur, scaling=scaling, debias=False, potentials=True, backend="tensorized")
        if k == 0:
            loss(A, X, B, Y)
        seconds, (f, g) = once(lambda: loss(A, X, B, Y))
        f, g = f.numpy().ravel(), g.numpy().ravel()
        error = l1(a[:, None] * b[None] * np.exp((f[:, None] + g[None] - C) / eps), a, b)
        if error <= target:
            seconds, _ = timed(lambda: loss(A, X, B, Y))
            yield "geomloss tensorized", reached(seconds, None, error, f"scaling {scaling}")
            return
        if scaling == 0.999 or 10 * seconds > budget:
            yield "geomloss tensorized", missed(seconds, None, error, f"no stopping rule; scaling {scaling}")
            return


def regot(C, a, b, eps, target, budget, points):
    import regot as library

    F = np.asfortranarray(C)
    for name in ("lbfgs_dual", "ssns", "splr", "sparse_newton"):
        solver, row = getattr(library, f"sinkhorn_{name}"), None
        for tolerance in (target, target / 4, target / 16, target / 100):
            limit = 100
            while True:
                seconds, answer = once(lambda: solver(F, a, b, eps, tolerance, limit))
                error = l1(answer.plan, a, b)
                if error <= target or answer.niter < limit or 3 * seconds > budget:
                    break
                limit *= 3
            if error <= target:
                seconds, answer = timed(lambda: solver(F, a, b, eps, tolerance, limit))
                row = reached(seconds, int(answer.niter), l1(answer.plan, a, b))
                break
            if 3 * seconds > budget or not np.isfinite(error):
                break
        yield f"regot {name}", row or missed(seconds, int(answer.niter), error, "stopped without reaching the target")


MODULES = dict(pot="POT", emd="POT", ott="ott-jax", geomloss="geomloss", regot="regot")


def versions(library):
    from importlib import metadata

    wanted = ["numpy", MODULES[library]] + dict(ott=["jax", "jaxlib"], geomloss=["torch"]).get(library, [])
    return dict(python=sys.version.split()[0], **{name.lower(): metadata.version(name) for name in wanted})


def main():
    library = sys.argv[1]
    warnings.filterwarnings("ignore")
    out = sys.stdout
    # Whatever a library prints must not stand between the lines of the protocol.
    sys.stdout = sys.stderr

    def say(**line):
        print(json.dumps(line), file=out, flush=True)

    say(versions=versions(library))
    loaded = {}
    for line in sys.stdin:
        cell = json.loads(line)
        base = f"{cell['dir']}/{cell['family']}_{cell['n']}"
        if base not in loaded:
            loaded = {base: [np.load(f"{base}.{key}.npy") for key in "xyabc"]}
        x, y, a, b, C = loaded[base]
        mean = float(((x[:, None, :1] - y[None, :, :1]) ** 2).mean())
        for k in range(1, x.shape[1]):
            mean += float(((x[:, None, k] - y[None, :, k]) ** 2).mean())
        solver = globals()[library]
        try:
            for name, row in solver(C, a, b, cell["eps"], cell["target"], cell["budget"], (x, y, mean, base)):
                say(solver=name, **row)
        except Exception as failure:  # a peer that fails is a result, not the end of the run
            say(solver=library, seconds=None, iterations=None, error=None, note=f"{type(failure).__name__}: {failure}"[:200])
        say(done=True)


main()
