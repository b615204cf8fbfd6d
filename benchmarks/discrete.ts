// npm run bench -- [options]: the end-to-end table of discrete transport. --help lists the options.
import { parseArgs } from 'node:util';
import type { Cell } from './discrete-cell.ts';
import { profile } from './discrete-profile.ts';
import { FAMILIES, type FamilyName } from './families.ts';

const { values } = parseArgs({
  options: {
    profile: { type: 'string' },
    points: { type: 'boolean', default: false },
    threads: { type: 'string' },
    seed: { type: 'string', default: '0' },
  },
});

function parseCell(text: string): Cell {
  const [family, n, eps, target] = text.split(',');
  if (!(String(family) in FAMILIES)) throw new Error(`--profile: no family '${family}'; use one of ${Object.keys(FAMILIES).join(', ')}`);
  return { family: family as FamilyName, n: Number(n ?? 1000), eps: Number(eps ?? 0.01), target: Number(target ?? 1e-6) };
}

if (values.profile !== undefined) {
  const threads = values.threads === undefined ? {} : { threads: Number(values.threads) as 1 };
  profile(parseCell(values.profile), values.points ? 'points' : 'matrix', threads, Number(values.seed));
}
