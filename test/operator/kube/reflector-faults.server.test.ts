import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RestartReason } from '../../../operator/kube/reflector.ts';
import { eventually } from '../../eventually.ts';
import type { Fault } from '../../faults/api-proxy.ts';
import { type Objects, Rig, watching } from './reflector-rig.ts';

let rig: Rig;
beforeAll(async () => {
  // Without its cache the API server reads etcd itself, so a compaction is felt at once; streaming lists work either way
  // only with an etcd that is newer than Debian's.
  rig = await Rig.start(['--watch-cache=false']);
});
afterAll(() => rig.stop());
afterEach(() => rig.rest());

const pages = { lists: 'pages', pageSize: 3 } as const;
const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `n${n}`);

async function filled(count: number): Promise<Objects> {
  const objects = rig.objects();
  await Promise.all(names(count).map((name) => objects.create(name, 'first')));
  return objects;
}

/** Eight changes one after the other; text of several bytes per character in each. */
async function stir(objects: Objects): Promise<void> {
  await objects.change('n0', 'ü'.repeat(1000));
  for (const name of ['n1', 'n2']) await objects.change(name, `zweiter Wert für ${name}: äöü€𝄞`);
  await objects.remove('n3');
  await objects.create('new', 'ünï');
  await objects.change('n4', 'x'.repeat(2000));
  await objects.remove('n5');
  await objects.change('n0', 'third');
}

const event = (line: string): { type: string; object: object } => JSON.parse(line) as never;
const refusal = (status: number, headers = {}): Fault => ({ answer: { status, headers } });

describe('a watch that breaks is resumed where it was', () => {
  it.each<[string, Fault, RestartReason]>([
    ['reset at byte 0', { at: { bytes: 0, and: 'cut' } }, 'failed'],
    ['reset within the first event', { at: { bytes: 100, and: 'cut' } }, 'failed'],
    ['reset within a later event', { at: { bytes: 3333, and: 'cut' } }, 'failed'],
    // The first event is a run of characters of two bytes there: one of the two is the middle of one.
    ['reset within a character, or between two', { at: { bytes: 1500, and: 'cut' } }, 'failed'],
    ['reset one byte later', { at: { bytes: 1501, and: 'cut' } }, 'failed'],
    ['closed in order within an event', { at: { bytes: 1500, and: 'end' } }, 'garbled'],
    ['silent within an event', { at: { bytes: 1500, and: 'stall' } }, 'stalled'],
    ['refused by closing', { refuse: true }, 'failed'],
    ['refused with 429', refusal(429, { 'Retry-After': '1' }), 'throttled'],
    ['refused with 500', refusal(500), 'failed'],
    ['refused with 503', refusal(503), 'failed'],
    ['garbled', { edit: (line, index) => (index === 2 ? line.slice(40) : line) }, 'garbled'],
    [
      'of an unknown event type',
      { edit: (line, n) => (n === 2 ? line.replace('MODIFIED', 'MOVED') : line) },
      'garbled',
    ],
    ['told of an error', { edit: (line, n) => (n === 2 ? errorLine(500) : line) }, 'failed'],
  ])('%s', async (_name, fault, reason) => {
    const objects = await filled(6);
    rig.proxy.next('watch', fault);
    const reflected = rig.reflect(objects.namespace, { ...pages, stallMs: 500 });
    await reflected.reflector.synced;
    await stir(objects);
    await reflected.equal(objects);
    // A stall is not over by the changes alone: the silent watch has to be given up first.
    await eventually(() => reflected.restarts[0] === reason, { what: `${reason}: ${reflected.restarts.join(' ')}` });
    expect(reflected.absent).toEqual([]);
    expect(rig.proxy.count('list')).toBe(2);
  });

  it.each<[string, Fault]>([
    ['in pieces of one byte', { pieces: 1 }],
    ['with every event twice', { edit: (line) => `${line}\n${line}` }],
    ['with empty lines', { edit: (line) => `\n${line}\n` }],
  ])('and nothing breaks %s', async (_name, fault) => {
    const objects = await filled(6);
    rig.proxy.next('watch', fault);
    const reflected = rig.reflect(objects.namespace, pages);
    await reflected.reflector.synced;
    await stir(objects);
    await reflected.equal(objects);
    expect(reflected.restarts).toEqual([]);
    expect(reflected.table.changes.filter((line) => line.endsWith('/n0'))).toHaveLength(3);
  });
});

