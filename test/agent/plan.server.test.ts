// The plan's client against the operator's own server, over TLS on the loopback interface.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PlanFile, readPlan } from '../../agent/plan-file.ts';
import { PlanState } from '../../agent/plan-state.ts';
import { Plan } from '../../agent/plan.ts';
import type { Leader } from '../../agent/plan.ts';
import { PlanTables } from '../../agent/tables.ts';
import { owner } from '../../lib/delta/ids.ts';
import { type Credentials, renewed } from '../../operator/plan/authority.ts';
import { Unauthenticated } from '../../operator/plan/identity.ts';
import type { PlanItem } from '../../operator/plan/item.ts';
import type { NodeReport } from '../../operator/plan/report.ts';
import { PlanServer } from '../../operator/plan/server.ts';
import { PlanStore } from '../../operator/plan/store.ts';
import { planService } from '../../proto/plan.ts';
import { eventually } from '../eventually.ts';

const silent = { info: () => undefined, warn: () => undefined };
const folders: string[] = [];
const undo: (() => void | Promise<void>)[] = [];
let tls: Credentials;
beforeAll(async () => {
  tls = await renewed(undefined, ['kube-ovn-controller', 'localhost'], Date.now());
});
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

const someOwner = owner({ kind: 'Node', namespace: '', name: 'n1' });
const peer = (name: string, ip = '192.0.2.1'): PlanItem & { kind: 'peer' } => ({
  kind: 'peer',
  name,
  internalIps: [ip],
});
const fact = (item: ReturnType<typeof peer>): Parameters<PlanStore['replace']>[1][number] => ({
  plan: `peer/${item.name}`,
  span: 'all',
  item,
  owner: someOwner,
});

/** What one source of the operator's wants now, as one revision. */
function put(store: PlanStore, source: string, facts: readonly ReturnType<typeof fact>[]): void {
  store.replace(source, facts);
  store.flush();
}

interface Operator {
  /** Whether it believes that it leads. */
  readonly leads: { now: boolean };
  readonly store: PlanStore;
  readonly server: PlanServer;
  readonly reports: NodeReport[];
  readonly leader: Leader;
}

async function operator(epoch: number, port = 0): Promise<Operator> {
  const store = new PlanStore(() => undefined);
  const reports: NodeReport[] = [];
  const leads = { now: true };
  const server = new PlanServer({
    service: planService,
    store,
    identity: {
      node: async (header) => {
        if (header !== 'Bearer good') throw new Unauthenticated('token');
        return await Promise.resolve('n1');
      },
      stop: () => undefined,
    },
    nodeOfPod: () => 'n1',
    mayServe: () => leads.now,
    onReport: (_, report) => reports.push(report),
    onLeft: () => undefined,
    log: silent,
  });
  server.useCredentials(tls);
  const bound = await server.start('127.0.0.1', port, epoch);
  server.openGate();
  undo.push(() => server.stop());
  return { leads, store, server, reports, leader: { address: `127.0.0.1:${bound}`, ca: tls.caCert } };
}

interface Client {
  readonly plan: Plan;
  readonly state: PlanState;
  readonly file: PlanFile;
  readonly keys: () => string[];
  token: string;
}

async function client(folder?: string): Promise<Client & { folder: string }> {
  const place = folder ?? (await mkdtemp(join(tmpdir(), 'kubeloom-plan-')));
  if (folder === undefined) folders.push(place);
  const path = join(place, 'plan.json');
  const kept = await readPlan(path);
  const tables = new PlanTables();
  for (const [key, item] of kept.items) tables.apply(key, item);
  const state = new PlanState(tables, kept);
  const file = new PlanFile(
    path,
    () => ({ epoch: state.epoch, revision: state.revision, complete: state.complete, items: [...tables.entries()] }),
    silent,
  );
  const made: Client & { folder: string } = {
    folder: place,
    state,
    file,
    token: 'good',
    keys: () => [...tables.entries()].map(([key]) => key).sort(),
    plan: new Plan({
      state,
      token: async () => await Promise.resolve(made.token),
      agentVersion: 'test',
      chassis: () => 'chassis-1',
      revised: () => {
        file.save();
        made.plan.applied(state.revision, state.malformed);
      },
      connection: () => undefined,
      setTimeout: (callback, ms) => setTimeout(callback, ms),
      clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
      random: Math.random,
      log: silent,
    }),
  };
  undo.push(() => made.plan.stop());
  return made;
}

