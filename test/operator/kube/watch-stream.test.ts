import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GoneError, OversizedError, ProtocolError } from '../../../operator/kube/errors.ts';
import type { KubeObject } from '../../../operator/kube/object.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { type WatchEvent, watchEvents } from '../../../operator/kube/watch-stream.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const object = (name: string, version: number, text = '') => ({
  kind: 'Node',
  apiVersion: 'v1',
  metadata: { name, uid: name, resourceVersion: String(version), annotations: { text } },
});
const line = (type: string, thing: object) => `${JSON.stringify({ type, object: thing })}\n`;

async function* chunks(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    yield bytes.subarray(from, to);
    from = to;
  }
}

async function read(body: AsyncIterable<Buffer>, maxLineBytes?: number) {
  const events: WatchEvent<string>[] = [];
  const keep = ({ metadata }: KubeObject) => `${metadata.name}@${metadata.resourceVersion}`;
  const limit = maxLineBytes === undefined ? {} : { maxLineBytes };
  try {
    for await (const batch of watchEvents(body, { resource: resources.Node, keep, ...limit })) events.push(...batch);
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

const text = [
  line('ADDED', object('ä€𝄞', 1, 'ü\n"\\')),
  '\n',
  line('MODIFIED', object('b', 2)),
  line('BOOKMARK', { metadata: { resourceVersion: '3', annotations: { 'k8s.io/initial-events-end': 'true' } } }),
  line('DELETED', object('b', 4)),
].join('');
const bytes = Buffer.from(text);
const all = [
  { type: 'applied', item: 'ä€𝄞@1' },
  { type: 'applied', item: 'b@2' },
  { type: 'bookmark', version: '3', listed: true },
  { type: 'deleted', item: 'b@4' },
];

describe('watchEvents', () => {
  it('gives the same events however the bytes arrive', async () => {
    const cuts = fc.uniqueArray(fc.nat(bytes.length), { maxLength: 40 }).map((list) => list.toSorted((a, b) => a - b));
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        expect(await read(chunks(bytes, at))).toEqual({ events: all, error: undefined });
      }),
    );
  });

  it('gives the events before a cut, at every byte', async () => {
    const ends = [...text.matchAll(/\n/g)].map(({ index }) => Buffer.byteLength(text.slice(0, index + 1)));
    for (let at = 0; at < bytes.length; at += 1) {
      const { events, error } = await read(chunks(bytes.subarray(0, at), []));
      const whole = ends.filter((end) => end <= at);
      // The empty line is no event.
      expect(events).toEqual(all.slice(0, whole.length - (whole.length > 1 ? 1 : 0)));
      expect(error instanceof ProtocolError).toBe(at > (whole.at(-1) ?? 0));
    }
  });

  it('gives the events before a byte that is not UTF-8', async () => {
    for (let at = 0; at < bytes.length; at += 1) {
      const broken = Buffer.from(bytes);
      broken[at] = 0xff;
      const { events, error } = await read(chunks(broken, [10, 200]));
      expect(error).toBeInstanceOf(ProtocolError);
      expect(all.slice(0, events.length)).toEqual(events);
    }
  });

  it('refuses a line that does not end, and takes one of the same size that does', async () => {
    const long = Buffer.from(line('ADDED', object('a', 1, 'x'.repeat(3_000_000))));
    const pieces = Array.from({ length: Math.floor(long.length / 1000) }, (_, n) => n * 1000);
    expect((await read(chunks(long, pieces))).events).toHaveLength(1);
    expect((await read(chunks(long, pieces), 1_000_000)).error).toBeInstanceOf(OversizedError);
  });

  it('leaves nothing behind of what the kept part was parsed from', async () => {
    const count = 400;
    const body = async function* (): AsyncGenerator<Buffer> {
      for (let n = 0; n < count; n += 1)
        yield Buffer.from(line('ADDED', object(`node-${n}-of-many`, n, 'x'.repeat(50_000))));
    };
    const heap = (): number => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = heap();
    const { events } = await read(body());
    const perEvent = (heap() - before) / count;
    expect(events).toHaveLength(count);
    // A slice of a line, or one field of the object, would hold all 50,000 bytes of it.
    expect(perEvent).toBeLessThan(5000);
  });

  it('throws what an ERROR event says', async () => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
    const { error } = await read(chunks(Buffer.from(line('ERROR', status)), []));
    expect(error).toBeInstanceOf(GoneError);
    const busy = { kind: 'Status', code: 429, details: { retryAfterSeconds: 3 } };
    expect((await read(chunks(Buffer.from(line('ERROR', busy)), []))).error).toMatchObject({ retryAfterMs: 3000 });
  });
});
