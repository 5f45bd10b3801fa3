import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { into, Mirror } from '../../../operator/kube/mirror.ts';
import { compareVersions, type KubeObject } from '../../../operator/kube/object.ts';
import { FakeTable } from './fake.ts';

const object = (name: string, version: number, value = ''): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, uid: name, resourceVersion: String(version), annotations: { value } },
});

const rig = (project = (o: KubeObject) => o.metadata.annotations?.value) => {
  const table = new FakeTable<string>();
  const failures: string[] = [];
  const mirror = new Mirror([into(table, project)], (key) => failures.push(key));
  const list = (version: number, ...objects: KubeObject[]) => ({
    version: String(version),
    items: objects.map((o) => mirror.seen(o)),
  });
  return { table, mirror, failures, list };
};

describe('Mirror', () => {
  it('takes a list as one difference', () => {
    const { table, mirror, list } = rig();
    mirror.relist(list(10, object('a', 5, 'x'), object('b', 6, 'y')));
    table.changes.length = 0;
    mirror.relist(list(20, object('b', 6, 'y'), object('c', 15, 'z')));
    expect(table.changes).toEqual(['set c', 'delete a']);
    expect(mirror.position).toBe('20');
  });

  it('does not resurrect a deleted object from the answer to our own write', () => {
    const { table, mirror, list } = rig();
    mirror.relist(list(10));
    mirror.event('applied', mirror.seen(object('a', 11, '1')));
    mirror.event('deleted', mirror.seen(object('a', 13)));
    expect(mirror.ingest(mirror.seen(object('a', 12, 'ours')))).toBe(false);
    expect(table.size).toBe(0);
  });

  it('lets our own write in before the watch, and older events do not undo it', () => {
    const { table, mirror, list } = rig();
    mirror.relist(list(10, object('a', 5, 'old')));
    expect(mirror.ingest(mirror.seen(object('a', 14, 'ours')))).toBe(true);
    mirror.event('applied', mirror.seen(object('a', 12, 'between')));
    expect(table.get('a')).toBe('ours');
    mirror.event('applied', mirror.seen(object('a', 14, 'ours')));
    mirror.event('applied', mirror.seen(object('a', 15, 'later')));
    expect(table.get('a')).toBe('later');
  });

  it('keeps an object that we made while an older list was on its way', () => {
    const { table, mirror, list } = rig();
    mirror.relist(list(10));
    mirror.ingest(mirror.seen(object('new', 25, 'ours')));
    const older = list(20);
    expect(mirror.absent(older)).toEqual([]);
    mirror.relist(older);
    expect(table.get('new')).toBe('ours');
    mirror.relist(list(30));
    expect(table.size).toBe(0);
  });

  it('ignores a delete that is older than the re-created object', () => {
    const { table, mirror, list } = rig();
    mirror.relist(list(10, object('a', 5, 'first')));
    mirror.ingest(mirror.seen(object('a', 13, 'second')));
    mirror.event('deleted', mirror.seen(object('a', 12)));
    expect(table.get('a')).toBe('second');
  });

  it('follows an etcd that was restored from a backup', () => {
    const { table, mirror, list } = rig();
    mirror.relist(list(1000, object('a', 900, 'new'), object('b', 950, 'lost'), object('c', 951, 'kept')));
    const restored = list(500, object('a', 400, 'old'));
    expect(mirror.absent(restored).toSorted()).toEqual(['b', 'c']);
    mirror.relist(restored, new Set(['c']));
    expect([...table.entries()]).toEqual([
      ['a', 'old'],
      ['c', 'kept'],
    ]);
    mirror.event('applied', mirror.seen(object('c', 501, 'again')));
    mirror.event('applied', mirror.seen(object('a', 502, 'newer')));
    expect(table.get('a')).toBe('newer');
    expect(table.get('c')).toBe('again');
  });

  it('keeps the row of an object that cannot be projected, and says so', () => {
    const { table, mirror, failures, list } = rig((o) => {
      if (o.metadata.annotations?.value === 'bad') throw new Error('cannot');
      return o.metadata.annotations?.value;
    });
    mirror.relist(list(10, object('a', 5, 'good')));
    mirror.event('applied', mirror.seen(object('a', 11, 'bad')));
    mirror.relist(list(12, object('a', 11, 'bad'), object('b', 12, 'bad')));
    expect([...table.entries()]).toEqual([['a', 'good']]);
    expect(failures).toEqual(['a', 'a', 'b']);
  });

  it('has no row for an object whose projection is undefined', () => {
    const { table, mirror, list } = rig((o) => o.metadata.annotations?.value || undefined);
    mirror.relist(list(10, object('a', 5, 'x'), object('b', 6)));
    mirror.event('applied', mirror.seen(object('a', 11)));
    expect(table.size).toBe(0);
    expect(mirror.size).toBe(2);
  });

  // A history of writes; the watch shows it in order with relists in between, our own answers come at any time.
  it('ends equal to the server whatever comes late', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      remove: fc.boolean(),
      echo: fc.nat(6),
      list: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { table, mirror, list } = rig();
        const server = new Map<string, KubeObject>();
        mirror.relist(list(9));
        const late: { at: number; seen: ReturnType<Mirror['seen']> }[] = [];
        steps.forEach(({ key, remove, echo, list: relist }, index) => {
          const version = 10 + index;
          const changed = object(key, version, `v${version}`);
          const known = server.has(key);
          if (remove) server.delete(key);
          else {
            server.set(key, changed);
            late.push({ at: index + echo, seen: mirror.seen(changed) });
          }
          for (const { seen } of late.filter(({ at }) => at === index)) mirror.ingest(seen);
          if (relist) mirror.relist(list(version, ...server.values()));
          else if (!remove) mirror.event('applied', mirror.seen(changed));
          else if (known) mirror.event('deleted', mirror.seen(object(key, version)));
          else mirror.bookmark(String(version));
        });
        for (const { seen } of late.filter(({ at }) => at >= steps.length)) mirror.ingest(seen);
        const expected = [...server].map(([key, o]) => [key, o.metadata.annotations?.value]);
        expect(Object.fromEntries(table.entries())).toEqual(Object.fromEntries(expected));
      }),
    );
  });
});

describe('compareVersions', () => {
  it('orders decimal integers of any size', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), (a, b) => {
        expect(Math.sign(compareVersions(String(a), String(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });
});
