// What policies cost ovn-northd and the databases: flows per policy, whatever the number of pods and peers, and what a pod
// that comes changes of what is there. Counted, not timed.
import { beforeAll, describe, expect, it } from 'vitest';
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import type { Change } from '../expand.ts';
import { enter, put, rowsOf } from './northd.ts';
import { factsOf, feed, start } from './process.ts';

interface Scale {
  readonly policies: number;
  /** Of each policy, on as many switches. */
  readonly subjects: number;
  readonly peers: number;
}

const mac = (at: number): string => `02:00:00:00:${hex(at >> 8)}:${hex(at & 255)}`;
const hex = (value: number): string => value.toString(16).padStart(2, '0');

const subnets = ['ovn-default', 'second', 'third'];

function pod(name: string, at: number, labels: Readonly<Record<string, string>>): Change[] {
  const subnet = subnets[at % subnets.length] ?? '';
  const ip = `10.${16 + (at % subnets.length)}.${(at >> 8) + 1}.${at & 255}`;
  return [
    put('Pod', `a/${name}`, { node: 'n1', labels, annotations: { 'ovn.kubernetes.io/logical_switch': subnet } }),
    put('IP', `${name}.a`, { for: `a/${name}`, subnet, ip, mac: mac(at) }),
  ];
}

/** One rule, one direction, one family. */
const policy = (at: number): Change =>
  put('NetworkPolicy', `a/policy-${at}`, {
    podSelector: { matchLabels: { to: `t${at}` } },
    ingress: [{ from: [{ podSelector: { matchLabels: { from: `f${at}` } } }], ports: [{ port: 80 }] }],
  });

const base: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  ...subnets.map((name, at) => put('Subnet', name, { cidrBlock: `10.${16 + at}.0.0/16`, default: at === 0 })),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16' }),
  put('Namespace', 'a', {}),
  put('Node', 'n1', { ip: '172.18.0.2' }),
];

function scene({ policies, subjects, peers }: Scale): Change[] {
  const changes = [...base];
  let at = 0;
  for (let index = 0; index < policies; index++) {
    changes.push(policy(index));
    for (let one = 0; one < subjects; one++) changes.push(...pod(`to-${index}-${one}`, at++, { to: `t${index}` }));
    for (let one = 0; one < peers; one++) changes.push(...pod(`from-${index}-${one}`, at++, { from: `f${index}` }));
  }
  return changes;
}

const [newest] = installations().toReversed();

describe.runIf(newest)('with ovn-northd', () => {
  /** Flows of stages that judge by rules, and rows of groups and sets. */
  async function counted(scale: Scale): Promise<{ flows: number; sets: number; groups: number }> {
    const ovn: OvnCentral = await startOvn(newest as NonNullable<typeof newest>);
    try {
      await enter(ovn, rowsOf(scene(scale)));
      const flows = await ovn.sb.dump('Logical_Flow');
      const sets = await ovn.sb.dump('Address_Set');
      const groups = await ovn.sb.dump('Port_Group');
      const judging = flows.filter(({ external_ids }) => /acl/.test(JSON.stringify(external_ids)));
      return { flows: judging.length, sets: sets.length, groups: groups.length };
    } finally {
      await ovn.stop();
    }
  }

  let few: Awaited<ReturnType<typeof counted>>;
  beforeAll(async () => {
    few = await counted({ policies: 5, subjects: 2, peers: 2 });
  });

  it('a policy of one rule is two flows', async () => {
    const many = await counted({ policies: 25, subjects: 2, peers: 2 });
    expect((many.flows - few.flows) / 20).toBe(2);
  });

  it('and no more with more pods and more peers', async () => {
    const wide = await counted({ policies: 5, subjects: 6, peers: 12 });
    expect(wide.flows).toBe(few.flows);
    expect(wide.sets).toBe(few.sets);
  });
});

describe('a pod that comes', () => {
  const process = start();
  feed(process, scene({ policies: 20, subjects: 3, peers: 3 }));
  const before = new Set(textsOf());

  function textsOf(): string[] {
    return (factsOf(process, 'rows') as (RowFact | MemberFact)[]).map((fact) =>
      'row' in fact ? `row ${fact.row} ${fact.id}` : `member ${fact.member} ${fact.id} ${String(fact.element)}`,
    );
  }

  it('is one port and one element of each group and set that it is in', () => {
    feed(process, pod('late', 5000, { to: 't3', from: 'f4' }));
    const added = textsOf().filter((text) => !before.has(text));
    const kinds = added.map((text) => text.split(' ').slice(0, 2).join(' ')).sort();
    expect(kinds).toEqual([
      'member Address_Set',
      'member Port_Group',
      'member Port_Group',
      'member Port_Group',
      'member Port_Group',
      'row Logical_Switch_Port',
    ]);
    expect([...before].filter((text) => !textsOf().includes(text))).toEqual([]);
  });

  it('takes all of it back when it goes', () => {
    feed(
      process,
      pod('late', 5000, {}).map((change) => ({ ...change, object: undefined })),
    );
    expect(new Set(textsOf())).toEqual(before);
  });
});
