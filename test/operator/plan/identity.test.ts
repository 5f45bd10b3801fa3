import { describe, expect, it } from 'vitest';
import { identity, nodeNameClaim, nodeOf, Unauthenticated } from '../../../operator/plan/identity.ts';
import { admitted } from '../../../operator/plan/report.ts';

const wanted = { audience: 'kubeloom-plan', username: 'system:serviceaccount:kube-system:kube-ovn-cni' };
const good = {
  authenticated: true,
  audiences: [wanted.audience],
  user: { username: wanted.username, extra: { [nodeNameClaim]: ['n1'] } },
};

describe('nodeOf', () => {
  it('is the node that the token is bound to', () => expect(nodeOf(good, wanted)).toBe('n1'));

  it.each([
    ['refused', { authenticated: false, error: 'token has expired' }, 'token has expired'],
    ['another audience', { ...good, audiences: ['https://kubernetes.default.svc'] }, 'not for the audience'],
    ['another account', { ...good, user: { ...good.user, username: 'system:serviceaccount:a:b' } }, 'is of system'],
    ['not bound to a pod', { ...good, user: { username: wanted.username } }, 'not bound'],
  ])('%s', (_name, review, message) => {
    expect(() => nodeOf(review, wanted)).toThrow(Unauthenticated);
    expect(() => nodeOf(review, wanted)).toThrow(message);
  });
});

describe('identity', () => {
  it('asks the API server with the bearer token, and refuses a call without one', async () => {
    const asked: string[] = [];
    const review = async (token: string): Promise<typeof good> => {
      asked.push(token);
      return good;
    };
    const callers = identity({ ...wanted, review });
    await expect(callers.node('Bearer abc')).resolves.toBe('n1');
    await expect(callers.node('Basic abc')).rejects.toThrow(Unauthenticated);
    await expect(callers.node(undefined)).rejects.toThrow('no bearer token');
    expect(asked).toEqual(['abc']);
    callers.stop();
  });
});

describe('admitted', () => {
  const where = (_namespace: string, name: string): string | undefined => ({ here: 'n1', there: 'n2' })[name];
  const event = (kind: string, name: string): object => ({ event: { kind, namespace: 'a', name, type: 'Warning' } });

  it.each([
    ['its own pod', event('Pod', 'here'), true],
    ['a pod of another node', event('Pod', 'there'), false],
    ['a pod that nobody knows', event('Pod', 'unknown'), false],
    ['itself', event('Node', 'n1'), true],
    ['another node', event('Node', 'n2'), false],
    ['any other kind', event('Secret', 'n1'), false],
    ['its chassis', { chassis: { system_id: 'x' } }, true],
    ['a condition of its own', { condition: { type: 'NetworkUnavailable', status: 'False' } }, true],
    ["kubelet's condition", { condition: { type: 'Ready', status: 'True' } }, false],
    ['a report of a newer version', {}, false],
  ])('%s: %j is admitted: %s', (_name, raw, expected) => {
    expect(admitted('n1', raw, where) !== undefined).toBe(expected);
  });
});
