// What policy modules cost: a question for each kind of workload that a module can tell apart, and nothing for a pod.
import { expect, it } from 'vitest';
import type { Change } from '../expand.ts';
import { objectOf } from '../../operator/api/json.ts';
import { factsOf, feed, start } from './process.ts';
import { put } from './northd.ts';

const mac = (index: number): string =>
  `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`;

const pod = (index: number, labels: object): Change[] => [
  put('Pod', `a/p${index}`, { node: 'n1', labels }),
  put('IP', `p${index}.a`, {
    for: `a/p${index}`,
    subnet: 'ovn-default',
    ip: `10.16.${(index >> 8) + 1}.${index & 255}`,
    mac: mac(index),
  }),
];

const cluster: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16' }),
  put('Namespace', 'a', { labels: { team: 'x' } }),
  put('Node', 'n1', { ip: '172.18.0.2' }),
  put('PolicyModule', 'by-namespace', { hook: 'acl' }),
  put('PolicyModule', 'by-pod', { hook: 'acl' }),
  put('ModuleState', 'by-namespace', { at: 'ready', digest: 'd', inputs: ['namespace.labels'] }),
  put('ModuleState', 'by-pod', { at: 'ready', digest: 'd', inputs: ['pod.labels'] }),
];

it('asks once for a thousand pods that are alike, and writes no rule for one more', () => {
  const process = start();
  feed(process, [...cluster]);
  feed(process, Array.from({ length: 1000 }, (_, index) => pod(index, { app: `app${index % 4}` })).flat());
  const questions = process.graph.dump('question') as [string, unknown][];
  const of = (module: string): number => questions.filter(([key]) => key.startsWith(`${module}/`)).length;
  expect([questions.length, of('by-namespace'), of('by-pod')]).toEqual([5, 1, 4]);
  feed(
    process,
    questions.map(([key]) => put('Answer', key, { namespace: 'a', rules: [drop] })),
  );
  const rules = (): number => factsOf(process, 'rows').filter((fact) => objectOf(fact)['row'] === 'ACL').length;
  const [before, runs] = [rules(), process.graph.counters['ModuleAcl']?.runs];
  feed(process, pod(2000, { app: 'app1' }));
  expect(process.graph.dump('question')).toEqual(questions);
  expect([rules(), process.graph.counters['ModuleAcl']?.runs]).toEqual([before, runs]);
  // It is in the groups of both answers.
  const members = factsOf(process, 'rows').filter(
    (fact) => 'member' in fact && fact.member === 'Port_Group' && fact.owner === 'Pod/a/p2000',
  );
  expect(members).toHaveLength(4);
});

it('asks for an address once, and never for pods that have one', () => {
  const process = start();
  feed(process, [...cluster]);
  feed(process, Array.from({ length: 1000 }, (_, index) => pod(index, {})).flat());
  const runs = (): number => process.graph.counters['demand/pod']?.runs ?? 0;
  const offers = (): number => process.graph.dump('offer').length;
  feed(process, [
    put('PolicyModule', 'zones', { hook: 'ipam' }),
    put('ModuleState', 'zones', { at: 'ready', digest: 'd', inputs: ['node.labels'] }),
  ]);
  expect(offers()).toBe(0);
  const before = runs();
  const [made, address] = pod(2000, {});
  if (made) feed(process, [made]);
  expect([runs() - before, offers()]).toEqual([1, 1]);
  // Another version of it concerns those who wait.
  feed(process, [put('ModuleState', 'zones', { at: 'ready', digest: 'd2', inputs: [] })]);
  expect([runs() - before, offers()]).toEqual([2, 1]);
  if (address) feed(process, [address]);
  expect([runs() - before, offers()]).toEqual([3, 0]);
});

const drop = { direction: 'egress', action: 'drop', priority: 1 };
