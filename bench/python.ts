/** The Python peers, where they are to be had. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Python with sentence-transformers and scikit-learn, or null. */
export const PYTHON = process.env['HEADLIGHT_PYTHON'] ?? null;
/** The folder of all-MiniLM-L6-v2 in fp32, or null. */
export const MINILM = process.env['HEADLIGHT_MINILM'] ?? null;

/** Runs a peer script and parses the JSON on its last line. null without a Python. */
export function peer<Result>(script: URL, ...args: readonly string[]): Promise<Result | null> {
  return peerBy<Result>(PYTHON, script, ...args);
}

/** As `peer`, by a Python of its own. */
export async function peerBy<Result>(
  python: string | null,
  script: URL,
  ...args: readonly string[]
): Promise<Result | null> {
  if (python === null) return null;
  const { stdout } = await run(python, [script.pathname, ...args], {
    maxBuffer: 2 ** 26,
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') as Result;
}
