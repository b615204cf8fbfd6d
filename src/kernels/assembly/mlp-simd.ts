/** Four numbers of single precision at a time. No relaxed instructions: the same bits on every machine. */

@inline export function mul(x: v128, y: v128): v128 { return f32x4.mul(x, y); }
@inline export function add(x: v128, y: v128): v128 { return f32x4.add(x, y); }
@inline export function mac(s: v128, x: v128, y: v128): v128 { return f32x4.add(s, f32x4.mul(x, y)); }
@inline export function set(x: f32): v128 { return f32x4.splat(x); }
