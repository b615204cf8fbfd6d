"""What GeomLoss returns, in float64. Its cost is |x - y|^p / p, its temperature blur^p, its penalty reach^p.

It has no stopping rule: the temperature falls from diameter^p by scaling^p a step, one averaged iteration each. CLOSE starts just above blur and falls
slowly, so that thousands of iterations happen at (nearly) the last temperature: the way to converge through the public call.
"""

from importlib.metadata import version

import numpy as np
import torch
from book import Book
from geomloss import SamplesLoss, sinkhorn_divergence
from reference import distance, divergence, sinkhorn, squared

INF = np.inf
COSTS = {2: lambda x, y: squared(x, y) / 2, 1: distance}


def close(blur):
    return {"diameter": blur * 1.0002, "scaling": 1 - 1e-8}


def record(problems):
    book = Book("GeomLoss", version("geomloss"))
    clouds(book, problems)
    usual(book, problems)
    images(book, problems)
    return book.contents()


def tensors(problem):
    return [torch.tensor(problem[k], dtype=torch.float64) for k in "axby"]


def clouds(book, problems):
    for name, p, blur, reach in (("plane", 2, 0.7, None), ("space", 2, 1.0, None), ("plane", 1, 0.4, None), ("unequal", 2, 0.7, 1.2), ("unequal", 1, 0.4, 0.8)):
        X, Y, A, B = (problems[name][k] for k in "xyab")
        cost, eps, rho = COSTS[p], blur**p, INF if reach is None else reach**p
        call = f"SamplesLoss('sinkhorn', p={p}, blur={blur}, reach={reach}, debias={{}}, potentials={{}})(a, x, b, y)"
        parameters = {"p": p, "blur": blur, "reach": reach}
        for debias in (False, True):
            if debias and p == 1:
                continue  # Its distance is bounded below by 1e-4, which moves the diagonal of the self-transports.
            loss = SamplesLoss("sinkhorn", p=p, blur=blur, reach=reach, debias=debias, backend="tensorized", **close(blur))
            value = loss(*tensors(problems[name])).item()
            if debias:
                want = divergence(cost, X, Y, A, B, eps, rho)
            else:
                own = sinkhorn(cost(X, Y), A, B, eps, rho, rho)
                # The unbalanced, biased value is meant for masses of 1: eps (ma mb - (ma + mb) / 2) is missing otherwise.
                want = own.primal - (0 if rho == INF else eps * (A.sum() * B.sum() - (A.sum() + B.sum()) / 2))
            note = None if rho == INF or debias else "smaller than the optimum by eps (mass a · mass b - (mass a + mass b) / 2); 0 for masses of 1"
            book.add(f"SamplesLoss {name} p={p} debias={debias}", name, call.format(debias, False), parameters, {"value": value}, {"value": want}, 1e-6, note)
        a, x, b, y = tensors(problems[name])
        for debias in (False, True):
            if debias and (p == 1 or reach is not None):
                continue
            f, g = (t.numpy().ravel() for t in SamplesLoss("sinkhorn", p=p, blur=blur, reach=reach, debias=debias, potentials=True, backend="tensorized", **close(blur))(a, x, b, y))
            own = sinkhorn(cost(X, Y), A, B, eps, rho, rho)
            f_want, g_want = own.f, own.g
            if debias:
                f_want, g_want = f_want - self_potential(cost(X, X), A, eps), g_want - self_potential(cost(Y, Y), B, eps)
            shift = (A @ (f - f_want)) if rho == INF else 0.0
            book.add(f"SamplesLoss potentials {name} p={p} debias={debias}", name, call.format(debias, True), parameters, {"f": f - shift, "g": g + shift}, {"f": f_want, "g": g_want}, 1e-6, "shifted to the referee's constant where it is free" if rho == INF else None)
        if p == 2 and reach is None:
            x = x.clone().requires_grad_(True)
            (gradient,) = torch.autograd.grad(SamplesLoss("sinkhorn", p=p, blur=blur, backend="tensorized", **close(blur))(a, x, b, y), [x])
            own, alone = sinkhorn(cost(X, Y), A, B, eps).plan, sinkhorn(cost(X, X), A, A, eps).plan
            want = A[:, None] * X - own @ Y - (A[:, None] * X - alone @ X)
            book.add(f"SamplesLoss gradient {name}", name, f"torch.autograd.grad({call.format(True, False)}, x)", parameters, {"x": gradient.numpy()}, {"x": want}, 1e-6)


def self_potential(C, a, eps):
    """The symmetric potential of a with itself."""
    own = sinkhorn(C, a, a, eps)
    return (own.f + own.g) / 2


def usual(book, problems):
    """The call as people write it: how far its default schedule is from the optimum it stands for."""
    X, Y, A, B = (problems["plane"][k] for k in "xyab")
    for scaling, tolerance in ((0.5, 0.1), (0.9, 0.05), (0.99, 0.01)):
        value = SamplesLoss("sinkhorn", p=2, blur=0.5, scaling=scaling, backend="tensorized")(*tensors(problems["plane"])).item()
        book.add(f"SamplesLoss scaling {scaling}", "plane", f"SamplesLoss('sinkhorn', p=2, blur=0.5, scaling={scaling})(a, x, b, y)", {"p": 2, "blur": 0.5, "reach": None}, {"value": value}, {"value": divergence(COSTS[2], X, Y, A, B, 0.25)}, tolerance, "the schedule ends before the iteration has converged")


def images(book, problems):
    """On grids the diameter is fixed at 1, so that only a slow schedule converges; needs pykeops and a C++ compiler."""
    axis = np.arange(8) / 8
    places = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    first, second = problems["images"]["measures"][:2]
    one, two = (torch.tensor(image, dtype=torch.float64)[None, None] for image in (first, second))
    for scaling, debias, limit in ((0.999, True, 1e-7), (0.999, False, 1e-7), (0.5, True, 0.03)):
        value = sinkhorn_divergence(one, two, p=2, blur=0.125, scaling=scaling, debias=debias).item()
        want = divergence(COSTS[2], places, places, first.ravel(), second.ravel(), 0.125**2)
        if not debias:
            want = sinkhorn(COSTS[2](places, places), first.ravel(), second.ravel(), 0.125**2).primal
        note = "pixels at k / N, a spacing of 1 / N" if scaling > 0.5 else "the default schedule: 0.054 for an optimum of 0.076"
        book.add(f"sinkhorn_divergence images scaling={scaling} debias={debias}", "images", f"sinkhorn_divergence(a[0], a[1], p=2, blur=0.125, scaling={scaling}, debias={debias})", {"p": 2, "blur": 0.125}, {"value": value}, {"value": want}, limit, note)
