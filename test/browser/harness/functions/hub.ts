/** Uploading to the Hub from a worker of the page. */
import { finish, toHeadlightError } from '../../../../src/base';
import { createWebPlatform } from '../../../../src/platform/web';
import { pushToHub } from '../../../../src/project';

export interface Pushed {
  readonly url: string | null;
  readonly message: string | null;
  readonly hint: string | null;
  /** Everything that IndexedDB, the caches and the progress events hold, as one text. */
  readonly kept: string;
}

export async function pushFiles(
  hubUrl: string,
  token: string,
  sizes: Readonly<Record<string, number>>,
): Promise<Pushed> {
  const files = new Map(
    Object.entries(sizes).map(([path, size]) => [
      path,
      Uint8Array.from({ length: size }, (_, at) => (at * at) % 251),
    ]),
  );
  const { network } = await createWebPlatform();
  const said: unknown[] = [];
  const destination = { repository: 'ada/inbox', token, private: true, hubUrl };
  let answer: Omit<Pushed, 'kept'>;
  try {
    const { url } = await finish(pushToHub(files, destination, network), (p) => said.push(p));
    answer = { url, message: null, hint: null };
  } catch (error) {
    const { message, hint } = toHeadlightError(error);
    answer = { url: null, message, hint };
  }
  return { ...answer, kept: JSON.stringify([said, await storedTexts()]) };
}

async function storedTexts(): Promise<unknown[]> {
  const texts: unknown[] = [];
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name ?? '');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('IndexedDB'));
    });
    for (const store of database.objectStoreNames) {
      const values = await new Promise<unknown[]>((resolve, reject) => {
        const request = database.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error ?? new Error('IndexedDB'));
      });
      texts.push(store, values.map(String), values);
    }
    database.close();
  }
  for (const name of await caches.keys())
    for (const { url } of await (await caches.open(name)).keys()) texts.push(url);
  return texts;
}
