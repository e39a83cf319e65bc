/**
 * `headlight-model.json` as it comes from elsewhere: beside the files of a model in a folder on the web, or in a zip.
 * It names exactly the files that belong to the model, with size and SHA-256. The same file stands beside a kept
 * model (`cache.ts`), so that a zip of one, unpacked on a web server, can be added from there.
 */
import * as v from 'valibot';
import { canonicalJson, HeadlightError, readJson, sha256 } from '../../base';

export const MANIFEST_NAME = 'headlight-model.json';
export const MOST_MANIFEST_BYTES = 2 ** 20;
const MOST_FILES = 500;
const MOST_FILE_BYTES = 16 * 2 ** 30;
const FORMAT = 'headlight.model';
const HINT = 'Make it anew with: npx headlight models manifest FOLDER';

const line = (most: number) =>
  v.pipe(v.string(), v.maxLength(most), v.regex(/^[^\p{Cc}]*$/u, 'a control character'));

const manifestFileSchema = v.object({
  name: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(300),
    v.check(isInside, 'outside the folder'),
  ),
  bytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST_FILE_BYTES)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

const schema = v.object({
  format: v.literal(FORMAT),
  version: v.literal(1),
  name: v.optional(line(200)),
  description: v.optional(line(400)),
  licence: v.optional(v.nullable(line(200)), null),
  files: v.pipe(v.array(manifestFileSchema), v.minLength(1), v.maxLength(MOST_FILES)),
  /** Of a kept model: where it came from. A folder on the web is where it is. */
  source: v.optional(v.picklist(['hub', 'folder', 'host', 'shipped'])),
  id: v.optional(line(200)),
  revision: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/))),
});

export type ModelManifest = v.InferOutput<typeof schema>;
export type ManifestFile = v.InferOutput<typeof manifestFileSchema>;

/**
 * @param where the manifest is from, for the error
 * @throws HeadlightError `bad-model` naming what is wrong with it.
 */
export function readManifest(bytes: Uint8Array, where: string): ModelManifest {
  const value = readJson(bytes, `${MANIFEST_NAME} of ${where}`, {
    maxBytes: MOST_MANIFEST_BYTES,
    maxDepth: 8,
    hint: HINT,
  });
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw bad(where, `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
  }
  const names = new Set(parsed.output.files.map(({ name }) => name.toLowerCase()));
  if (names.size < parsed.output.files.length) throw bad(where, 'it names a file twice');
  if (names.has(MANIFEST_NAME)) throw bad(where, 'it names itself');
  return parsed.output;
}

/** Of a model whose files these are: the same content has the same, whatever the manifest says beside it. */
export async function revisionOfFiles(files: readonly ManifestFile[]): Promise<string> {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sha256(canonicalJson(sorted.map(({ name, bytes, sha256: hash }) => [name, bytes, hash])));
}

/** What `npx headlight models manifest` writes. */
export function hostManifest(
  about: {
    readonly name: string;
    readonly description: string;
    readonly licence: string | null;
  },
  files: readonly ManifestFile[],
): Uint8Array {
  const text = JSON.stringify({ format: FORMAT, version: 1, ...about, files }, null, 2);
  return new TextEncoder().encode(`${text}\n`);
}

/** A path below the folder, with no part that another system would take for something else. */
function isInside(name: string): boolean {
  if (/[\\:\p{Cc}]/u.test(name)) return false;
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function bad(where: string, why: string): HeadlightError {
  return new HeadlightError('bad-model', `${MANIFEST_NAME} of ${where} cannot be used: ${why}.`, {
    hint: HINT,
  });
}
