/** The value below which that share of the sorted values lies, 0 to 1; NaN when there are none. */
export const quantile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;

/** @returns {{ median: number, min: number, max: number }} */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return {
    median: (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2,
    min: sorted[0],
    max: sorted.at(-1),
  };
}

/** A Markdown table, as it goes into docs/performance.md. */
export function table(head, rows) {
  const lines = [head, head.map(() => ''), ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => line[column].length)));
  return lines
    .map((line, number) => {
      const cells = line.map((cell, column) => cell.padEnd(widths[column], number === 1 ? '-' : ' '));
      return `| ${cells.join(' | ')} |`;
    })
    .join('\n');
}

/** With thousands separated. */
export const whole = (value) => Math.round(value).toLocaleString('en');