describe('plan', () => {
  it('takes the items of its node, follows changes and says what it has done', async () => {
    const { store, server, leader, reports } = await operator(1);
    put(store, 'a', [fact(peer('a'))]);
    const agent = await client();
    agent.plan.lead(leader);
    await eventually(() => agent.state.complete && agent.keys().join() === 'peer/a');
    put(store, 'b', [fact(peer('b')), fact(peer('bad', 'x'))]);
    put(store, 'a', []);
    await eventually(() => agent.keys().join() === 'peer/b');
    const progress = await eventually(() => {
      const seen = server.progress('n1');
      return seen?.applied === store.revision && seen;
    });
    expect([...progress.failed.keys()]).toEqual(['peer/bad']);
    agent.plan.report({ condition: { type: 'NetworkUnavailable', status: 'False', reason: 'R', message: 'm' } });
    await eventually(() => reports.length === 1);
  });

  it('starts from its file while no operator is there, and prunes when one is again', async () => {
    const first = await operator(4);
    put(first.store, 'a', [fact(peer('a'))]);
    const agent = await client();
    agent.plan.lead(first.leader);
    await eventually(() => agent.keys().join() === 'peer/a');
    await agent.file.flushed();
    agent.plan.stop();
    first.server.stop();
    const again = await client(agent.folder);
    expect([again.state.complete, again.state.epoch, again.keys()]).toEqual([true, '4', ['peer/a']]);
    const next = await operator(5);
    put(next.store, 'b', [fact(peer('b'))]);
    again.plan.lead(next.leader);
    await eventually(() => again.keys().join() === 'peer/b');
    await again.file.flushed();
    expect(JSON.parse(await readFile(join(agent.folder, 'plan.json'), 'utf8'))).toMatchObject({ epoch: '5' });
  });

  it('dials again after the leader has gone, and goes to another one', async () => {
    const first = await operator(1);
    const agent = await client();
    agent.plan.lead(first.leader);
    await eventually(() => agent.state.complete);
    first.server.stop();
    const second = await operator(2, Number(first.leader.address.split(':')[1]));
    put(second.store, 'x', [fact(peer('x'))]);
    await eventually(() => agent.keys().join() === 'peer/x');
    const third = await operator(3);
    put(third.store, 'y', [fact(peer('y'))]);
    agent.plan.lead(third.leader);
    await eventually(() => agent.keys().join() === 'peer/y');
    expect(agent.state.epoch).toBe('3');
  });

  it('does not obey a deposed leader', async () => {
    const agent = await client();
    const leader = await operator(9);
    put(leader.store, 'a', [fact(peer('a'))]);
    agent.plan.lead(leader.leader);
    await eventually(() => agent.keys().join() === 'peer/a');
    const old = await operator(8);
    agent.plan.lead(old.leader);
    await eventually(() => old.server.connected === 0 && agent.state.epoch === '9');
    put(old.store, 'b', [fact(peer('b'))]);
    agent.plan.lead(leader.leader);
    await eventually(() => leader.server.connected === 1);
    expect(agent.keys()).toEqual(['peer/a']);
  });

  it('hears nothing more of a leader that has lost its lease and does not know it yet', async () => {
    const agent = await client();
    const { store, server, leader, leads } = await operator(9);
    put(store, 'a', [fact(peer('a'))]);
    agent.plan.lead(leader);
    await eventually(() => agent.keys().join() === 'peer/a');
    leads.now = false;
    put(store, 'b', [fact(peer('b'))]);
    put(store, 'a', []);
    await eventually(() => server.connected === 0);
    expect([agent.keys(), agent.state.revision]).toEqual([['peer/a'], '1']);
    leads.now = true;
    await eventually(() => agent.keys().join() === 'peer/b');
  });

  it('reads its token anew for each dial, and takes nothing from a server that it does not trust', async () => {
    const { server, leader } = await operator(1);
    const agent = await client();
    agent.token = 'bad';
    agent.plan.lead(leader);
    await new Promise((resolve) => setImmediate(resolve));
    agent.token = 'good';
    await eventually(() => agent.state.complete);
    const other = await renewed(undefined, ['kube-ovn-controller'], Date.now());
    const distrusting = await client();
    distrusting.plan.lead({ ...leader, ca: other.caCert });
    await eventually(() => server.connected === 1);
    expect(distrusting.state.complete).toBe(false);
  });
});
