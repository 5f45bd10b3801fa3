// DEL while others are away. API server and operator are so in all tests of this folder (the agent has its plan from the disk,
// and there is nothing behind its API server's address); here Open vSwitch goes as well.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../eventually.ts';
import { UnixRelay } from '../../faults/unix-relay.ts';
import { sh } from '../node.ts';
import { samplePlan } from '../plan.ts';
import { Runtime, done, refused } from '../runtime.ts';
import { inventory, linksInside, settledInventory } from '../traces.ts';

let runtime: Runtime;
let relay: UnixRelay;
const target = (): string => runtime.node.database.replace('unix:', '');
const socket = (): string => join(runtime.node.folder, 'relay.sock');
beforeAll(async () => {
  runtime = await Runtime.create(samplePlan);
  relay = await UnixRelay.start(socket(), target());
  runtime.node.agentDatabase = `unix:${socket()}`;
  await runtime.restartAgent();
  await eventually(async () => (await sh('ip', '-n', runtime.node.netns, 'address')).includes('100.64.0.2'));
});
afterAll(async () => {
  runtime?.node.signalSwitch('SIGCONT');
  relay?.stop();
  await runtime?.dispose();
});

describe('without API server and operator', () => {
  it('adds what is in the plan, deletes it, and leaves nothing', async () => {
    expect(runtime.node.agentLog).toContain('watch of the API server ended');
    const [before, pod] = [await settledInventory(runtime), await runtime.sandbox('a')];
    await runtime.added(pod);
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    expect(await inventory(runtime)).toEqual(before);
  });

  it('deletes what the plan has forgotten', async () => {
    const [before, pod] = [await settledInventory(runtime), await runtime.sandbox('a')];
    await runtime.added(pod);
    const { 'port/default/a/ovn': _, ...rest } = samplePlan;
    await runtime.restartAgent(rest);
    expect(await runtime.ports(pod)).toHaveLength(1);
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    expect(await inventory(runtime)).toEqual(before);
    await runtime.restartAgent(samplePlan);
  });
});

describe("without Open vSwitch's database", () => {
  it('asks for another DEL, which leaves nothing when the database is back', async () => {
    const [before, pod] = [await settledInventory(runtime), await runtime.sandbox('a')];
    await runtime.added(pod);
    relay.stop();
    expect(await runtime.cni('DEL', pod)).toMatchObject(refused(11, /Open vSwitch's database does not answer/));
    expect(await runtime.cni('STATUS', {}, { cniVersion: '1.1.0' })).toMatchObject(
      refused(51, /Open vSwitch's database is not connected/, '1.1.0'),
    );
    await rm(socket(), { force: true });
    relay = await UnixRelay.start(socket(), target());
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    expect(await inventory(runtime)).toEqual(before);
    expect(await linksInside(runtime, pod)).toEqual([]);
  });

  it('keeps a DEL waiting for a database that comes back in time', async () => {
    const [before, pod] = [await settledInventory(runtime), await runtime.sandbox('b')];
    await runtime.added(pod);
    relay.stop();
    const deleting = runtime.cni('DEL', pod);
    await rm(socket(), { force: true });
    relay = await UnixRelay.start(socket(), target());
    expect(await deleting).toEqual(done);
    expect(await inventory(runtime)).toEqual(before);
  });
});

describe('without ovs-vswitchd', () => {
  it('deletes at once, and nothing is left when it is back', async () => {
    const [before, pod] = [await settledInventory(runtime), await runtime.sandbox('a')];
    await runtime.added(pod);
    runtime.node.signalSwitch('SIGSTOP');
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    expect(await runtime.ports(pod)).toEqual([]);
    runtime.node.signalSwitch('SIGCONT');
    expect(await inventory(runtime)).toEqual(before);
    expect(await linksInside(runtime, pod)).toEqual([]);
  });
});
