// The plan beside what then happens: a real API server, a real northbound database, and the operator as a process. What
// was planned for the samples is what is there after they were applied, column by column, ids included.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { optional } from '../../operator/nb/columns.ts';
import { eventually } from '../eventually.ts';
import { startApiServer, type ApiServer } from '../kube-apiserver.ts';
import { startServer, type OvsdbServer } from '../ovsdb-server.ts';

const root = join(import.meta.dirname, '../..');
const samples = join(root, 'config/samples');

interface Change {
  readonly verb: 'add' | 'change' | 'remove';
  readonly table: string;
  readonly uuid: string;
  readonly column?: string;
  readonly element?: unknown;
  readonly value?: unknown;
  readonly before?: Record<string, unknown>;
  readonly after?: Record<string, unknown>;
}

interface Plan {
  readonly objects: readonly {
    readonly kind: string;
    readonly name: string;
    readonly changes: readonly Change[];
    readonly problems: readonly object[];
  }[];
  readonly counts: Readonly<Record<Change['verb'], number>>;
  readonly errors: readonly string[];
}

let api: ApiServer;
let nb: OvsdbServer & { dispose(): Promise<void> };
let operator: ChildProcess;

beforeAll(async () => {
  [api, nb] = await Promise.all([startApiServer(), startServer({ args: ['--remote=ptcp:0:127.0.0.1'] })]);
  const crds = globSync('crds/*.yaml', { cwd: root }).filter((name) => !name.endsWith('kustomization.yaml'));
  await api.apply(crds.map((name) => readFileSync(join(root, name), 'utf8')).join('\n---\n'));
  const [health, plan] = await Promise.all([freePort(), freePort()]);
  const flags = [
    `--kubeconfig=${api.kubeconfig}`,
    `--nb-port=${await nb.port()}`,
    `--pprof-port=${health}`,
    `--plan-port=${plan}`,
    '--log-level=warn',
  ];
  const env = { ...process.env, OVN_DB_IPS: '127.0.0.1', POD_IP: '127.0.0.1' };
  operator = spawn(process.execPath, [join(root, 'operator/main.ts'), ...flags], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await eventually(async () => (await nb.dump('Logical_Switch')).length >= 2, {
    within: 30_000,
    what: 'the default subnets in the northbound database',
  });
});

afterAll(async () => {
  const ended = once(operator, 'exit');
  operator.kill('SIGKILL');
  await ended;
  await Promise.all([api.stop(), nb.dispose()]);
});

const kubeloom = (...args: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [join(root, 'cli/main.ts'), 'plan', '--kubeconfig', api.kubeconfig, ...args], {
    encoding: 'utf8',
  });

function planned(...args: readonly string[]): Plan & { readonly status: number | null } {
  const { status, stdout, stderr } = kubeloom('-o', 'json', ...args);
  expect(stderr).toBe('');
  return { ...(JSON.parse(stdout) as Plan), status };
}

/** Of a Service the API server gives another address when it is made than when it is only asked for. */
const changesOf = ({ objects }: Plan): Change[] =>
  objects.filter(({ kind }) => kind !== 'Service').flatMap(({ changes }) => changes);

/** A Vip's address comes when it is allocated; the router then answers for it, and no plan can know that. */
const settledOnly = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { arp_proxy: _, ...rest } = value as Record<string, unknown>;
  return rest;
};

/** Words for IPv6 came to `selection_fields` with a later schema than this machine's. */
const older = (value: unknown): unknown =>
  Array.isArray(value) && value.includes('ip_src')
    ? value.filter((field) => !String(field).startsWith('ipv6_'))
    : value;

