import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { Connection, ConnectionLost, QueueFull, RequestError } from '../../../lib/ovsdb/index.ts';
import { HandClock } from './hand-clock.ts';

let clock: HandClock;
let peer: Duplex;
let connection: Connection;
let ended: string[];
let notified: unknown[];
let received: string;

function open(options: Partial<ConstructorParameters<typeof Connection>[1]> = {}): void {
  const [ours, theirs] = duplexPair();
  [clock, peer, ended, notified, received] = [new HandClock(), theirs, [], [], ''];
  theirs.on('data', (chunk: Buffer) => (received += chunk.toString()));
  theirs.on('error', () => undefined);
  connection = new Connection(ours, {
    clock,
    probeInterval: 1000,
    maxMessage: 10_000,
    maxRequests: 5,
    maxBuffered: 1000,
    notified: (method, params) => notified.push([method, params]),
    ended: (reason) => ended.push(reason),
    ...options,
  });
}

/** What the peer has received since the last call. */
async function sent(): Promise<unknown[]> {
  await turn();
  await turn();
  const messages = received.replaceAll('}{', '}\n{').split('\n');
  received = '';
  return messages.filter((text) => text !== '').map((text) => JSON.parse(text) as unknown);
}

async function tell(...messages: unknown[]): Promise<void> {
  peer.write(messages.map((message) => JSON.stringify(message)).join(''));
  await turn();
  await turn();
}

beforeEach(() => open());

describe('requests', () => {
  it('are matched with replies by id, in any order', async () => {
    const results = [connection.request('a', [1]), connection.request('b', [2])];
    expect(await sent()).toEqual([
      { method: 'a', params: [1], id: 1 },
      { method: 'b', params: [2], id: 2 },
    ]);
    await tell({ id: 2, result: 'B', error: null }, { id: 1, result: 'A', error: null });
    expect(await Promise.all(results)).toEqual(['A', 'B']);
  });

  it('fail with what the server says', async () => {
    const failed = connection.request('a', []).catch((error: unknown) => error);
    await tell({ id: 1, result: null, error: { error: 'unknown database', details: 'x' } });
    expect(await failed).toBeInstanceOf(RequestError);
    expect(await failed).toMatchObject({ method: 'a', code: 'unknown database', details: 'x' });
  });

  it('fail with the connection, a transaction as uncertain', async () => {
    const failed = ['transact', 'other'].map(
      async (method) => await connection.request(method, []).catch((error: unknown) => error),
    );
    connection.end('enough');
    connection.end('again');
    expect(await Promise.all(failed)).toMatchObject([
      { message: 'enough', uncertain: true },
      { message: 'enough', uncertain: false },
    ]);
    expect(ended).toEqual(['enough']);
    await expect(connection.request('transact', [])).rejects.toMatchObject({ uncertain: false });
    await expect(connection.request('transact', [])).rejects.toBeInstanceOf(ConnectionLost);
  });

  it('are refused beyond the limit, in number and in bytes', async () => {
    const ignored = (): void => undefined;
    const call = (size: number): unknown =>
      connection.call('a', ['x'.repeat(size)], { result: ignored, failed: ignored });
    for (let count = 0; count < 5; count += 1) call(1);
    expect(() => call(1)).toThrow(QueueFull);
    open();
    peer.pause();
    expect(() => {
      for (let count = 0; count < 5; count += 1) call(100_000);
    }).toThrow(QueueFull);
  });

  it('hand over replies and notifications in the order of the wire', async () => {
    const order: unknown[] = [];
    open({ notified: (method) => order.push(method) });
    connection.call('a', [], { result: (value) => order.push(value), failed: (error) => order.push(error) });
    await tell(
      { id: null, method: 'one', params: [] },
      { id: 1, result: 'two', error: null },
      { id: null, method: 'three', params: [] },
    );
    expect(order).toEqual(['one', 'two', 'three']);
  });
});

