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

describe('leaseStep', () => {
  it('waits for the full duration from when the last renewal was first seen here', () => {
    const first = seenLease(held('5'), undefined, 1000);
    expect(leaseStep(first, 'me', 30_999)).toBe('wait');
    expect(leaseStep(first, 'me', 31_000)).toBe('acquire');
    const same = seenLease(held('5'), first, 20_000);
    expect(leaseStep(same, 'me', 31_000)).toBe('acquire');
    const renewed = seenLease(held('6'), same, 20_000);
    expect(leaseStep(renewed, 'me', 31_000)).toBe('wait');
  });

  it('takes a lease that was given back at once, and renews its own', () => {
    expect(leaseStep(seenLease(held('5', ''), undefined, 0), 'me', 0)).toBe('acquire');
    expect(leaseStep(seenLease(held('5', 'me'), undefined, 0), 'me', 99_999)).toBe('renew');
    expect(leaseStep(seenLease(lease('5', {}), undefined, 0), 'me', 0)).toBe('acquire');
  });

  // The holder measures from before it sent a renewal, the candidate from after it saw it.
  it('never lets two write, whatever the delays', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e5), fc.nat(1e6), (sentAt, delay, now) => {
        const seen = seenLease(held('5', 'holder'), undefined, sentAt + delay);
        const both = holds(sentAt, now, leaseTimes) && leaseStep(seen, 'me', now) === 'acquire';
        expect(both).toBe(false);
      }),
    );
  });
});

describe('the Lease that is written', () => {
  const claim = { identity: 'me', times: leaseTimes, annotations: { 'kubeloom.io/plan-address': 'h:1' } };
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
    expect(claimedLease(before, 'renew', claim, wall).spec).toMatchObject({ leaseTransitions: 3, acquireTime: 'then' });
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

  it('leaves no address behind', () => {
    const before = lease('5', { holderIdentity: 'me' }, { kept: '1', 'kubeloom.io/plan-address': 'h:1' });
    expect(releasedLease(before, claim, wall)).toMatchObject({
      metadata: { annotations: { kept: '1' } },
      spec: { holderIdentity: '', leaseDurationSeconds: 1 },
    });
    expect(JSON.stringify(releasedLease(before, claim, wall))).not.toContain('plan-address');
  });
});
