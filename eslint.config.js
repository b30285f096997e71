import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const frameworks = [
  '@nestjs/*',
  'typeorm',
  'kafkajs',
  '@platformatic/*',
  'pg',
  'rxjs',
  'rxjs/*',
  'fastify',
  'node:fs',
  'node:fs/*',
  'node:net',
  'node:http',
];

/** Pure cores: no framework, no I/O, no clock of their own; the shells pass everything in. */
const pure = { group: frameworks, message: 'core/ is pure: pass it in from the shell.' };

const imports = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });

/** Keeps imports out of folders. ESLint lets the last rule of a name win, so their cores are told both. */
const boundary = (folders, ...patterns) => [
  { files: folders.map((folder) => `src/${folder}/**/*.ts`), rules: imports(...patterns) },
  {
    files: folders.map((folder) => `src/${folder}/core/**/*.ts`),
    ignores: ['**/*.spec.ts'],
    rules: imports(pure, ...patterns),
  },
];

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '.data/', '.cache/', 'test/fixtures/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Nest modules are classes without members; decorators are their content.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        fetch: 'readonly',
        performance: 'readonly',
        URL: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
      },
    },
  },
  {
    files: ['src/dashboard/public/**/*.js'],
    languageOptions: {
      globals: {
        document: 'readonly',
        sessionStorage: 'readonly',
        AbortSignal: 'readonly',
        URLSearchParams: 'readonly',
        ResizeObserver: 'readonly',
        atob: 'readonly',
      },
    },
  },
  {
    files: ['src/**/core/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      ...imports(pure),
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'fetch'],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'core/ has no clock: pass the time in.' },
      ],
    },
  },
  // Aggregation and anomalies know nothing of ingestion or of a transport, nor does what builds on them.
  ...boundary(['aggregation', 'anomalies', 'daily-stats'], {
    group: ['**/ingestion/**', '**/replays/**', '**/transport/**', '**/simulator/**', 'kafkajs'],
    message:
      'Dependencies go one way: ingestion and replays → aggregation, anomalies; daily-stats → aggregation.',
  }),
  // Replays judge by the rules of ingestion, and have nothing to do with what else it does.
  ...boundary(
    ['replays'],
    {
      group: ['**/ingestion/*', '!**/ingestion/core'],
      message: 'Replays know the pure part of ingestion only: ingestion/core/.',
    },
    {
      group: ['**/daily-stats/**', '**/transport/*/**', '**/simulator/**', 'kafkajs'],
      message:
        'Dependencies go one way: replays → ingestion/core, aggregation, anomalies, the ports of transport.',
    },
  ),
  {
    files: ['**/*.spec.ts', 'test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', 'max-lines': 'off' },
  },
  prettier,
);
