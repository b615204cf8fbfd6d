import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { DomainError, FormatError } from '../../src/errors.ts';
import {
  directoryCheckpoint,
  formatCsv,
  formatNpy,
  parseCsv,
  parseNpy,
  readPoints,
  writeFileAtomic,
  writePoints,
} from '../../src/io/index.ts';
import { points, toRows } from '../../src/numerics/points.ts';

const folder = mkdtempSync(join(tmpdir(), 'viaduct-io-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file as NumPy writes it. */
function npy(descr: string, fortran: boolean, shape: string, payload: Uint8Array, version = 1): Uint8Array {
  const head = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }\n`;
  const size = version === 1 ? [head.length & 255, head.length >> 8] : [head.length & 255, head.length >> 8, 0, 0];
  return Uint8Array.from([0x93, ...Buffer.from('NUMPY'), version, 0, ...size, ...Buffer.from(head), ...payload]);
}
const bytes = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe('npy', () => {
  it('comes back as it was written, bit by bit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }), fc.infiniteStream(fc.double()), (n, m, stream) => {
        const data = Float64Array.from({ length: n * m }, () => stream.next().value as number);
        const back = parseNpy(formatNpy({ data, shape: [n, m] }));
        expect(back.shape).toEqual([n, m]);
        expect(Array.from(back.data)).toEqual(Array.from(data));
      }),
    );
  });

  it('starts its data at a multiple of 64 bytes', () => {
    for (const shape of [[1], [10], [3, 4], [100, 1]]) {
      const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
      expect((formatNpy({ data, shape }).length - 8 * data.length) % 64).toBe(0);
    }
  });

  it.each([
    ['<f4', bytes(Float32Array.of(1.5, -2)), [1.5, -2]],
    ['<i4', bytes(Int32Array.of(-7, 9)), [-7, 9]],
    ['|u1', Uint8Array.of(200, 3), [200, 3]],
    ['|b1', Uint8Array.of(1, 0), [1, 0]],
    ['<i8', bytes(BigInt64Array.of(-5n, 6n)), [-5, 6]],
    ['>f8', bytes(Float64Array.of(1, 2)).reverse(), [2, 1]],
    ['<u2', bytes(Uint16Array.of(65535, 1)), [65535, 1]],
  ] as const)('reads %s', (descr, payload, expected) => {
    expect(Array.from(parseNpy(npy(descr, false, '(2,)', payload)).data)).toEqual(expected);
  });

  it('reads Fortran order and version 2', () => {
    const payload = bytes(Float64Array.of(1, 4, 2, 5, 3, 6));
    expect(Array.from(parseNpy(npy('<f8', true, '(2, 3)', payload, 2)).data)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each([
    ['no magic', Uint8Array.of(1, 2, 3), /magic/],
    ['cut header', npy('<f8', false, '(2,)', new Uint8Array(0)).subarray(0, 20), /cut off/],
    ['cut data', npy('<f8', false, '(2,)', new Uint8Array(8)), /16 bytes/],
    ['complex numbers', npy('<c16', false, '(1,)', new Uint8Array(16)), /c16/],
    ['text', npy('<U4', false, '(1,)', new Uint8Array(16)), /understood/],
    ['an integer beyond doubles', npy('<i8', false, '(1,)', bytes(BigInt64Array.of(2n ** 60n + 1n))), /does not fit/],
  ] as const)('refuses %s', (_, file, words) => {
    expect(() => parseNpy(file)).toThrow(FormatError);
    expect(() => parseNpy(file)).toThrow(words);
  });
});

describe('csv', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()), { minLength: 1 }), (rows) => {
        const back = parseCsv(formatCsv(points(rows)));
        expect(back.columns).toEqual(['x1', 'x2']);
        expect(Array.from(back.data, (x) => x + 0)).toEqual(rows.flat().map((x) => x + 0));
      }),
    );
  });
  it('knows a header from numbers, and quotes', () => {
    expect(parseCsv('1,2\n3,4').columns).toEqual(['x1', 'x2']);
    expect(parseCsv('"a, b",c\n"1",2\n\n').columns).toEqual(['a, b', 'c']);
  });
  it.each([
    ['', /empty/],
    ['a,b\n', /no row/],
    ['a,b\n1,2\n3\n', /line 3 has 1/],
    ['a,b\n1,\n', /line 2, column 'b' is ''/],
    ['1,2\n1,x\n', /column|line/],
  ] as const)('refuses %j', (text, words) => {
    expect(() => parseCsv(text)).toThrow(words);
  });
});

describe('files', () => {
  it.each(['cloud.npy', 'cloud.csv'])('%s comes back', (name) => {
    const path = join(folder, name);
    writePoints(
      path,
      points([
        [0.1, -2],
        [3, 1e-300],
      ]),
    );
    expect(toRows(readPoints(path))).toEqual([
      [0.1, -2],
      [3, 1e-300],
    ]);
  });
  it('writes whole files or none, and leaves no temporary behind', () => {
    expect(() => writeFileAtomic(join(folder, 'no', 'such', 'folder.txt'), 'x')).toThrow(/folder that exists/);
    writeFileAtomic(join(folder, 'note.txt'), 'one');
    writeFileAtomic(join(folder, 'note.txt'), 'two');
    expect(readFileSync(join(folder, 'note.txt'), 'utf8')).toBe('two');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
  it('names what is wrong', () => {
    writeFileSync(join(folder, 'nan.npy'), formatNpy({ data: Float64Array.of(0, 1, Number.NaN, 2), shape: [2, 2] }));
    expect(() => readPoints(join(folder, 'nan.npy'))).toThrow(DomainError);
    expect(() => readPoints(join(folder, 'nan.npy'))).toThrow(/row 1, column 0/);
    expect(() => readPoints(join(folder, 'absent.csv'))).toThrow(/cannot be read/);
    expect(() => readPoints('cloud.txt')).toThrow(FormatError);
  });
});

it('the penguins are those of the package they come from', () => {
  const original = JSON.parse(
    readFileSync(new URL('../../node_modules/vega-datasets/data/penguins.json', import.meta.url), 'utf8'),
  ) as Record<string, unknown>[];
  const lines = readFileSync(new URL('../../examples/data/penguins.csv', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  expect(lines).toHaveLength(original.length);
  lines.forEach((line, i) => {
    const [species, , length, , , mass] = line.split(',');
    expect(species).toBe(original[i]!['Species']);
    expect(length).toBe(String(original[i]!['Beak Length (mm)'] ?? ''));
    expect(mass).toBe(String(original[i]!['Body Mass (g)'] ?? ''));
  });
});

describe('directoryCheckpoint', () => {
  it('keeps the last bytes in a folder that it makes, and clears what a killed save left', () => {
    const place = join(folder, 'deep', 'run');
    const checkpoint = directoryCheckpoint(place, { everySeconds: 5 });
    expect(checkpoint.everySeconds).toBe(5);
    expect(checkpoint.load()).toBeUndefined();
    checkpoint.save(Uint8Array.of(1, 2));
    checkpoint.save(Uint8Array.of(3));
    writeFileSync(join(place, 'checkpoint.viaduct.99.tmp'), 'half');
    writeFileSync(join(place, 'notes.tmp'), 'mine');
    expect(checkpoint.load()).toEqual(Uint8Array.of(3));
    expect(readdirSync(place).sort()).toEqual(['checkpoint.viaduct', 'notes.tmp']);
  });

  it('says which place cannot be used', () => {
    const file = join(folder, 'occupied');
    writeFileSync(file, 'a file');
    expect(() => directoryCheckpoint(join(file, 'run')).save(Uint8Array.of(1))).toThrow(FormatError);
    expect(() => directoryCheckpoint(join(file, 'run')).save(Uint8Array.of(1))).toThrow(/occupied\/run: cannot be made .* choose a place/);
    expect(() => directoryCheckpoint(file).load()).toThrow(FormatError);
    expect(() => directoryCheckpoint(file).load()).toThrow(/occupied: cannot be read .*; name a folder/);
    // The kernel's own folder takes no entries and calls itself missing: a recursion that believed it would never end.
    if (existsSync('/proc/self')) {
      expect(() => directoryCheckpoint('/proc/viaduct/run').save(Uint8Array.of(1))).toThrow(/run: cannot be made .* choose a place/);
    }
  });

  it('refuses what names no folder, and options that are none', () => {
    for (const directory of ['', 5, undefined]) {
      expect(() => directoryCheckpoint(directory as string)).toThrow(/^directoryCheckpoint: '.*' names no folder; pass 'run-1', say$/);
    }
    expect(() => directoryCheckpoint('run', { every: 5 } as object)).toThrow(/^directoryCheckpoint: unknown option 'every'/);
    expect(() => directoryCheckpoint('run', { everySeconds: -1 })).toThrow(
      /^directoryCheckpoint: everySeconds must be a number ≥ 0, got -1/,
    );
  });
});
