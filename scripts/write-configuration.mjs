// Writes the table of docs/configuration.md from the code: npm run docs:config
import { readFileSync, writeFileSync } from 'node:fs';
import { configurationTable } from '../dist/config/configuration-table.js';

const file = new URL('../docs/configuration.md', import.meta.url);
const text = readFileSync(file, 'utf8');
const table = `<!-- table -->\n\n${configurationTable()}\n\n<!-- /table -->`;
writeFileSync(
  file,
  text.replace(/<!-- table -->[\s\S]*<!-- \/table -->/, () => table),
);
