// A thousand attachments made and taken away by the executable, twenty-five at once: nothing is left, on the node, in the
// pods, in the database, on the disk, or in the agent.
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../eventually.ts';
import { sh } from '../node.ts';
import { port, topology } from '../plan.ts';
import { Runtime, done } from '../runtime.ts';
import type { Sandbox } from '../runtime.ts';
import { inventory, linksInside, settledInventory } from '../traces.ts';

const AT_ONCE = 25;
const ROUNDS = 40;
const names = Array.from({ length: AT_ONCE }, (_, at) => `p${at}`);

let runtime: Runtime;
beforeAll(async () => {
  const ports = names.map((name, at) => [
    `port/default/${name}/ovn`,
    {
      ...port(name, `10.16.1.${at + 1}`),
      addresses: [`10.16.1.${at + 1}/16`, `fd00::${at + 1}/64`],
      gateways: ['10.16.0.1', 'fd00::ffff'],
    },
  ]);
  runtime = await Runtime.create({ ...topology, ...(Object.fromEntries(ports) as Record<string, object>) });
  await eventually(async () => (await sh('ip', '-n', runtime.node.netns, 'address')).includes('100.64.0.2'));
});
afterAll(() => runtime?.dispose());

const openFiles = async (): Promise<number> => (await readdir(`/proc/${runtime.node.agentPid}/fd`)).length;

it('leaves zero ports, links, addresses and files after 1,000 attachments', async () => {
  const namespaces = await Promise.all(names.map((name) => runtime.sandbox(name)));
  const round = async (number: number): Promise<void> => {
    const pods = namespaces.map((pod, at): Sandbox => ({
      ...pod,
      CNI_CONTAINERID: `${String(number * AT_ONCE + at).padStart(12, 'c')}${'e'.repeat(52)}`,
    }));
    await Promise.all(pods.map((pod) => runtime.added(pod)));
    expect(await Promise.all(pods.map((pod) => runtime.cni('DEL', pod)))).toEqual(pods.map(() => done));
  };
  // Connections and buffers that live as long as the agent.
  await round(0);
  const [before, filesBefore] = [await settledInventory(runtime), await openFiles()];
  for (let number = 1; number <= ROUNDS; number++) await round(number);
  expect(await inventory(runtime)).toEqual(before);
  expect(before['links']?.filter((name) => name.endsWith('_h'))).toEqual([]);
  for (const pod of namespaces) expect(await linksInside(runtime, pod)).toEqual([]);
  expect(await openFiles()).toBeLessThanOrEqual(filesBefore);
}, 300_000);
