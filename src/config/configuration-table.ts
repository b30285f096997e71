import { variables, type Variable } from './variables.js';

/** The table of docs/configuration.md; `npm run docs:config` writes it there, a test compares the two. */
export function configurationTable(): string {
  const rows = Object.entries(variables as Record<string, Variable>).map(
    ([name, { fallback, about, secret }]) => {
      const standard = fallback === undefined ? '–' : `\`${fallback}\``;
      return `| \`${name}\` | ${standard} | ${about}${secret ? ' Secret: never logged.' : ''} |`;
    },
  );
  return ['| Variable | Default | Meaning |', '| --- | --- | --- |', ...rows].join('\n');
}
