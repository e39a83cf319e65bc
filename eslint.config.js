/**
 * Lint: what the types do not catch. Strict and type-checked; no rule can be switched off in a file
 * (`noInlineConfig`). Which room may import which is a test: test/unit/architecture.test.ts.
 */
import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

export default ts.config(
  {
    ignores: [
      'dist/',
      'dist-node/',
      'node_modules/',
      '.browsers/',
      'public/',
      'bench/results/',
      'test/browser/shots/',
    ],
  },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'off' } },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: {
      globals: { ...globals.browser, ...globals.node },
      parserOptions: {
        projectService: { allowDefaultProject: ['svelte.config.js'] },
        extraFileExtensions: ['.svelte'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': true }],
      // Numbers in messages are what people read; `${3}` is safe.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => promise.resolve()` as a one-line method is clearer than a block.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // `while (true)` with a return inside is how state machines read.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      // `async` turns a throw into a rejection, which is what callers of a Promise expect.
      '@typescript-eslint/require-await': 'off',
      // Jobs are generators; a job with nothing to report yet is still a job.
      'require-yield': 'off',
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: {
      // Only in components: a `$state` that is assigned in markup looks constant to the compiler.
      'prefer-const': 'off',
    },
  },
  {
    // Typed arrays under `noUncheckedIndexedAccess`: `values[at]!` within a loop's bounds is how numbers are read.
    files: ['src/learning/**', 'src/graph/**', 'bench/**', 'test/**'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['test/**', 'bench/**', 'tools/**', 'companion/**'],
    rules: { 'no-console': 'off' },
  },
  { files: ['**/*.js', '**/*.mjs'], extends: [ts.configs.disableTypeChecked] },
);
