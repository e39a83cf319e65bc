/** The whole engine in the browser's worker, as the page has it: a training job from files to a run record. */
import { finish } from '../../../../src/base';
import { createEngine, type Engine, type RunView } from '../../../../src/engine';
import { DEFAULT_LOGISTIC } from '../../../../src/learning/heads';
import type { Device } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';

let made: Promise<Engine> | null = null;
const engine = (): Promise<Engine> => (made ??= createWebPlatform().then(createEngine));

async function file(path: string): Promise<{ name: string; bytes: Uint8Array }> {
  const response = await fetch(new URL(path, location.origin));
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return {
    name: path.replace(/^.*\//, ''),
    bytes: new Uint8Array(await response.arrayBuffer()),
  };
}

/**
 * @param paths of the data files, relative to the page's origin: one, or train and test
 * @param encoder a shipped one's id, or the folder (relative to the origin) and names of its files
 */
export async function trainInPage(
  paths: readonly string[],
  encoder: string | { folder: string; names: readonly string[] },
  device: Device,
): Promise<RunView> {
  const running = await engine();
  const project = await finish(running.createProject(await Promise.all(paths.map(file))));
  if (project.problem !== null) throw new Error(project.problem.message);
  let entry = (await running.listEncoders()).find(({ info }) => info.reference.id === encoder);
  if (typeof encoder !== 'string') {
    const files = await Promise.all(
      encoder.names.map(async (name) => ({ ...(await file(`${encoder.folder}/${name}`)), name })),
    );
    entry = await finish(running.addFolderEncoder(encoder.folder, files, 'fp32'));
  }
  if (entry === undefined) throw new Error(`no encoder ${JSON.stringify(encoder)}`);
  const { reference, defaults } = entry.info;
  const run = await finish(
    running.train(project.id, {
      encoder: reference,
      embed: defaults,
      device,
      head: DEFAULT_LOGISTIC,
    }),
  );
  await running.deleteProject(project.id);
  return run;
}
