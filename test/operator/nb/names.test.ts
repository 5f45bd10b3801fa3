import fc from 'fast-check';
import { expect, it } from 'vitest';
import { owner } from '../../../lib/delta/ids.ts';
import { distributedGroupName, identifier, nodeGroupName, suffixed } from '../../../operator/nb/names.ts';
import { owns } from '../../../operator/nb/owns.ts';
import { nodeRef } from '../../../operator/api/refs.ts';

/** What a match expression of OVN takes after `$` and `@`. */
const legal = /^[A-Za-z_.][A-Za-z0-9_.]*$/;

it('gives legal identifiers for all names of Kubernetes', () => {
  const name = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);
  fc.assert(
    fc.property(name, (text) => {
      const plain = nodeGroupName(text);
      for (const group of [
        identifier(text),
        plain,
        distributedGroupName(text),
        suffixed(plain, owner(nodeRef(text))),
      ]) {
        expect(group).toMatch(legal);
      }
    }),
  );
});

it('names the groups as Kube-OVN does', () => {
  expect(nodeGroupName('worker-1.example')).toBe('node.worker.1.example');
});

it('tells owners of one name apart', () => {
  const [a, b] = ['x-y', 'x.y'].map((name) => suffixed('node.x.y', owner(nodeRef(name))));
  expect(a).not.toBe(b);
});

// The one row of NB_Global is shared, and a group of load balancers has no external_ids.
const { NB_Global: _global, Load_Balancer_Group: _group, ...rows } = owns;

it.each(Object.entries(rows))('owns the marks in external_ids of %s', (_, columns) => {
  expect(columns['external_ids']).toEqual(expect.arrayContaining(['vendor', 'kubeloom-owner', 'kubeloom-id']));
});
