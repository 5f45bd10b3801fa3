// The first copy: from `start` to `synced` against the same request and JSON.parse of the same bytes.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { OvsdbServer } from '../../test/ovsdb-server.ts';
import { contest, figure } from '../compare.ts';
import type { Figure } from '../compare.ts';
import { product } from './product.ts';
import { monitorParams } from './scene.ts';

/** Raw reads until a reply to this has come; how long that is it has learned in a round that does not count. */
async function rawCopy(remote: string, length: number | undefined): Promise<{ bytes: number; id: string }> {
  const socket = connect({ path: remote.replace('unix:', '') });
  await once(socket, 'connect');
  const parts: Buffer[] = [];
  let received = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    received += part.length;
    if (length === undefined ? ends(parts) : received === length) resolve();
  });
  socket.write(JSON.stringify({ id: 0, method: 'monitor_cond_since', params: monitorParams() }));
  await promise;
  const { result } = JSON.parse(Buffer.concat(parts).toString('utf8')) as { result: [boolean, string, unknown] };
  socket.destroy();
  return { bytes: received, id: result[1] };
}

/** Whether the only message has come whole; tried where it may end, since each try parses all there is. */
function ends(parts: readonly Buffer[]): boolean {
  if (parts.at(-1)?.at(-1) !== 0x7d) return false;
  try {
    JSON.parse(Buffer.concat(parts).toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

export async function copies(
  server: OvsdbServer,
  { rows, pairs, goal }: { rows: number; pairs: number; goal?: number },
): Promise<Figure> {
  const ours = async (): Promise<number[]> => {
    const { session, replica, next } = product(server.remote, true);
    const synced = next();
    const started = performance.now();
    session.start();
    await synced;
    const took = performance.now() - started;
    if (replica?.size('Logical_Switch_Port') !== rows) throw new Error(`${replica?.size('Logical_Switch_Port')} rows`);
    await session.stop();
    return [took];
  };
  await ours();
  const { bytes } = await rawCopy(server.remote, undefined);
  const raw = async (): Promise<number[]> => {
    const started = performance.now();
    await rawCopy(server.remote, bytes);
    return [performance.now() - started];
  };
  const results = await contest({ pairs, product: ours, raw });
  const wanted = goal === undefined ? undefined : ({ percentile: 50, ratio: goal } as const);
  return { ...figure(`first copy of ${rows} ports`, results, 50, wanted), case: `${(bytes / 1e6).toFixed(1)} MB` };
}
