import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acquiredAt,
  claimedLease,
  holds,
  leaseStep,
  leaseTimes,
  releasedLease,
  seenLease,
} from '../../../operator/kube/election.ts';
import type { KubeObject } from '../../../operator/kube/object.ts';

const lease = (version: string, spec: KubeObject['spec'], annotations = {}): KubeObject => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'l', namespace: 'n', uid: 'u', resourceVersion: version, annotations },
  spec: spec ?? {},
});
const held = (version: string, holder = 'other') =>
  lease(version, { holderIdentity: holder, leaseDurationSeconds: 30 });

const own = 15_000;
const me = { identity: 'me', held: undefined };

describe('leaseStep', () => {
  it('waits for the full duration from when the last renewal was first seen here', () => {
    const first = seenLease(held('5'), undefined, 1000, own);
    expect(leaseStep(first, me, 30_999)).toBe('wait');
    expect(leaseStep(first, me, 31_000)).toBe('acquire');
    const same = seenLease(held('5'), first, 20_000, own);
    expect(leaseStep(same, me, 31_000)).toBe('acquire');
    const renewed = seenLease(held('6'), same, 20_000, own);
    expect(leaseStep(renewed, me, 31_000)).toBe('wait');
  });

  it('takes a lease that was given back at once, and renews its own', () => {
    const released = { holderIdentity: '', leaseDurationSeconds: 1 };
    expect(leaseStep(seenLease(lease('5', released), undefined, 0, own), me, 0)).toBe('acquire');
    expect(leaseStep(seenLease(held('5', 'me'), undefined, 0, own), me, 99_999)).toBe('renew');
    expect(leaseStep(seenLease(lease('5', {}), undefined, 0, own), me, 0)).toBe('acquire');
  });

  it.each([
    ['its duration was taken out', { holderIdentity: 'other' }],
    ['its duration was shortened', { holderIdentity: 'other', leaseDurationSeconds: 1 }],
    ['its holder was struck out', { holderIdentity: '', leaseDurationSeconds: 15 }],
  ])('is not tempted by a lease that was edited by hand: %s', (_, spec) => {
    const seen = seenLease(lease('6', spec), seenLease(held('5'), undefined, 0, own), 1000, own);
    expect(leaseStep(seen, me, 1000 + own - 1)).toBe('wait');
    expect(leaseStep(seen, me, 1000 + own)).toBe('acquire');
  });

  it('remembers who held a lease that was deleted and made again', () => {
    const before = seenLease(held('5'), undefined, 0, own);
    const bare = lease('9', {});
    const remade = { ...bare, metadata: { ...bare.metadata, uid: 'another' } };
    expect(leaseStep(seenLease(remade, before, 1000, own), me, 29_999)).toBe('wait');
    expect(leaseStep(seenLease(remade, before, 1000, own), me, 30_000)).toBe('acquire');
  });

  it('keeps a lease whose holder was struck out, unless another has led since', () => {
    const at = (acquireTime: string) =>
      seenLease(lease('6', { holderIdentity: '', leaseDurationSeconds: 15, acquireTime }), undefined, 0, own);
    const mine = { identity: 'me', held: Date.UTC(2026, 0, 1) };
    expect(leaseStep(at('2026-01-01T00:00:00.000000Z'), mine, 0)).toBe('renew');
    expect(leaseStep(at('2026-01-01T00:00:00.001000Z'), mine, 0)).toBe('wait');
  });

  // The holder measures from before it sent a renewal, the candidate from after it saw it.
  it('never lets two write, whatever the delays and whatever duration is stated', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e5), fc.nat(1e6), fc.option(fc.nat(60)), (sentAt, delay, now, seconds) => {
        const spec = { holderIdentity: 'holder', ...(seconds === null ? {} : { leaseDurationSeconds: seconds }) };
        const seen = seenLease(lease('5', spec), undefined, sentAt + delay, leaseTimes.duration);
        const both = holds(sentAt, now, leaseTimes) && leaseStep(seen, me, now) === 'acquire';
        expect(both).toBe(false);
      }),
    );
  });
});

describe('the Lease that is written', () => {
  const claim = { identity: 'me', times: leaseTimes, annotations: { 'kubeloom.io/plan-address': 'h:1' }, epoch: 0 };
  const wall = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

  it('counts a change of hands and not a renewal', () => {
    const before = lease('5', { holderIdentity: '', leaseTransitions: 3, acquireTime: 'then' }, { kept: '1' });
    expect(claimedLease(before, 'acquire', claim, wall)).toMatchObject({
      metadata: { resourceVersion: '5', annotations: { kept: '1', 'kubeloom.io/plan-address': 'h:1' } },
      spec: {
        holderIdentity: 'me',
        leaseDurationSeconds: 15,
        leaseTransitions: 4,
        acquireTime: '2026-01-02T03:04:05.678000Z',
        renewTime: '2026-01-02T03:04:05.678000Z',
      },
    });
    const renewed = claimedLease(before, 'renew', { ...claim, epoch: wall - 1 }, wall);
    expect(renewed.spec).toMatchObject({ leaseTransitions: 3, acquireTime: '2026-01-02T03:04:05.677000Z' });
  });

  it.each([
    ['a clock that is behind', '2026-01-02T03:04:09.000000Z', '2026-01-02T03:04:09.001000Z'],
    ['a clock that is ahead', '2026-01-02T03:00:00.000000Z', '2026-01-02T03:04:05.678000Z'],
  ])('each leader has a greater number than those before it: %s', (_, acquireTime, expected) => {
    const before = lease('5', { holderIdentity: '', acquireTime });
    const written = { ...before, ...claimedLease(before, 'acquire', claim, wall) };
    expect(written.spec?.acquireTime).toBe(expected);
    expect(acquiredAt(written)).toBeGreaterThan(acquiredAt(before));
  });

  it('has a greater number than any that was ever seen, also when the Lease that told it is gone', () => {
    const taken = claimedLease(lease('', {}), 'acquire', { ...claim, epoch: wall + 3_600_000 }, wall);
    expect(acquiredAt({ ...lease('', {}), ...taken })).toBe(wall + 3_600_001);
  });

  it('leaves no address behind', () => {
    const before = lease('5', { holderIdentity: 'me' }, { kept: '1', 'kubeloom.io/plan-address': 'h:1' });
    expect(releasedLease(before, claim, wall)).toMatchObject({
      metadata: { annotations: { kept: '1' } },
      spec: { holderIdentity: '', leaseDurationSeconds: 1 },
    });
    expect(JSON.stringify(releasedLease(before, claim, wall))).not.toContain('plan-address');
  });
});
