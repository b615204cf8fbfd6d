/** Solves L Y = B, L lower triangular and row-major, in place for `count` right-hand sides, B row-major n × count. */
export function solveLower(L: Float64Array, n: number, B: Float64Array, count: number): void {
  for (let i = 0; i < n; i++) {
    const own = B.subarray(i * count, (i + 1) * count);
    for (let k = 0; k < i; k++) {
      const factor = L[i * n + k]!;
      const other = B.subarray(k * count, (k + 1) * count);
      for (let r = 0; r < count; r++) own[r]! -= factor * other[r]!;
    }
    const pivot = L[i * n + i]!;
    for (let r = 0; r < count; r++) own[r]! /= pivot;
  }
}

/** Solves Lᵀ x = b in place. */
export function solveUpper(L: Float64Array, n: number, b: Float64Array): void {
  for (let i = n - 1; i >= 0; i--) {
    const value = b[i]! / L[i * n + i]!;
    b[i] = value;
    for (let k = 0; k < i; k++) b[k]! -= L[i * n + k]! * value;
  }
}
