"""[SF]2M of torchcfm on given arrays: the recipe of the package's own two-dimensional example.

    python torchcfm_two_d.py FOLDER OUT.json [--sigma 1] [--steps 10000] [--batch 256] [--euler 20] [--seed 0]

FOLDER holds source.npy and target.npy (training points), starts.npy (fresh points of the source) and noise.npy (standard normal,
euler - 1 x points x 2). Exact mini-batch couplings, a flow and a score network of the package's MLP (three hidden layers of 64, SELU),
AdamW 1e-3, 10 000 steps. Writes where the starts arrive after `euler` Euler steps of the process (last step without noise) and of the
flow, of every path the mean of |v|^2 over the inner nodes, and seconds.
"""

import argparse
import json
import time
from pathlib import Path

import numpy
import torch
from torchcfm.conditional_flow_matching import SchrodingerBridgeConditionalFlowMatcher
from torchcfm.models.models import MLP

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("out", type=Path)
parser.add_argument("--sigma", type=float, default=1.0)
parser.add_argument("--steps", type=int, default=10_000)
parser.add_argument("--batch", type=int, default=256)
parser.add_argument("--euler", type=int, default=20)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()

torch.set_num_threads(options.threads)
torch.manual_seed(options.seed)
numpy.random.seed(options.seed)
source, target, starts, noises = (
    torch.tensor(numpy.load(options.folder / f"{name}.npy"), dtype=torch.float32) for name in ("source", "target", "starts", "noise")
)
matcher = SchrodingerBridgeConditionalFlowMatcher(sigma=options.sigma)
flow, score = MLP(dim=2, time_varying=True, w=64), MLP(dim=2, time_varying=True, w=64)
optimiser = torch.optim.AdamW([*flow.parameters(), *score.parameters()], 1e-3)

begun = time.perf_counter()
for _ in range(options.steps):
    x0 = source[torch.randint(len(source), (options.batch,))]
    x1 = target[torch.randint(len(target), (options.batch,))]
    t, xt, ut, noise = matcher.sample_location_and_conditional_flow(x0, x1, return_noise=True)
    inputs = torch.cat([xt, t[:, None]], 1)
    weight = matcher.compute_lambda(t)[:, None]
    loss = ((flow(inputs) - ut) ** 2).mean() + ((weight * score(inputs) + noise) ** 2).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
seconds = time.perf_counter() - begun


def at(net, t, x):
    return net(torch.cat([x, torch.full((len(x), 1), t)], 1))


with torch.no_grad():
    step = 1 / options.euler
    along, paths, energies = starts, starts, torch.zeros(len(starts))
    for k in range(options.euler):
        t = k * step
        along = along + step * at(flow, t, along)
        velocity = at(flow, t, paths)
        if k > 0:
            energies += velocity.square().sum(1) / (options.euler - 1)
        paths = paths + step * (velocity + at(score, t, paths))
        if k + 1 < options.euler:
            paths = paths + options.sigma * step**0.5 * noises[k]

options.out.write_text(
    json.dumps({"paths": paths.tolist(), "flow": along.tolist(), "energies": energies.tolist(), "seconds": seconds})
)
