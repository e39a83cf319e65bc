/**
 * The person's access token for gated and private models. It goes to the model host it was given for, in a header,
 * and nowhere else: `fetch` takes the header off where an answer leads to another origin. It stands in no address,
 * no error, no progress and no document.
 */
import { HeadlightError } from '../../base';
import type { Network } from '../../platform';
import { passOver } from './hub-api';

/** What a header can carry, and no more: a line's end in it would end up in the runtime's own error. */
const TOKEN = /^[\w.~+/=-]{4,500}$/;

/** @returns it without what was copied along. @throws HeadlightError `bad-setting`; the error does not hold it. */
export function checkHubToken(text: string): string {
  const token = text.trim();
  if (TOKEN.test(token)) return token;
  throw new HeadlightError('bad-setting', 'This cannot be an access token.', {
    hint: 'A token of the Hugging Face Hub starts with hf_ and holds letters and digits only. Copy it again from there: Settings, Access Tokens.',
  });
}

/**
 * The network with the token for requests to this host's own address, and with words for what the host answers to
 * it: a token that is refused and a model that is not open to the account are different things to do.
 *
 * @param host as `https://huggingface.co` or `https://mirror.example/hf`, without a `/` at its end
 */
export function withHubToken(network: Network, host: string, token: string): Network {
  return {
    requests: () => network.requests(),
    async fetch(url, init = {}) {
      if (!url.startsWith(`${host}/`)) return network.fetch(url, init);
      const headers = new Headers(init.headers);
      headers.set('Authorization', `Bearer ${token}`);
      const response = await network.fetch(url, { ...init, headers });
      const error = refusalOf(response, host, modelOf(url, host));
      if (error === null) return response;
      await passOver(response);
      throw error;
    },
  };
}

/** null: it is not about the token. */
function refusalOf(response: Response, host: string, model: string): HeadlightError | null {
  const { status, headers } = response;
  const code = headers.get('x-error-code');
  const said = headers.get('x-error-message') ?? '';
  // Where a download was led on to, the token was not sent along.
  const isHost = response.url === '' || response.url.startsWith(`${host}/`);
  const name = new URL(host).host;
  if (status === 401 && isHost) {
    return new HeadlightError('bad-setting', `${name} does not accept the token that is set.`, {
      hint: 'It is mistyped, expired or was deleted. Make one that may read, on the Hub under Settings, Access Tokens, and set it anew.',
    });
  }
  if (status === 403 && /fine-grained/i.test(said)) {
    return new HeadlightError('bad-setting', `The token that is set may not read gated models.`, {
      hint: 'Allow it on the Hub: Settings, Access Tokens, “Read access to contents of all public gated repos you can access”. Or make a token of the kind “Read”.',
    });
  }
  if (status === 403 && isHost) {
    return new HeadlightError('not-found', `${model} is gated, and not open to your account yet.`, {
      hint: `Open ${host}/${model}, agree to its conditions, wait where its owners decide, then start again. The token itself is accepted.`,
    });
  }
  if (status === 404 && code === 'RepoNotFound') {
    return new HeadlightError(
      'not-found',
      `There is no model ${model} on ${name} that your token may see.`,
      { hint: 'Check the spelling: owner/name. A private model needs a token of its owner.' },
    );
  }
  return null;
}

function modelOf(url: string, host: string): string {
  const path = url.slice(host.length + 1);
  const found = /^api\/models\/(.+?)\/revision\//.exec(path) ?? /^(.+?)\/resolve\//.exec(path);
  return found?.[1] ?? 'The model';
}
