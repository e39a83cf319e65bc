/**
 * What all-MiniLM-L6-v2 costs and loses in each precision on two public sets, and what onnxruntime's own quantisers
 * make of the same fp32 graph. Needs HEADLIGHT_MINILM and the data (HEADLIGHT_DATA: a folder with sst2-train.csv and
 * trec-train.csv, as bench/quality/prepare.py writes them); HEADLIGHT_PYTHON for the peers.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish } from '../../src/base';
import { createEngine, type ComparedPrecision } from '../../src/engine';
import { addFolder } from '../../src/models';
import { createNodePlatform } from '../../src/platform/node';
import { MINILM_FILES } from '../minilm';
import { MINILM, peer } from '../python';
import type { BenchResult, BenchTable, Cell } from '../report';

const SETS = ['sst2', 'trec'];
const ROWS = 1000;
/** Of the first set, for onnxruntime's quantisers. */
const PEER_TEXTS = 128;

interface PeerRow {
  readonly name: string;
  readonly bytes: number;
  readonly mean_cosine: number;
  readonly least_cosine: number;
  readonly milliseconds: number;
}

export async function bench(): Promise<BenchResult> {
  const data = process.env['HEADLIGHT_DATA'];
  if (MINILM === null || data === undefined)
    throw new Error('HEADLIGHT_MINILM and HEADLIGHT_DATA name the model and the data.');
  const scratch = await mkdtemp(join(tmpdir(), 'headlight-precision-'));
  const platform = await createNodePlatform({ home: join(scratch, 'home') });
  const engine = createEngine(platform);
  const folder = MINILM;
  const files = await Promise.all(
    MINILM_FILES.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) })),
  );
  try {
    const { info } = await finish(engine.addFolderEncoder('minilm', files, 'fp32'));
    const tables: BenchTable[] = [];
    for (const set of SETS) {
      const bytes = await readFile(join(data, `${set}-train.csv`));
      const project = await finish(engine.createProject([{ name: `${set}.csv`, bytes }]));
      const compared = await finish(
        engine.comparePrecisions(project.id, info.reference, info.defaults, {
          device: 'cpu',
          rows: ROWS,
          seed: 0,
        }),
      );
      tables.push({
        title: `Precisions of all-MiniLM-L6-v2 on ${set}`,
        method: `${compared.rows} training texts, Node CPU: a probe learned ${compared.learnedRows} of them and was tested on the other ${compared.testedRows}. Cosines and differences are to fp32 on the same texts; intervals 95 %, paired. ${load()}`,
        columns: ['', 'weights, MB', 'cosine, mean', 'least', 'accuracy', 'points', 'ms a text'],
        rows: compared.precisions.map(rowOf),
      });
      tables.push(...(set === SETS[0] ? await peers(scratch, files, bytes) : []));
    }
    return { name: 'precision', tables };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function rowOf(row: ComparedPrecision): readonly Cell[] {
  const { precision, bytes, meanCosine, leastCosine, value, against, millisecondsPerText } = row;
  const points = (share: number): string => (100 * share).toFixed(1);
  return [
    precision,
    (bytes / 1e6).toFixed(1),
    meanCosine === null ? '' : meanCosine.toFixed(6),
    leastCosine === null ? '' : leastCosine.toFixed(6),
    value === null ? '' : `${(100 * value).toFixed(1)} %`,
    against === null
      ? ''
      : `${points(against.difference)} (${points(against.interval[0])} to ${points(against.interval[1])})`,
    millisecondsPerText.toFixed(2),
  ];
}

/** onnxruntime's quantisers on the graph that Headlight builds in fp32, on the same tokens. */
async function peers(
  scratch: string,
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  csv: Uint8Array,
): Promise<BenchTable[]> {
  const texts = new TextDecoder()
    .decode(csv)
    .split('\n')
    .slice(1, PEER_TEXTS + 1)
    .map((line) => line.replace(/,[^,]*$/, ''));
  const exact = await finish(addFolder(null, 'minilm', files, 'fp32'));
  const graph = join(scratch, 'fp32.onnx');
  await writeFile(graph, exact.model.graph(exact.info.defaults));
  const ids = texts.map((text) => Array.from(exact.tokenizer.encode(text, 128)));
  await writeFile(join(scratch, 'ids.json'), JSON.stringify(ids));
  const own = await Promise.all(
    (['fp16', 'q8', 'q4'] as const).map(async (precision) => {
      const made = await finish(addFolder(null, 'minilm', files, precision));
      const path = join(scratch, `${precision}.onnx`);
      await writeFile(path, made.model.graph(exact.info.defaults));
      return `Headlight ${precision}=${path}`;
    }),
  );
  const found = await peer<{ rows: readonly PeerRow[] }>(
    new URL('./peer.py', import.meta.url),
    graph,
    join(scratch, 'ids.json'),
    ...own,
  );
  if (found === null) return [];
  return [
    {
      title: 'Beside onnxruntime’s own quantisers',
      method: `The fp32 graph above, made smaller by onnxruntime’s tools in Python, and Headlight’s files run by the same onnxruntime (CPU, one thread), on ${PEER_TEXTS} texts one at a time. ${load()}`,
      columns: ['', 'file, MB', 'cosine, mean', 'least', 'ms a text'],
      rows: found.rows.map(({ name, bytes, mean_cosine, least_cosine, milliseconds }) => [
        name,
        (bytes / 1e6).toFixed(1),
        mean_cosine.toFixed(6),
        least_cosine.toFixed(6),
        milliseconds.toFixed(2),
      ]),
    },
  ];
}

function load(): string {
  return `Load of the machine meanwhile: ${(loadavg()[0] ?? 0).toFixed(1)}.`;
}
