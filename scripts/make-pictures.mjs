// Draws the pictures of docs/ from the built package: npm run build && node scripts/make-pictures.mjs
import { mkdirSync, writeFileSync } from 'node:fs';
import {
  barycenter,
  bridgeMatching,
  bridgeProblem,
  brownian,
  costMatrix,
  dataMarginal,
  diffusionBridge,
  discreteMarginal,
  driftModels,
  entropicProblem,
  errorBudget,
  exactTransport,
  gaussianBridge,
  gaussianImf,
  gaussianIpf,
  gaussianMarginal,
  gridMarginal,
  histogram,
  implicitGradient,
  randomSource,
  shapes,
  sinkhorn,
  sinkhornBatch,
  sinkhornBridge,
  sinkhornDivergence,
  timeGrid,
  transportProblem,
} from '../dist/index.js';
import { plotCoupling, plotErrorBudget } from '../dist/plot/index.js';
import { COLOURS, canvas } from '../dist/plot/svg.js';

const directory = new URL('../docs/public/pictures/', import.meta.url);
mkdirSync(directory, { recursive: true });
const { Plot, draw } = await canvas();
// Two decimals are plenty for a picture, and make it a third as large.
const save = (name, svg) =>
  writeFileSync(new URL(`${name}.svg`, directory), `${svg.replace(/\d+\.\d{4,}/g, (x) => Number(x).toFixed(2))}\n`);

const labels = ['x', 'y'];
const draws = (shape, count, seed) => shape.sample(count, randomSource(seed));
const moons = dataMarginal(draws(shapes.moons(), 120, 1));
const eight = dataMarginal(draws(shapes.eightGaussians(), 120, 2));
const epsilon = { ofMeanCost: 0.01 };
save('plan', await plotCoupling(sinkhorn(entropicProblem({ source: moons, target: eight, epsilon })), { labels }));
save('exact', await plotCoupling(exactTransport(transportProblem({ source: moons, target: eight })), { labels }));

const cloud = (count, at, spread, seed) => {
  const random = randomSource(seed);
  return Array.from({ length: count }, () => at.map((m) => m + spread * random.normal()));
};
const [near, far] = [cloud(40, [0, 0], 0.4, 3), cloud(15, [6, 2], 0.3, 4)];
const source = discreteMarginal({ points: [...near, ...far] });
const target = discreteMarginal({ points: cloud(55, [1.5, 0.5], 0.5, 5) });
const tied = { source: { kl: 1 }, target: { kl: 1 } };
save('unbalanced', await plotCoupling(sinkhorn(entropicProblem({ source, target, epsilon: 0.05, marginals: tied })), { labels }));
const partial = { source: 'at-most', target: 'at-most', mass: 0.5 };
save('partial', await plotCoupling(sinkhorn(entropicProblem({ source, target, epsilon: 0.02, marginals: partial })), { labels }));

// Gradient flow of the divergence: every point moves by n times its share of the gradient.
const goal = dataMarginal(draws(shapes.circles(), 100, 6));
let points = cloud(100, [0, 0], 0.15, 7);
const tracks = points.map((p) => [p]);
for (let step = 0; step < 40; step++) {
  const { x } = sinkhornDivergence(entropicProblem({ source: discreteMarginal({ points }), target: goal, epsilon: 0.05 }), {
    tolerance: 1e-5,
  }).gradients();
  points = points.map((p, i) => p.map((v, k) => v - 0.1 * points.length * x.data[2 * i + k]));
  if (step % 4 === 3) points.forEach((p, i) => tracks[i].push(p));
}
save(
  'divergence',
  draw({
    ariaLabel: 'Points that follow the gradient of the Sinkhorn divergence onto a sample of two circles',
    aspectRatio: 1,
    marks: [
      ...tracks.map((track) => Plot.line(track, { strokeOpacity: 0.35, stroke: COLOURS.learned })),
      Plot.dot(
        Array.from({ length: goal.points.count }, (_, i) => [...goal.points.data.subarray(2 * i, 2 * i + 2)]),
        { fill: COLOURS.target, r: 2 },
      ),
      Plot.dot(points, { fill: COLOURS.source, r: 2.5 }),
    ],
  }),
);

const axis = Array.from({ length: 121 }, (_, i) => [i / 12]);
const bump = (at) => {
  const raw = axis.map(([x]) => Math.exp(-((x - at) ** 2)));
  return discreteMarginal({ points: axis, weights: raw.map((w) => w / raw.reduce((s, v) => s + v)) });
};
const measures = [bump(3), bump(7)];
const middle = (debiased) => barycenter({ measures, epsilon: 0.6, debiased }, { tolerance: 1e-6 }).marginal;
const curve = (marginal, stroke, name) =>
  Plot.line(
    axis.map(([x], i) => ({ x, weight: marginal.weights[i], name })),
    { x: 'x', y: 'weight', stroke, strokeWidth: 2 },
  );
