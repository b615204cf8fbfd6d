"""First passage of a Schrödinger bridge trained in PyTorch on the Gaussian table, on the arrays of benchmarks/drift-passage.ts.

    drift_passage_peer.py DIR

DIR has source, target, starts (n × d), mean and variance (nodes × d, exact) as .npy. A line of JSON on standard input for each recipe; every
half-step answers with its KL after so many training steps and seconds, evaluation not counted, until the level is reached. A recipe is trained
with the number of threads that trains it faster in a short trial. `pairs` says what half-step 1 learns from: the reference run from the source
(iterative proportional fitting) or independent pairs (bridge matching).
"""

import json
import math
import sys
import time

import numpy as np
import torch

TRIAL_STEPS = 150


def load(directory):
    names = ("source", "target", "starts", "mean", "variance")
    return {name: torch.from_numpy(np.load(f"{directory}/{name}.npy")) for name in names}


class Fit:
    """One run: two drifts, trained in turn."""

    def __init__(self, data, recipe):
        self.recipe = recipe
        self.source, self.target, self.starts = (data[name].float() for name in ("source", "target", "starts"))
        self.exact = data["mean"], data["variance"]
        self.count, self.dimension = self.source.shape
        self.nodes = len(data["mean"])
        t = torch.linspace(0, 1, self.nodes).unsqueeze(1)
        frequencies = math.pi * torch.arange(1, recipe["timeFeatures"] // 2 + 1)
        self.times = torch.cat([t, (frequencies * t).sin(), (frequencies * t).cos()], 1)
        self.random = torch.Generator().manual_seed(recipe["seed"])
        torch.manual_seed(recipe["seed"])
        self.drifts = {direction: self.network() for direction in ("backward", "forward")}
        if recipe["pairs"] == "reference":
            self.pairs = self.source, self.source + self.normal(self.source.shape)
        else:
            self.pairs = self.source, self.target[torch.randperm(self.count, generator=self.random)]

    def normal(self, shape):
        return torch.randn(shape, generator=self.random)

    def network(self):
        sizes = [self.dimension + self.times.shape[1], *self.recipe["hidden"], self.dimension]
        layers = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.SiLU()]
        return torch.nn.Sequential(*layers[:-1])

    def batch(self, direction):
        """Points of Brownian bridges between pairs of ends at random nodes, and the drift towards the end that the direction goes to."""
        size, last = self.recipe["batchSize"], self.nodes - 1
        rows = torch.randint(self.count, (size,), generator=self.random)
        first = 0 if direction == "forward" else 1
        nodes = torch.randint(first, last + first, (size,), generator=self.random)
        t = nodes.unsqueeze(1) / last
        start, end = self.pairs[0][rows], self.pairs[1][rows]
        x = torch.lerp(start, end, t) + (t * (1 - t)).sqrt() * self.normal(start.shape)
        towards = (end - x) / (1 - t) if direction == "forward" else (start - x) / t
        return torch.cat([x, self.times[nodes]], 1), towards

    def train(self, direction, steps):
        net, recipe = self.drifts[direction], self.recipe
        weights = list(net.parameters())
        average = [weight.detach().clone() for weight in weights]
        adam = torch.optim.Adam(weights, lr=recipe["learningRate"], fused=True)
        for step in range(steps):
            adam.param_groups[0]["lr"] = recipe["learningRate"] * 0.5 * (1 + math.cos(math.pi * step / steps))
            inputs, towards = self.batch(direction)
            adam.zero_grad(set_to_none=True)
            torch.nn.functional.mse_loss(net(inputs), towards).backward()
            adam.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, weights, 1 - recipe["ema"])
        with torch.no_grad():
            for weight, mean in zip(weights, average):
                weight.copy_(mean)

    @torch.no_grad()
    def simulate(self, direction, x):
        """The Euler chain: points at every node, in the order of time."""
        net, last = self.drifts[direction], self.nodes - 1
        path = [x]
        for k in range(last):
            time = self.times[k if direction == "forward" else last - k].expand(len(x), -1)
            x = x + net(torch.cat([x, time], 1)) / last + self.normal(x.shape) / math.sqrt(last)
            path.append(x)
        return path if direction == "forward" else path[::-1]

    def half_step(self, direction):
        self.train(direction, self.recipe["innerSteps"])
        path = self.simulate(direction, self.source if direction == "forward" else self.target)
        self.pairs = path[0], path[-1]

    def divergence(self, direction):
        """Mean over the nodes of the KL of a diagonal fit to fresh paths."""
        path = self.simulate(direction, self.starts if direction == "forward" else -self.starts)
        total = 0.0
        for x, m, v in zip(path, *self.exact):
            mean, variance = x.double().mean(0), x.double().var(0, unbiased=False)
            total += 0.5 * (variance / v - 1 - (variance / v).log() + (mean - m) ** 2 / v).sum().item()
        return total / self.nodes


def faster(data, recipe):
    """The number of threads that trains in less time."""
    seconds = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        trial = Fit(data, recipe)
        trial.train("backward", 20)
        start = time.perf_counter()
        trial.train("backward", TRIAL_STEPS)
        seconds[threads] = time.perf_counter() - start
    return min(seconds, key=seconds.get)


def main():
    data = load(sys.argv[1])
    for line in sys.stdin:
        recipe = json.loads(line)
        threads = faster(data, recipe)
        torch.set_num_threads(threads)
        clock = time.perf_counter()
        fit = Fit(data, recipe)
        seconds = time.perf_counter() - clock
        for half in range(1, recipe["halfSteps"] + 1):
            direction = "backward" if half % 2 else "forward"
            clock = time.perf_counter()
            fit.half_step(direction)
            seconds += time.perf_counter() - clock
            kl = fit.divergence(direction)
            answer = {"kl": kl, "seconds": seconds, "threads": threads, "version": torch.__version__}
            print(json.dumps({**answer, "done": kl <= recipe["level"] or half == recipe["halfSteps"]}), flush=True)
            if kl <= recipe["level"]:
                break


main()