describe('a position that is lost', () => {
  it('leads to a list when the watch says so in the stream, and nothing was missed', async () => {
    const objects = await filled(6);
    rig.proxy.next('watch', { edit: (line, n) => (n === 1 ? errorLine(410) : line) });
    const reflected = rig.reflect(objects.namespace, pages);
    await reflected.reflector.synced;
    await stir(objects);
    await reflected.equal(objects);
    expect(reflected.restarts).toContain('expired');
  });

  it('leads to a list when events come in another order than they happened', async () => {
    const objects = await filled(6);
    rig.proxy.next('watch', { edit: swapped() });
    const reflected = rig.reflect(objects.namespace, pages);
    await reflected.reflector.synced;
    await stir(objects);
    await reflected.equal(objects);
    expect(reflected.restarts).toContain('garbled');
    expect(rig.proxy.count('list')).toBeGreaterThan(2);
  });

  it('leads to a list when etcd has been compacted: what was deleted goes as one difference', async () => {
    const objects = await filled(6);
    const reflected = rig.reflect(objects.namespace, pages);
    await watching(reflected);
    const hold = Promise.withResolvers<void>();
    rig.proxy.next('position', { before: () => hold.promise });
    rig.proxy.cut();
    await stir(objects);
    await rig.api.compact();
    hold.resolve();
    await reflected.equal(objects);
    expect(reflected.restarts).toEqual(['failed', 'expired']);
    expect(reflected.absent.toSorted()).toEqual(['n3', 'n5'].map((name) => `${objects.namespace}/${name}`));
    expect(reflected.steps).toHaveLength(2);
    expect(reflected.steps[1]?.changes).toHaveLength(7);
  });

  it('begins the list anew when a page token has been compacted away', async () => {
    const objects = await filled(6);
    rig.proxy.next('list', {});
    const hold = Promise.withResolvers<void>();
    rig.proxy.next('list', { before: () => hold.promise });
    const reflected = rig.reflect(objects.namespace, pages);
    await eventually(() => rig.proxy.count('list') === 2);
    await stir(objects);
    await rig.api.compact();
    hold.resolve();
    await reflected.equal(objects);
    expect(reflected.steps).toHaveLength(1);
    expect(rig.proxy.passed.filter(({ kind }) => kind === 'list').map(({ url }) => url.includes('continue'))).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('is found when etcd was restored from a copy, and the list replaces what has never been', async () => {
    const objects = await filled(6);
    await rig.api.backup();
    const reflected = rig.reflect(objects.namespace, { lists: 'pages' });
    await watching(reflected);
    await stir(objects);
    await reflected.equal(objects);
    await rig.api.restore();
    await reflected.equal(objects);
    expect(reflected.restarts).toContain('restored');
    expect(reflected.steps.at(-1)?.changes).toHaveLength(7);
    await objects.change('n1', 'after');
    await reflected.equal(objects);
  });
});

describe('a list', () => {
  it.each<[string, Fault]>([
    ['cut within a page', { at: { bytes: 700, and: 'cut' } }],
    ['ended within a page', { at: { bytes: 700, and: 'end' } }],
    ['refused with 429', refusal(429, { 'Retry-After': '0' })],
    ['refused with 503', refusal(503)],
    ['that is not JSON', { edit: (line) => line.slice(1) }],
  ])('is begun anew when it was %s', async (_name, fault) => {
    const objects = await filled(6);
    rig.proxy.next('list', {});
    rig.proxy.next('list', fault);
    const reflected = rig.reflect(objects.namespace, pages);
    await reflected.equal(objects);
    expect(reflected.steps).toHaveLength(1);
  });

  it('that lacks many objects takes none of them away until a second one lacks them too', async () => {
    const objects = await filled(10);
    const reflected = rig.reflect(objects.namespace, { lists: 'pages', brake: { share: 0.2, count: 3 } });
    await watching(reflected);
    const lie = (line: string): string => JSON.stringify({ ...(JSON.parse(line) as object), items: [] });
    rig.proxy.next('watch', { answer: { status: 410 } });
    rig.proxy.next('list', { edit: lie });
    rig.proxy.cut();
    await eventually(() => reflected.log.lines.some(({ message }) => message.startsWith('list lacks many')));
    await watching(reflected);
    expect(reflected.table.changes).toHaveLength(10);
    expect(reflected.absent).toEqual([]);
    await reflected.equal(objects);
  });

  it.each<[string, Fault]>([
    ['cut before its end', { at: { bytes: 900, and: 'cut' } }],
    ['silent before its end', { at: { bytes: 900, and: 'stall' } }],
    ['without its last bookmark', { edit: (line) => (event(line).type === 'BOOKMARK' ? '' : line) }],
    ['refused as by a server of 1.26', { answer: { status: 422 } }],
    ['refused for its etcd', { edit: () => errorLine(500) }],
  ])('that streams is read by pages when it is %s', async (_name, fault) => {
    const objects = await filled(6);
    rig.proxy.next('stream', fault);
    const reflected = rig.reflect(objects.namespace, { pageSize: 3, stallMs: 500 });
    await reflected.equal(objects);
    expect(reflected.steps[0]?.changes).toHaveLength(6);
    expect(rig.proxy.count('list')).toBe(2);
    await stir(objects);
    await reflected.equal(objects);
  });

  it('that streams goes on as the watch', async () => {
    const objects = await filled(6);
    const reflected = rig.reflect(objects.namespace);
    await watching(reflected);
    await stir(objects);
    await reflected.equal(objects);
    expect(reflected.steps[0]?.changes).toHaveLength(6);
    expect(rig.proxy.passed).toHaveLength(1);
  });
});

describe('what is not allowed, or not there', () => {
  it('401: asks again with what the kubeconfig has now', async () => {
    const objects = await filled(2);
    rig.proxy.next('stream', { headers: { authorization: 'Bearer expired' } });
    const reflected = rig.reflect(objects.namespace);
    await reflected.equal(objects);
    expect([reflected.restarts, rig.proxy.count('stream')]).toEqual([[], 2]);
  });

  it('403: keeps its rows, says what right is missing, and goes on when it has it', async () => {
    const objects = await filled(2);
    const reflected = rig.reflect(objects.namespace);
    await watching(reflected);
    rig.proxy.next('position', { headers: { 'Impersonate-User': 'nobody' } });
    rig.proxy.cut();
    await eventually(() => reflected.restarts.includes('forbidden'));
    expect(reflected.table.size).toBe(2);
    const line = reflected.log.lines.find(({ level }) => level === 'error');
    expect(JSON.stringify(line)).toContain('cannot list resource');
    await objects.change('n0', 'later');
    await reflected.equal(objects);
  });

  it('an object longer than an event may be is read by a list', async () => {
    const objects = await filled(2);
    const reflected = rig.reflect(objects.namespace, { lists: 'pages', maxLineBytes: 10_000 });
    await watching(reflected);
    await objects.change('n0', 'x'.repeat(900_000));
    await reflected.equal(objects);
    expect(reflected.restarts).toEqual(['oversized']);
    await objects.change('n1', 'later');
    await reflected.equal(objects);
  });

  it('an API server that is killed and comes back; its rows stay meanwhile', async () => {
    const objects = await filled(6);
    const reflected = rig.reflect(objects.namespace);
    await watching(reflected);
    await rig.api.kill();
    await eventually(() => reflected.reflector.state.at === 'waiting');
    expect(reflected.table.size).toBe(6);
    await rig.api.start();
    await stir(objects);
    await reflected.equal(objects);
    expect([reflected.restarts[0], reflected.absent]).toEqual(['failed', []]);
  });
});

function errorLine(code: number): string {
  return JSON.stringify({ type: 'ERROR', object: { kind: 'Status', status: 'Failure', code, reason: 'Test' } });
}

/** The second and the third event change places. */
function swapped(): (line: string, index: number) => string {
  let held = '';
  return (line, index) => {
    if (index === 1) held = line;
    return index === 1 ? '' : index === 2 ? `${line}\n${held}` : line;
  };
}
