export { type CsvTable, formatCsv, parseCsv } from './csv.ts';
export { readPoints, writeFileAtomic, writePoints } from './files.ts';
export { formatNpy, type NpyArray, parseNpy } from './npy.ts';
