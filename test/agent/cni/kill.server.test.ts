// An agent killed at each step of ADD and of DEL, then DEL by the next agent: nothing is left. The steps are those of
// agent/cni/attach.ts, each before and after its effect, and within the batch after each of its lines.
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../eventually.ts';
import { UnixRelay } from '../../faults/unix-relay.ts';
import { agentPrograms } from '../node.ts';
import { samplePlan, port } from '../plan.ts';
import { Runtime, done } from '../runtime.ts';
import type { Sandbox, Told } from '../runtime.ts';
import { isRecorded, linksInside, settledInventory } from '../traces.ts';
import { failpoints } from './failpoints.ts';
import type { Failpoint, Failpoints } from './failpoints.ts';

const plan = { ...samplePlan, 'port/default/silent/ovn': { ...port('silent', '10.16.0.50'), announced: false } };

let runtime: Runtime;
let relay: UnixRelay;
let points: Failpoints;
let before: Awaited<ReturnType<typeof settledInventory>>;
beforeAll(async () => {
  runtime = await Runtime.create(plan);
  points = await failpoints(runtime.node.folder, (await agentPrograms()).checksum);
  const socket = join(runtime.node.folder, 'relay.sock');
  relay = await UnixRelay.start(socket, runtime.node.database.replace('unix:', ''));
  runtime.node.agentEnvironment = { PATH: points.path };
  runtime.node.agentFlags = points.flags;
  runtime.node.agentDatabase = `unix:${socket}`;
  await runtime.restartAgent();
  await eventually(async () => (await runtime.node.vsctl('list-ports', 'br-int')).includes('ovn0'));
});
afterAll(async () => {
  relay?.stop();
  await runtime?.dispose();
});
beforeEach(async () => {
  before = await settledInventory(runtime);
});

/** Where the agent ends, given the call that is under way. */
type Killing = (call: () => Promise<Told>) => Promise<Told>;

/** A program kills the agent. */
const at =
  (point: Failpoint): Killing =>
  async (call) => {
    await points.arm(point);
    const answer = await call();
    await runtime.node.agentEnded();
    return answer;
  };

/** The database's connection stands still from a text on, then the agent is killed. */
const when =
  (side: 'client' | 'server', text: RegExp): Killing =>
  async (call) => {
    const caught = relay.hold(side, text);
    const answer = call();
    await caught;
    await runtime.node.stopAgent('SIGKILL');
    relay.release();
    return await answer;
  };

/** The agent is killed as soon as something holds. */
const once =
  (holds: () => Promise<boolean>): Killing =>
  async (call) => {
    const answer = call();
    await eventually(holds);
    await runtime.node.stopAgent('SIGKILL');
    return await answer;
  };

const waiting = async (): Promise<boolean> => (await runtime.node.interfaces('pod_name', 'dual')).length > 0;

async function nothingLeft(pod: Sandbox): Promise<void> {
  expect(await settledInventory(runtime)).toEqual(before);
  expect(await eventually(async () => !(await isRecorded(runtime, pod)))).toBe(true);
  expect(await linksInside(runtime, pod)).toEqual([]);
}

const early: [string, Killing][] = [
  ['before the pair is made', at('pair 0')],
  ['after the pair', at('pair 1')],
  ["after the pod's end is up", at('pair 2')],
  ['after the address', at('pair 3')],
  ['after the IPv6 address', at('pair 4')],
  ['after the route', at('pair 5')],
  ['after the IPv6 route', at('pair 6')],
  ['before the port reaches the database', when('client', /"op":"insert".*kubeloom-container/)],
];

/** OVN may have installed the port by then. */
const late: [string, Killing][] = [
  ['before checksum offload', at('checksum before')],
  ['after checksum offload', at('checksum after')],
  ['before the database has answered', when('server', /kubeloom-container/)],
  ['when OVN has installed the port', when('server', /ovn-installed/)],
];

describe('an agent killed within ADD', () => {
  it.each([...early, ...late])('%s leaves nothing after DEL', async (_, kill) => {
    const pod = await runtime.sandbox('dual');
    expect(await kill(() => runtime.cni('ADD', pod))).toMatchObject({ code: 1, error: { code: 11 } });
    await runtime.restartAgent();
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    await nothingLeft(pod);
  });

  it.each(early)('%s adds when it is asked again', async (_, kill) => {
    const pod = await runtime.sandbox('dual');
    expect(await kill(() => runtime.cni('ADD', pod))).toMatchObject({ code: 1, error: { code: 11 } });
    await runtime.restartAgent();
    await runtime.added(pod);
    expect(await runtime.inPod(pod, 'route')).toContain('default via 10.16.0.1 dev eth0');
    expect(await runtime.inPod(pod, '-6', 'route')).toContain('default via fd00::1 dev eth0');
    expect(await runtime.ports(pod)).toHaveLength(1);
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    await nothingLeft(pod);
  });

  it.each<[string, string, Killing]>([
    ['an address', 'nobody', once(async () => runtime.node.agentLog.includes('"chassis":"chassis-1"'))],
    ['the annotations', 'silent', once(async () => (await runtime.node.interfaces('pod_name', 'silent')).length > 0)],
  ])('while it waits for %s leaves nothing after DEL', async (_, name, kill) => {
    const pod = await runtime.sandbox(name);
    expect(await kill(() => runtime.cni('ADD', pod))).toMatchObject({ code: 1, error: { code: 11 } });
    await runtime.restartAgent();
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    await nothingLeft(pod);
  });

  it('while it waits for OVN leaves nothing after DEL, with and without a namespace', async () => {
    await runtime.withoutOvn();
    for (const netns of [undefined, '', '/run/netns/gone']) {
      const pod = await runtime.sandbox('dual');
      expect(await once(waiting)(() => runtime.cni('ADD', pod))).toMatchObject({ code: 1, error: { code: 11 } });
      await runtime.restartAgent();
      expect(await runtime.cni('DEL', { ...pod, ...(netns === undefined ? {} : { CNI_NETNS: netns }) })).toEqual(done);
      await nothingLeft(pod);
    }
    runtime.withOvn();
  });
});

describe('an agent killed within DEL', () => {
  it.each<[string, Killing]>([
    ['before the pair is deleted', at('unlink before')],
    ['after the pair is deleted', at('unlink after')],
    ['before the port leaves the database', when('client', /"mutate".*"delete"/)],
    ['before the database has answered', when('server', /"count":1/)],
  ])('%s leaves nothing after another DEL', async (_, kill) => {
    const pod = await runtime.sandbox('dual');
    await runtime.added(pod);
    expect(await kill(() => runtime.cni('DEL', pod))).toMatchObject({ code: 1, error: { code: 11 } });
    await runtime.restartAgent();
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    await nothingLeft(pod);
  });
});
