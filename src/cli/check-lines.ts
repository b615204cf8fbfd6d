import { type Check, verdicts } from '../report/report.ts';

/** A line a check, aligned: `warn Stein residual  0.127  ≤ 0.1, fails above 0.3`. `shown` is what stands for the verdict. */
export function checkLines(checks: readonly Check[], shown: (check: Check) => string = ({ verdict }) => verdict): string[] {
  const figure = (value: number): string => String(Number(value.toPrecision(3)));
  const width = (of: (check: Check) => string): number => Math.max(0, ...checks.map((one) => of(one).length));
  const [first, second] = [width(shown), width(({ name }) => name)];
  return checks.map((one) => {
    const limit = one.limit > one.goal ? `, fails above ${figure(one.limit)}` : '';
    return `${shown(one).padEnd(first)} ${one.name.padEnd(second)} ${figure(one.value).padStart(9)}  ≤ ${figure(one.goal)}${limit}`;
  });
}

/** How many checks pass, warn and fail, in words. */
export function checkCount(checks: readonly Check[]): string {
  const { pass, warn, fail } = verdicts(checks);
  const others = [
    ...(warn > 0 ? [`${warn} ${warn === 1 ? 'warns' : 'warn'}`] : []),
    ...(fail > 0 ? [`${fail} ${fail === 1 ? 'fails' : 'fail'}`] : []),
  ];
  return [`${pass} of ${checks.length} checks pass`, ...others].join(', ');
}
