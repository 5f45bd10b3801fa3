// Whom a hold is told to.
import { describe, expect, it } from 'vitest';
import type { HoldFact } from '../../operator/api/fact.ts';
import { ipRef, podRef, subnetRef } from '../../operator/api/refs.ts';
import { apart, HoldBook } from '../../operator/holds.ts';
import { owner } from '../../lib/delta/ids.ts';
import { CollectingSink } from '../oracle.ts';

const by = owner(podRef('a', 'web'));
const ip: HoldFact = { hold: ipRef('web.a'), reason: 'used', owner: by };
const subnet: HoldFact = { hold: subnetRef('s'), reason: 'used', owner: by };

describe('holds', () => {
  it('on IP objects do not reach the keeper of finalizers, and no other reaches the allocator', () => {
    const [ips, others] = [new CollectingSink(), new CollectingSink()];
    const sink = apart(ips, others);
    sink.replace('Pod/a/web', [ip, subnet]);
    expect(ips.sources.get('Pod/a/web')).toEqual([ip]);
    expect(others.sources.get('Pod/a/web')).toEqual([subnet]);
    sink.replace('Pod/a/web', []);
    expect([...ips.sources.values(), ...others.sources.values()].flat()).toEqual([]);
  });

  it('are told of when an object gets its first and loses its last', () => {
    const told: string[] = [];
    const book = new HoldBook(({ name }) => told.push(name));
    book.replace('x', [ip]);
    book.replace('y', [ip]);
    book.replace('x', []);
    expect([told, book.isHeld(ip.hold)]).toEqual([['web.a'], true]);
    book.replace('y', []);
    expect([told, book.isHeld(ip.hold)]).toEqual([['web.a', 'web.a'], false]);
  });
});
