"""Training steps and simulation of drift networks in PyTorch, a second, on one and two threads.

Reads the cases as JSON from standard input and writes a line of JSON for each result. Adam is the fused one; everything that a careful user
leaves out is left out: no clipping, no average of weights, no transfer, gradients set to none. The best spell of four counts.
"""

import json
import sys
import time

import torch

ACTIVATIONS = {"silu": torch.nn.SiLU, "leaky-relu": torch.nn.LeakyReLU, "tanh": torch.nn.Tanh}


def perceptron(inputs, hidden, outputs, activation):
    sizes = [inputs, *hidden, outputs]
    layers = []
    for i, (n, m) in enumerate(zip(sizes, sizes[1:])):
        layers.append(torch.nn.Linear(n, m))
        if i + 2 < len(sizes):
            layers.append(ACTIVATIONS[activation]())
    return torch.nn.Sequential(*layers)


def rate(call):
    for _ in range(5):
        call()
    best = 0.0
    for _ in range(4):
        start, calls, elapsed = time.perf_counter(), 0, 0.0
        while elapsed < 0.25:
            call()
            calls += 1
            elapsed = time.perf_counter() - start
        best = max(best, calls / elapsed)
    return best


def training(case):
    net = perceptron(case["inputs"], case["hidden"], case["outputs"], case["activation"])
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    x, y = torch.randn(case["batch"], case["inputs"]), torch.randn(case["batch"], case["outputs"])

    def step():
        adam.zero_grad(set_to_none=True)
        ((net(x) - y) ** 2).sum(1).mean().backward()
        adam.step()

    return rate(step)


def simulation(case):
    d, steps, points, features = case["dimension"], case["steps"], case["points"], case["timeFeatures"]
    net = perceptron(d + 1 + features, case["hidden"], d, case["activation"])
    start = torch.randn(points, d)
    j = torch.arange(features)
    times = []
    for k in range(steps):
        angle = torch.pi * (k / steps) * (1 + j // 2)
        row = torch.cat([torch.tensor([2 * k / steps - 1]), torch.where(j % 2 == 0, angle.sin(), angle.cos())])
        times.append(row.expand(points, -1))

    @torch.no_grad()
    def run():
        x = start
        for k in range(steps):
            x = x + net(torch.cat([times[k], x], 1)) / steps + torch.randn(points, d) / steps**0.5

    return points * steps * rate(run)


def main():
    request = json.load(sys.stdin)
    torch.manual_seed(0)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        engine = f"PyTorch, {threads} thread{'s' if threads > 1 else ''}"
        for case in request["training"]:
            row = {"engine": engine, "name": case["name"], "rate": training(case), "version": torch.__version__}
            print(json.dumps(row), flush=True)
        case = request["simulation"]
        row = {"engine": engine, "name": case["name"], "rate": simulation(case), "version": torch.__version__}
        print(json.dumps(row), flush=True)


main()