describe('the peer', () => {
  it('gets its echo back, and an error for what we do not do', async () => {
    await tell({ id: 'e', method: 'echo', params: ['x'] }, { id: 7, method: 'steal', params: [] });
    expect(await sent()).toEqual([
      { id: 'e', result: ['x'], error: null },
      { id: 7, result: null, error: { error: 'unknown method', details: 'steal' } },
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['garbage', 'x', /no JSON object/],
    ['an unknown id', '{"id":9,"result":1,"error":null}', /a reply to nothing: id 9/],
    ['an id of 64 bits', '{"id":12345678901234567890}', /a reply to nothing: id 12345678901234567890/],
    ['an id that is an array', '{"id":[12345678901234567890]}', /a reply to nothing: id \[12345678901234567890\]/],
    ['an endless id', `{"id":"${'x'.repeat(1000)}"}`, /^a reply to nothing: id "x{79}$/],
    ['deep nesting', `{"id":${'['.repeat(1001)}`, /a message is nested more than 1000 deep/],
    ['no id at all', '{}', /a reply to nothing: id absent/],
    ['a notification without parameters', '{"id":null,"method":"update3"}', /update3 without parameters/],
  ])('ends the connection with %s, and nothing behind it is taken', async (_, text, reason) => {
    peer.write(`${text}{"id":null,"method":"later","params":[]}`);
    await turn();
    await turn();
    expect(ended).toEqual([expect.stringMatching(reason)]);
    expect(notified).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('gets integers of 64 bits back as they are', async () => {
    peer.write('{"id":12345678901234567890,"method":"echo","params":[-9223372036854775808]}');
    await turn();
    await turn();
    expect(received).toBe('{"result":[-9223372036854775808],"error":null,"id":12345678901234567890}');
    expect(ended).toEqual([]);
  });

  it('that answers twice ends the connection', async () => {
    const results: unknown[] = [];
    connection.call('a', [], { result: (value) => results.push(value), failed: (error) => results.push(error) });
    await tell({ id: 1, result: 'one', error: null }, { id: 1, result: 'two', error: null });
    expect(results).toEqual(['one']);
    expect(ended).toEqual(['a reply to nothing: id 1']);
  });

  it('that fails with an endless text gives a short reason', () => {
    connection.end('x'.repeat(10_000));
    expect(ended).toEqual(['x'.repeat(500)]);
  });

  it('that asks and asks without reading is left', async () => {
    const [ours, theirs] = duplexPair();
    connection = new Connection(ours, {
      clock,
      probeInterval: 0,
      maxMessage: 10_000,
      maxRequests: 1,
      maxBuffered: 1000,
      notified: () => undefined,
      ended: (reason) => ended.push(reason),
    });
    for (let count = 0; count < 100; count += 1) {
      theirs.write(JSON.stringify({ id: count, method: 'echo', params: ['x'.repeat(5000)] }));
      await turn();
    }
    expect(ended).toEqual(['asks without reading the answers']);
  });

  it.each([
    ['', 'closed by the server'],
    ['{"id":', 'closed within a message'],
  ])('that closes after %j is told apart', async (text, reason) => {
    peer.end(text);
    await turn();
    await turn();
    expect(ended).toEqual([reason]);
  });
});

describe('the probe', () => {
  it('asks after an interval of silence, and ends after another', async () => {
    clock.advance(999);
    expect(await sent()).toEqual([]);
    clock.advance(1);
    expect(await sent()).toEqual([{ method: 'echo', params: [], id: 1 }]);
    clock.advance(999);
    expect(ended).toEqual([]);
    clock.advance(1);
    expect(ended).toEqual(['no answer for 2000 ms']);
  });

  it('counts from the last byte, whatever it was', async () => {
    clock.advance(900);
    await tell({ id: null, method: 'update3', params: [] });
    clock.advance(900);
    expect(await sent()).toEqual([]);
    clock.advance(100);
    expect(await sent()).toHaveLength(1);
    await tell({ id: 1, result: [], error: null });
    clock.advance(1900);
    expect(ended).toEqual([]);
  });

  it('is not answered by other bytes that end', async () => {
    clock.advance(1000);
    expect(await sent()).toHaveLength(1);
    clock.advance(500);
    await tell({ id: null, method: 'update3', params: [] });
    clock.advance(500);
    expect(ended).toEqual([]);
    clock.advance(1000);
    expect(ended).toEqual(['no answer for 1500 ms']);
  });

  it('waits for its answer behind a large message that is coming', async () => {
    clock.advance(1000);
    for (let count = 0; count < 10; count += 1) {
      peer.write(count === 0 ? '{"id":null,"method":"update3","params":["' : 'x');
      await turn();
      await turn();
      clock.advance(900);
    }
    expect(ended).toEqual([]);
    expect(await sent()).toHaveLength(1);
  });

  it('does not wait for ever for the end of one message', async () => {
    const texts = ['{"id":null,"method":"one","params":[]}{"id":null,"method":"two","params":["'];
    for (let count = 0; count < 70 && ended.length === 0; count += 1) {
      peer.write(texts.pop() ?? 'x');
      await turn();
      await turn();
      clock.advance(999);
    }
    expect(notified).toEqual([['one', []]]);
    expect(ended).toEqual(['a message has not ended after 60939 ms']);
  });

  it('does not blame the peer for our own sleep', async () => {
    clock.advance(1000);
    clock.sleep(60_000);
    expect(ended).toEqual([]);
    await tell({ id: 1, result: [], error: null });
    clock.advance(1000);
    expect(ended).toEqual([]);
  });

  it('waits longer while a large answer is prepared', () => {
    connection.patience = 12;
    clock.advance(12_999);
    expect(ended).toEqual([]);
    clock.advance(1);
    expect(ended).toEqual(['no answer for 13000 ms']);
  });

  it('is off at interval 0', () => {
    open({ probeInterval: 0 });
    expect(clock.pending).toBe(0);
  });
});
