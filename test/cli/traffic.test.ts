// Whom a policy lets in or keeps out, as `kubeloom plan` tells it: by classes of pods, with counts, both ways.
import { describe, expect, it } from 'vitest';
import { report } from '../../cli/plan/report.ts';
import { text } from '../../cli/plan/text.ts';
import { policy, sides, told } from './outlook.ts';

const letsIn = (app: string): Record<string, unknown> => ({
  podSelector: { matchLabels: { app: 'web' } },
  ingress: [{ from: [{ podSelector: { matchLabels: { app } } }], ports: [{ port: 'http' }] }],
});

describe('a plan tells which connections', () => {
  it('a new policy closes: all but what it lets in', async () => {
    const changes = await told([], [policy(letsIn('client'))]);
    expect(changes).toContain('stranger 1 -> web 2 tcp 8080 denied');
    expect(changes).toContain('client 1 -> web 2 tcp rest denied');
    expect(changes).toContain('web 2 -> web 2 tcp 8080 denied');
    expect(changes.filter((line) => line.startsWith('client 1 -> web 2 tcp 8080'))).toEqual([]);
    expect(changes.filter((line) => !line.includes('-> web 2'))).toEqual([]);
  });

  it('another peer opens and closes', async () => {
    expect((await told([policy(letsIn('client'))], [policy(letsIn('stranger'))])).sort()).toEqual([
      'client 1 -> web 2 tcp 8080 denied',
      'stranger 1 -> web 2 tcp 8080 allowed',
    ]);
  });

  it('nothing does when the policy says the same in other words', async () => {
    const same = { ...letsIn('client'), policyTypes: ['Ingress'] };
    expect(await told([policy(letsIn('client'))], [policy(same)])).toEqual([]);
  });

  it('and says it in words', async () => {
    const [before, after] = await sides([policy(letsIn('client'))], [policy(letsIn('stranger'))]);
    const lines = text(report({ before, after, errors: [], remarks: [] }), { colour: false }).split('\n');
    const from = lines.indexOf('Connections');
    expect(lines.slice(from, from + 5)).toEqual([
      'Connections',
      '  shop app=client (1 pod) -> shop app=web (2 pods)',
      '    - TCP 8080 is denied now',
      '  shop app=stranger (1 pod) -> shop app=web (2 pods)',
      '    + TCP 8080 is allowed now',
    ]);
  });
});
