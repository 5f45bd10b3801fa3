import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRowId, owner, rowId, singletonId } from '../../../lib/delta/ids.ts';

const pod = owner({ kind: 'Pod', namespace: 'a', name: 'web' });

describe('owner', () => {
  it('is kind, namespace and name', () => {
    expect(pod).toBe('Pod/a/web');
    expect(owner({ kind: 'Subnet', namespace: '', name: 's' })).toBe('Subnet//s');
  });
});

describe('rowId', () => {
  it('is what Python computes as uuid5', () => {
    const code = `import uuid; print(uuid.uuid5(uuid.UUID('6f0b5d3c-1f6e-4c0a-9d0e-6b7562656c6f'), 'Pod/a/web\\0Logical_Switch_Port\\0wéb'))`;
    const reference = execFileSync('python3', ['-c', code], { encoding: 'utf8' }).trim();
    expect(rowId(pod, 'Logical_Switch_Port', 'wéb')).toBe(reference);
  });

  it('differs with each of its parts, and from a singleton', () => {
    const ids = [
      rowId(pod, 'A', 'x'),
      rowId(pod, 'A', 'y'),
      rowId(pod, 'B', 'x'),
      rowId(owner({ kind: 'Pod', namespace: 'b', name: 'web' }), 'A', 'x'),
      singletonId('A'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is a UUID for any name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(isRowId(rowId(pod, 'A', name))).toBe(true);
      }),
    );
  });
});

describe('isRowId', () => {
  it.each([
    '',
    'x',
    `${rowId(pod, 'A', 'x')}0`,
    rowId(pod, 'A', 'x').toUpperCase(),
    rowId(pod, 'A', 'x').replaceAll('-', ''),
  ])('refuses %j', (text) => {
    expect(isRowId(text)).toBe(false);
  });
});
