export { type CsvTable, formatCsv, parseCsv } from './csv.ts';
export { type DirectoryCheckpoint, directoryCheckpoint } from './directory-checkpoint.ts';
export { readPoints, writeFileAtomic, writePoints } from './files.ts';
export { formatNpy, type NpyArray, parseNpy } from './npy.ts';
