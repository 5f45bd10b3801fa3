// What a module may answer, and what it may not: every text of it that would come to a match is parsed or refused.
import { describe, expect, it } from 'vitest';
import { parseAclAnswer } from '../../../operator/policy/acl-answer.ts';
import { parseVerdict, together } from '../../../operator/policy/admission.ts';

const rule = { direction: 'egress', action: 'drop', priority: 0 };
const withPeer = (peer: unknown): unknown => ({ rules: [{ ...rule, peers: [peer] }] });
const withPort = (port: unknown): unknown => ({ rules: [{ ...rule, ports: [port] }] });

describe('rules of a module', () => {
  it('are read, with prefixes and selectors in canonical form', () => {
    const answer = {
      rules: [
        {
          direction: 'ingress',
          action: 'allow',
          priority: 999,
          peers: [
            { cidr: '10.1.2.3/8' },
            { cidr: 'FD00:0::1/16' },
            { podSelector: {}, namespaceSelector: { matchLabels: { b: '1', a: '2' } } },
          ],
          ports: [{ protocol: 'UDP' }, { protocol: 'TCP', port: 1, endPort: 65_535 }],
        },
        rule,
      ],
    };
    expect(parseAclAnswer(answer)).toEqual([
      {
        direction: 'ingress',
        action: 'allow',
        priority: 999,
        peers: [
          { cidr: '10.0.0.0/8' },
          { cidr: 'fd00::/16' },
          {
            pods: [],
            namespaces: [
              { key: 'a', operator: 'In', values: ['2'] },
              { key: 'b', operator: 'In', values: ['1'] },
            ],
          },
        ],
        ports: [{ protocol: 'UDP' }, { protocol: 'TCP', port: 1, endPort: 65_535 }],
      },
      rule,
    ]);
    expect(parseAclAnswer({ rules: [] })).toEqual([]);
  });

  it.each<[unknown, RegExp]>([
    [null, /the answer is not an object/],
    [[], /the answer is not an object/],
    [{}, /rules is not a list/],
    [{ rules: Array.from({ length: 101 }, () => rule) }, /at most 100/],
    [{ rules: [rule], more: 1 }, /unknown field "more"/],
    [{ rules: [{ ...rule, direction: 'to-lport' }] }, /rules\[0\]\.direction is none of ingress, egress/],
    [{ rules: [rule, { ...rule, action: 'allow-stateless' }] }, /rules\[1\]\.action is none/],
    [{ rules: [{ ...rule, priority: 1000 }] }, /priority is not an integer from 0 to 999/],
    [{ rules: [{ ...rule, priority: '1' }] }, /priority is not an integer/],
    [{ rules: [{ ...rule, priority: Number.NaN }] }, /priority is not an integer/],
    [{ rules: [{ ...rule, match: 'ip' }] }, /unknown field "match"/],
    [{ rules: [{ ...rule, peers: [] }] }, /peers is empty/],
    [{ rules: [{ ...rule, ports: [] }] }, /ports is empty/],
    [withPeer({}), /one of cidr, podSelector, namespaceSelector/],
    [withPeer({ cidr: '10.0.0.0/8 || ip' }), /cidr must be a prefix/],
    [withPeer({ cidr: '$kubeloom.nodes.ip4' }), /cidr must be a prefix/],
    [withPeer({ cidr: '10.0.0.1' }), /cidr must be a prefix/],
    [withPeer({ cidr: '10.0.0.0/8', podSelector: {} }), /and alone/],
    [withPeer({ podSelector: { matchLabels: { a: 1 } } }), /matchLabels\.a is not a text/],
    [withPeer({ podSelector: { matchExpressions: [{ key: 'a', operator: 'Like' }] } }), /operator Like/],
    [withPort({ protocol: 'tcp' }), /protocol is none of TCP, UDP, SCTP/],
    [withPort({ protocol: 'TCP', port: 0 }), /port is not an integer from 1/],
    [withPort({ protocol: 'TCP', port: 'http' }), /port is not an integer/],
    [withPort({ protocol: 'TCP', endPort: 9 }), /endPort needs a port/],
    [withPort({ protocol: 'TCP', port: 9, endPort: 8 }), /endPort is not an integer from 9/],
  ])('%j is refused', (answer, message) => {
    expect(() => parseAclAnswer(answer)).toThrow(message);
  });
});

describe('a verdict', () => {
  it('is read, and cut where it is long', () => {
    expect(parseVerdict({ allowed: true, message: 'fine' })).toEqual({ allowed: true, message: '' });
    expect(parseVerdict({ allowed: false, message: 'x'.repeat(5000) }).message).toHaveLength(1000);
  });

  it.each([null, 1, [], {}, { allowed: 1 }, { allowed: false, message: 1 }, { allowed: true, x: 1 }])(
    '%j is refused',
    (answer) => {
      expect(() => parseVerdict(answer)).toThrow(Error);
    },
  );

  it('of several modules needs all, and names those that do not allow', () => {
    const yes = { module: 'a', allowed: true, message: '' };
    expect(together([])).toEqual({ allowed: true, message: '' });
    expect(together([yes])).toEqual({ allowed: true, message: '' });
    expect(
      together([yes, { module: 'b', allowed: false, message: 'no' }, { module: 'c', allowed: false, message: '' }]),
    ).toEqual({ allowed: false, message: 'policy module b: no; policy module c: refused' });
  });
});
