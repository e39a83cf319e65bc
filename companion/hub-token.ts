/**
 * The access token for gated and private models: from a file or the environment, never from a flag, which would stand
 * in the shell's history and in the list of processes.
 */
import { HeadlightError } from '../src/base';
import { DEFAULT_HOST } from '../src/models';
import { readBytes } from './files';

/** Of a file with a token; a larger one is another file. */
const MOST_BYTES = 10_000;

/**
 * The token for downloads; null: none. `$HF_TOKEN` is that of huggingface.co, where many have it set, and is not sent
 * to a mirror.
 *
 * @param host the mirror that models come from; null: huggingface.co
 * @throws HeadlightError `not-found`, `bad-file`.
 */
export async function downloadToken(
  file: string | undefined,
  host: string | null,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string | null> {
  if (file !== undefined) {
    const bytes = await readBytes(file);
    const token = bytes.length > MOST_BYTES ? '' : new TextDecoder().decode(bytes).trim();
    if (token !== '') return token;
    throw new HeadlightError('bad-file', `${file} holds no token.`, {
      hint: 'Put the token into it, and nothing else.',
    });
  }
  const own = environment['HEADLIGHT_HUB_TOKEN'] ?? '';
  if (own !== '') return own;
  const usual = environment['HF_TOKEN'] ?? '';
  const isHub = host === null || host.replace(/\/+$/, '') === DEFAULT_HOST;
  return usual !== '' && isHub ? usual : null;
}

/** For an upload to the host that the person names. @throws HeadlightError `bad-setting` without one. */
export function uploadToken(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment['HEADLIGHT_HUB_TOKEN'] ?? '';
  const token = own === '' ? (environment['HF_TOKEN'] ?? '') : own;
  if (token !== '') return token;
  throw new HeadlightError('bad-setting', '--push-to-hub needs a token of the Hugging Face Hub.', {
    hint: 'Put one with the permission to write into the environment variable HF_TOKEN. It is not stored.',
  });
}
