/** Reads a Blob as the engine's worker does; tells each progress event, then the rows. */
import { finish } from '../../../src/base';
import { fileOfBlob, readTable, type Table } from '../../../src/data';

/** Kept, as a project keeps its table. */
const kept: Table[] = [];

self.onmessage = ({ data }: MessageEvent<Blob>) => {
  finish(readTable(fileOfBlob('rows.csv', data)), (progress) => self.postMessage({ progress }))
    .then((table) => {
      kept.push(table);
      self.postMessage({ rows: table.rowCount });
    })
    .catch((error: unknown) => self.postMessage({ error: String(error) }));
};
