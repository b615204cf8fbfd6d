import { describe, expect, it } from 'vitest';
import { distance, flat, goldenRecords } from '../golden/fixtures.ts';
import { OURS, type Recipes } from '../golden/our-answers.ts';
import { GEOMLOSS } from '../golden/recipes-geomloss.ts';
import { OTT } from '../golden/recipes-ott.ts';
import { POT } from '../golden/recipes-pot.ts';

function check(library: 'pot' | 'ott' | 'geomloss', recipes: Recipes): void {
  const records = goldenRecords(library);
  const known = records.flatMap((record) => {
    const recipe = recipes.find(([pattern]) => pattern.test(record.name));
    return recipe === undefined ? [] : [[record.name, record, recipe[1]] as const];
  });

  it('answers every record, and uses every recipe', () => {
    const answered = known.map(([name]) => name);
    expect(records.map(({ name }) => name)).toEqual(answered);
    for (const [pattern] of recipes) expect(answered.some((name) => pattern.test(name))).toBe(true);
  });

  it.each(known)('%s', (_, record, recipe) => {
    const ours = recipe(record);
    for (const [key, value] of Object.entries(record.returned)) {
      expect(distance(flat(ours[key] ?? Number.NaN), flat(value)), key).toBeLessThanOrEqual(record.tolerance + OURS);
    }
  });
}

describe('Coming from POT', () => check('pot', POT));
describe('Coming from OTT-JAX', () => check('ott', OTT));
describe('Coming from GeomLoss', () => check('geomloss', GEOMLOSS));
