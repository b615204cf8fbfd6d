// Writes examples/data/penguins.csv from the copy in the vega-datasets package (CC0; Gorman, Williams, Fraser 2014).
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const rows = JSON.parse(readFileSync(new URL('node_modules/vega-datasets/data/penguins.json', root), 'utf8'));
const columns = [
  ['species', 'Species'],
  ['island', 'Island'],
  ['beak_length_mm', 'Beak Length (mm)'],
  ['beak_depth_mm', 'Beak Depth (mm)'],
  ['flipper_length_mm', 'Flipper Length (mm)'],
  ['body_mass_g', 'Body Mass (g)'],
  ['sex', 'Sex'],
];
const cell = (value) => (value === null || value === undefined || value === '.' ? '' : value);
const text = [columns.map(([name]) => name).join(','), ...rows.map((row) => columns.map(([, key]) => cell(row[key])).join(','))].join('\n');
writeFileSync(new URL('examples/data/penguins.csv', root), `${text}\n`);