save(
  'barycenter',
  draw({
    ariaLabel: 'Two bumps, their entropic barycenter, which is wider, and the debiased one, which is not',
    y: { label: 'weight' },
    marks: [
      curve(measures[0], COLOURS.source),
      curve(measures[1], COLOURS.source),
      curve(middle(false), COLOURS.target),
      curve(middle(true), COLOURS.learned),
      Plot.text(
        [
          [3, 0.05, 'measures'],
          [5, 0.039, 'plain'],
          [5, 0.05, 'debiased'],
        ],
        { x: '0', y: '1', text: '2' },
      ),
    ],
  }),
);

const heat = (matrix, ariaLabel, scheme) =>
  draw({
    ariaLabel,
    width: 460,
    height: 420,
    padding: 0,
    color: { scheme, legend: false, ...(scheme === 'RdBu' ? { pivot: 0, type: 'diverging' } : {}) },
    x: { label: 'target' },
    y: { label: 'source' },
    marks: [
      Plot.cell(
        matrix.flatMap((row, i) => row.map((value, j) => ({ i, j, value }))),
        { x: 'j', y: 'i', fill: 'value' },
      ),
    ],
  });
const side = discreteMarginal({ points: Array.from({ length: 16 }, (_, i) => [i / 15]) });
const problem = entropicProblem({ source: side, target: side, epsilon: 0.02 });
const one = Array.from({ length: 16 }, (_, i) => Array.from({ length: 16 }, (_, j) => (i === 7 && j === 8 ? 1 : 0)));
const derivative = implicitGradient(problem, sinkhorn(problem, { tolerance: 1e-12 }), { plan: one }).cost.to2DArray();
save('implicit', heat(derivative, 'How one entry of a plan changes with every cost', 'RdBu'));

const random = randomSource(8);
const bins = 24;
const costs = costMatrix(Array.from({ length: bins }, (_, i) => Array.from({ length: bins }, (_, j) => ((i - j) / bins) ** 2)));
const histograms = Array.from({ length: 12 }, (_, k) => {
  const raw = Array.from({ length: bins }, (_, i) => 0.01 + Math.exp(-((i - 2 * k - 1) ** 2) / 8) * (1 + 0.3 * random.uniform()));
  return histogram(raw.map((w) => w / raw.reduce((s, v) => s + v)));
});
const pairs = histograms.flatMap((a) => histograms.map((b) => entropicProblem({ source: a, target: b, cost: costs, epsilon: 0.01 })));
const answers = sinkhornBatch(pairs);
const distances = histograms.map((_, i) => histograms.map((_, j) => answers[12 * i + j].value.linear));
save('batch', heat(distances, 'Transport costs between all pairs of twelve histograms', 'YlGnBu'));

const size = 28;
const image = (inside) => {
  const raw = Array.from({ length: size * size }, (_, i) => (inside(Math.floor(i / size), i % size) ? 1 : 0));
  return gridMarginal({ shape: [size, size], weights: raw.map((w) => w / raw.reduce((s, v) => s + v)) });
};
const disc = image((r, c) => Math.hypot(r - 7, c - 7) < 5);
const ring = image((r, c) => Math.abs(Math.hypot(r - 18, c - 19) - 6) < 1.5);
const between = sinkhorn(entropicProblem({ source: disc, target: ring, epsilon: 2 }), { tolerance: 1e-6 });
const lit = (marginal) => [...marginal.weights.keys()].filter((i) => marginal.weights[i] > 0).map((i) => [i % size, Math.floor(i / size)]);
const from = lit(disc).filter((_, k) => k % 2 === 0);
const to = between.conditionalMean(from.map(([c, r]) => [r, c]));
save(
  'grid',
  draw({
    ariaLabel: 'A disc and a ring on a grid, with arrows of the barycentric map',
    aspectRatio: 1,
    width: 460,
    y: { reverse: true, label: 'row' },
    x: { label: 'column' },
    marks: [
      Plot.dot(lit(disc), { symbol: 'square', fill: COLOURS.source, r: 5, fillOpacity: 0.6 }),
      Plot.dot(lit(ring), { symbol: 'square', fill: COLOURS.target, r: 5, fillOpacity: 0.6 }),
      Plot.arrow(
        from.map(([c, r], i) => ({ c, r, c2: to.data[2 * i + 1], r2: to.data[2 * i] })),
        { x1: 'c', y1: 'r', x2: 'c2', y2: 'r2', strokeOpacity: 0.4, headLength: 5 },
      ),
    ],
  }),
);

