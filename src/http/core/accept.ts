/**
 * True when an `Accept` header likes `text/csv` more than JSON. A header that says nothing of CSV, or takes anything,
 * gets JSON.
 */
export function prefersCsv(accept: string | undefined): boolean {
  if (!accept?.includes('text/csv')) return false;
  const quality = { csv: 0, json: 0 };
  for (const range of accept.toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    const q = Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1);
    if (type === 'text/csv') quality.csv = q;
    if (type === 'application/json') quality.json = q;
  }
  return quality.csv > 0 && quality.csv >= quality.json;
}
