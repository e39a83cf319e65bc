/**
 * `npm test`: every check and every test, all of them even when one fails. After both builds come the unit tests and then
 * those in browsers; what they leave of the processor goes to linting, format and types, which step back for them. The
 * output of what failed is shown; the last line counts checks and tests together.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { constants, setPriority, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { buildIfStale, ROOT } from './build';

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** The files that took longest, for whoever has to make the whole quicker. */
  readonly slowest?: readonly string[];
  /** Shown when something failed. */
  readonly output: string;
}
interface Step {
  readonly name: string;
  run(): Promise<Outcome>;
}

/** As many files as are named for being slow. */
const SLOWEST = 8;
const BIN = join(ROOT, 'node_modules');
const USUAL = constants.priority.PRIORITY_NORMAL;
const QUIETLY = ['--logLevel', 'warn'];
const reports = await mkdtemp(join(tmpdir(), 'headlight-test-'));

const BUILDS: readonly Step[] = [
  {
    name: 'build of the command line',
    run: () =>
      command(USUAL, 'vite/bin/vite.js', 'build', '--config', 'vite.node.config.ts', ...QUIETLY),
  },
  { name: 'build of the page', run: buildPage },
];
const TESTS: readonly Step[] = [
  tests('unit tests', 'unit'),
  tests('browser tests', 'browser', 'threads'),
];
const CHECKS: readonly Step[] = [
  check('lint and types', 'oxlint/bin/oxlint', '--type-aware', '--type-check', '--deny-warnings'),
  check('lint of components', 'eslint/bin/eslint.js', '.'),
  check('format', 'prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  check(
    'types of components',
    'svelte-check/bin/svelte-check',
    '--fail-on-warnings',
    '--tsconfig',
    './tsconfig.components.json',
  ),
];

let passed = 0;
let failed = 0;
await runAll(BUILDS);
await Promise.all([runAll(TESTS), runAll(CHECKS)]);
await rm(reports, { recursive: true, force: true });
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;

/** One after the other. */
async function runAll(steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const started = performance.now();
    process.stdout.write(`${step.name} …\n`);
    const outcome = await step.run();
    passed += outcome.passed;
    failed += outcome.failed;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (outcome.failed > 0) process.stdout.write(`${outcome.output}\n`);
    for (const line of outcome.slowest ?? []) process.stdout.write(`  ${line}\n`);
    process.stdout.write(`${step.name}: ${outcome.failed > 0 ? 'FAILED' : 'ok'}, ${seconds} s\n`);
  }
}

/** One command that must end with 0, and takes what others leave of the processor. */
function check(name: string, script: string, ...args: readonly string[]): Step {
  return { name, run: () => command(constants.priority.PRIORITY_LOW, script, ...args) };
}

async function command(
  priority: number,
  script: string,
  ...args: readonly string[]
): Promise<Outcome> {
  const { code, output } = await runNode([join(BIN, script), ...args], priority);
  return code === 0 ? { passed: 1, failed: 0, output } : { passed: 0, failed: 1, output };
}

async function buildPage(): Promise<Outcome> {
  try {
    await buildIfStale();
    return { passed: 1, failed: 0, output: '' };
  } catch (error) {
    return { passed: 0, failed: 1, output: error instanceof Error ? error.message : String(error) };
  }
}

/** Vitest projects, counted by their JSON report. */
function tests(name: string, ...projects: readonly string[]): Step {
  return {
    name,
    async run() {
      const report = join(reports, `${projects.join('-')}.json`);
      const { code, output } = await runNode([
        join(BIN, 'vitest/vitest.mjs'),
        'run',
        ...projects.map((project) => `--project=${project}`),
        ...['--reporter=default', '--reporter=json'],
        `--outputFile.json=${report}`,
      ]);
      const counts = await readReport(report);
      // Vitest can fail without a failed test: no tests at all, an error outside of one.
      const others = code !== 0 && counts.failed === 0 ? 1 : 0;
      return { ...counts, failed: counts.failed + others, output };
    },
  };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Milliseconds since the epoch. */
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

async function readReport(path: string): Promise<Omit<Outcome, 'output'>> {
  let report: VitestReport;
  try {
    report = JSON.parse(await readFile(path, 'utf8')) as VitestReport;
  } catch {
    return { passed: 0, failed: 1 }; // it did not get as far as a report; the output says why
  }
  let failures = 0;
  for (const { status, assertionResults } of report.testResults) {
    // A test that was skipped has not kept its promise.
    const broken = assertionResults.filter((result) => result.status !== 'passed').length;
    failures += broken === 0 && status === 'failed' ? 1 : broken;
  }
  const took = report.testResults.map(({ name, startTime, endTime }) => ({
    name: relative(ROOT, name),
    seconds: (endTime - startTime) / 1000,
  }));
  took.sort((a, b) => b.seconds - a.seconds);
  const slowest = took
    .slice(0, SLOWEST)
    .map(({ name, seconds }) => `${seconds.toFixed(0).padStart(4)} s  ${name}`);
  return { passed: report.numPassedTests, failed: failures, slowest };
}

function runNode(
  command: readonly string[],
  priority: number = USUAL,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Tests start the command line as it was built before them: see test/helpers/command.ts.
      env: { ...process.env, CI: '1', HEADLIGHT_NO_OPEN: '1', HEADLIGHT_BUILT: '1' },
    });
    if (child.pid !== undefined && priority !== USUAL) setPriority(child.pid, priority);
    const pieces: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece: Buffer) => pieces.push(piece));
    }
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code: code ?? 1, output: Buffer.concat(pieces).toString('utf8') });
    });
  });
}