describe('against a cluster', () => {
  let before: Plan;

  it('shows what the samples add, and nothing that is there', () => {
    const plan = planned('-f', samples);
    before = plan;
    expect(plan).toMatchObject({ status: 2, errors: [], counts: { change: 0, remove: 0 } });
    const names = plan.objects.map(({ kind, name }) => `${kind} ${name}`);
    const made = ['IPPool tills', 'Subnet lab-a', 'Subnet machines', 'Subnet office', 'Subnet shop', 'Subnet vault'];
    expect(names).toEqual(expect.arrayContaining([...made, 'Vpc lab', 'Vpc north', 'Vpc south']));
    expect(names).not.toContain('Subnet ovn-default');
  });

  it('has written nothing', async () => {
    const subnets = JSON.parse(await api.kubectl('get', 'subnets', '-o', 'json')) as {
      items: { metadata: { name: string } }[];
    };
    expect(subnets.items.map(({ metadata }) => metadata.name).sort()).toEqual(['join', 'ovn-default']);
  });

  it('is what comes true when they are applied, byte for byte', async () => {
    await api.kubectl('apply', '-f', samples);
    const rows = Map.groupBy(
      changesOf(before).filter(({ after }) => after !== undefined),
      ({ table }) => table,
    );
    for (const [table, changes] of rows) {
      const there = await eventually(
        async () => {
          const found = new Map((await nb.dump(table)).map((row) => [row['_uuid'], row]));
          return changes.every(({ uuid }) => found.has(uuid)) ? found : undefined;
        },
        { within: 20_000, what: `the planned rows of ${table}` },
      );
      for (const { uuid, after = {} } of changes) {
        const row = there.get(uuid) ?? {};
        // Debian's client prints a set of one as its element, and an empty optional column as an empty array.
        // An older schema lacks what is only a refinement, and so does the row then.
        const isThere = ([column]: [string, unknown]): boolean => column in row || !optional[table]?.includes(column);
        for (const [column, value] of Object.entries(after).filter(isThere)) {
          expect({ [column]: settledOnly(row[column]) }, `${table} ${uuid}`).toEqual({
            [column]: asPrinted(column === 'selection_fields' ? older(value) : value),
          });
        }
      }
    }
  });

  it('comes true of the elements of sets, too', async () => {
    const elements = changesOf(before).filter(({ element }) => element !== undefined);
    expect(elements.map(({ table }) => table)).toContain('Address_Set');
    for (const { table, uuid, column = '', element } of elements) {
      const [row] = (await nb.dump(table)).filter(({ _uuid }) => _uuid === uuid);
      expect([row?.[column]].flat(), `${table} ${uuid}`).toContain(element);
    }
  });

  it('then plans nothing, and exits with 0', async () => {
    // What a Vip makes comes with its address.
    await eventually(async () => (await nb.dump('Logical_Switch_Port')).some(({ name }) => name === 'sample-front'), {
      within: 20_000,
      what: 'the port of the Vip',
    });
    expect(planned('-f', samples)).toMatchObject({ status: 0, objects: [], counts: { add: 0, change: 0, remove: 0 } });
  });

  it('reads whom a policy lets in, before it is applied and after', async () => {
    const file = join(import.meta.dirname, 'web-policy.yaml');
    const acls = changesOf(planned('-f', file)).filter(({ table, after }) => table === 'ACL' && after);
    const match = acls.map(({ after = {} }) => String(after['match'])).find((text) => text.includes('tcp.dst == 80'));
    expect(match).toMatch(/^outport == @sel\.\w+ && ip4\.src == \$sel\.\w+ && tcp\.dst == 80$/);
    await api.kubectl('apply', '-f', file);
    await eventually(async () => (await nb.dump('ACL')).some((row) => row['match'] === match), {
      within: 20_000,
      what: 'the rule that was planned',
    });
    expect(planned('-f', file)).toMatchObject({ status: 0, objects: [] });
  });

  it('names the columns that a change touches', () => {
    const plan = planned('-f', join(import.meta.dirname, 'changed-shop.yaml'));
    expect(plan.status).toBe(2);
    // The join subnet's default route follows into the new route table.
    expect(plan.objects).toMatchObject([
      {
        name: 'join',
        changes: [{ verb: 'add', table: 'Logical_Router_Static_Route', after: { route_table: 'blue' } }],
      },
      {
        name: 'shop',
        changes: [{ verb: 'change', table: 'Logical_Router_Port', after: { options: { route_table: 'blue' } } }],
      },
    ]);
  });

  it('shows what becomes invalid, and exits with 1', () => {
    const plan = planned('-f', join(import.meta.dirname, 'invalid-shop.yaml'));
    expect(plan.status).toBe(1);
    expect(plan.objects.find(({ name }) => name === 'shop')?.problems).toMatchObject([
      { reason: 'ValidateLogicalSwitchFailed', grave: true },
    ]);
    // What a spec that cannot be used had made stays, in the plan as in the operator.
    expect(plan.counts).toEqual({ add: 0, change: 0, remove: 0 });
  });

  it("passes on the API server's refusal with file and line", () => {
    const { status, stdout } = kubeloom('-f', join(import.meta.dirname, 'refused.yaml'));
    expect(status).toBe(1);
    expect(stdout).toMatch(/^error: .*refused\.yaml:2: Subnet refused: .*mtu.*/m);
  });
});

function asPrinted(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? value[0] : value;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