const flat = (points) => Array.from({ length: points.count }, (_, i) => [...points.data.subarray(2 * i, 2 * i + 2)]);
const exactBridge = sinkhornBridge(bridgeProblem({ source: moons, target: eight, reference: brownian({ sigma: 0.3 }) }));
const walks = exactBridge.simulate({ count: 60, grid: timeGrid.uniform({ steps: 80 }), random: randomSource(9) });
save(
  'sinkhorn-bridge',
  draw({
    ariaLabel: 'Paths of the exact Schrödinger bridge between samples of two moons and eight Gaussians',
    aspectRatio: 1,
    marks: [
      Plot.line(
        walks.points.flatMap((points) => flat(points).map(([x, y], path) => ({ x, y, path }))),
        { x: 'x', y: 'y', z: 'path', strokeOpacity: 0.4, strokeWidth: 0.8, stroke: COLOURS.truth },
      ),
      Plot.dot(flat(moons.points), { fill: COLOURS.source, r: 2.5 }),
      Plot.dot(flat(eight.points), { fill: COLOURS.target, r: 2.5 }),
    ],
  }),
);

const line = (mean, covariance) => gaussianMarginal({ mean: [mean], covariance });
const counts = Array.from({ length: 15 }, (_, n) => n + 1);
const iterates = [1, 0.5].flatMap((sigma) => {
  const between = bridgeProblem({ source: line(-1, 1), target: line(1, 1), reference: brownian({ sigma }) });
  const truth = gaussianBridge(between).moments().crossCovariance.get(0, 0);
  return Object.entries({ IPF: gaussianIpf, IMF: gaussianImf }).flatMap(([name, law]) => {
    const sequence = law(between);
    return counts.map((n) => ({
      n,
      curve: `${name}, σ = ${sigma}`,
      name,
      sigma,
      error: Math.abs(sequence.iterate(n).moments().crossCovariance.get(0, 0) - truth),
    }));
  });
});
save(
  'iterates',
  draw({
    ariaLabel: 'Errors of the covariance of the ends against iterations of IPF and IMF for three references',
    marginRight: 90,
    x: { label: 'half-steps, projections', tickFormat: 'd' },
    y: { type: 'log', label: 'error of the covariance of the ends', grid: true, ticks: 5, tickFormat: '.0e', domain: [1e-8, 1] },
    marks: [
      Plot.line(iterates, {
        x: 'n',
        y: 'error',
        z: 'curve',
        stroke: ({ name }) => (name === 'IPF' ? COLOURS.source : COLOURS.target),
        strokeWidth: 2,
        clip: true,
      }),
      ...['start', 'end'].map((textAnchor) =>
        Plot.text(
          iterates.filter(
            ({ name, sigma, n }) => n === (name === 'IPF' ? 15 : 4) && (name === 'IMF' && sigma < 1 ? 'end' : 'start') === textAnchor,
          ),
          { x: 'n', y: 'error', text: 'curve', textAnchor, dx: textAnchor === 'start' ? 8 : -8 },
        ),
      ),
    ],
  }),
);

const learned = await bridgeMatching(
  bridgeProblem({ source: shapes.moons({ scale: 4 }), target: shapes.eightGaussians({ scale: 4 }), reference: brownian({ sigma: 1 }) }),
  {
    drift: driftModels.mlp({ hidden: [64, 64] }),
    iterations: 3,
    innerSteps: 1500,
    batchSize: 512,
    seed: 1,
  },
);
const grown = learned.simulate({ count: 500, grid: learned.grid, random: randomSource(10) });
const last = grown.points.length - 1;
const moments = [0, 0.25, 0.5, 0.75, 1];
save(
  'learned-bridge',
  draw({
    ariaLabel: 'A learned bridge from two moons to eight Gaussians at five times',
    width: 900,
    height: 225,
    fx: { label: 'time' },
    x: { axis: null },
    y: { axis: null },
    marks: [
      Plot.frame({ strokeOpacity: 0.2 }),
      Plot.dot(
        moments.flatMap((share) => flat(grown.points[Math.round(share * last)]).map(([x, y]) => ({ x, y, share }))),
        {
          x: 'x',
          y: 'y',
          fx: 'share',
          r: 1.2,
          fill: ({ share }) => (share === 0 ? COLOURS.source : share === 1 ? COLOURS.target : COLOURS.learned),
        },
      ),
    ],
  }),
);

const plane = (mean, covariance) => gaussianMarginal({ mean, covariance });
const judged = await diffusionBridge(
  bridgeProblem({
    source: plane(
      [0, 0],
      [
        [1, 0.3],
        [0.3, 0.5],
      ],
    ),
    target: plane(
      [1, -1],
      [
        [0.6, -0.2],
        [-0.2, 1.2],
      ],
    ),
    reference: brownian({ sigma: 1 }),
  }),
  { drift: driftModels.mlp({ hidden: [64, 64] }), iterations: 5, target: 'mean', innerSteps: 500, batchSize: 512, seed: 1 },
);
save('error-budget', await plotErrorBudget(await errorBudget(judged, { seeds: [2, 3] })));
