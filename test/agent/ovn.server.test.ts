// ADD with a real OVN: northd and ovn-controller decide when a port is installed, and carry the packets.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { startServer } from '../ovsdb-server.ts';
import { TestNode, sh } from './node.ts';
import { node as nodeSpec, port, subnet } from './samples.ts';
import { buildShim } from './shim.ts';

const SOUTHBOUND_SCHEMA = '/usr/share/ovn/ovn-sb.ovsschema';

let node: TestNode;
let shim: string;
let nb: Awaited<ReturnType<typeof startServer>>;
let sb: Awaited<ReturnType<typeof startServer>>;
const children: ChildProcess[] = [];

function start(name: string, argv: readonly string[]): void {
  const output = openSync(join(node.folder, `${name}.log`), 'a');
  const env = { ...process.env, OVS_RUNDIR: node.folder, OVN_RUNDIR: node.folder };
  children.push(spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { stdio: ['ignore', output, output], env }));
}

const nbctl = (...args: readonly string[]): Promise<string> =>
  sh('/usr/bin/ovn-nbctl', `--db=${nb.remote}`, '--timeout=10', ...args);

/** The logical network that the operator would make. */
async function logicalNetwork(): Promise<void> {
  const command = [
    'lr-add r',
    'ls-add ovn-default',
    'lrp-add r r-pods 00:00:00:00:ff:01 10.16.0.1/16',
    'lsp-add ovn-default pods-r',
    'lsp-set-type pods-r router',
    'lsp-set-addresses pods-r router',
    'lsp-set-options pods-r router-port=r-pods',
    'ls-add join',
    'lrp-add r r-join 00:00:00:00:ff:02 100.64.0.1/16',
    'lsp-add join join-r',
    'lsp-set-type join-r router',
    'lsp-set-addresses join-r router',
    'lsp-set-options join-r router-port=r-join',
    'lsp-add join node-n1',
    'lsp-set-addresses node-n1 "00:00:00:00:00:11 100.64.0.2"',
    'lsp-add ovn-default a.ns',
    'lsp-set-addresses a.ns "00:00:00:00:01:01 10.16.0.11"',
    'lsp-add ovn-default b.ns',
    'lsp-set-addresses b.ns "00:00:00:00:01:02 10.16.0.12"',
    'lr-route-add r 0.0.0.0/0 100.64.0.2',
  ];
  const words = command.flatMap((line) => [
    '--',
    ...(line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', '')),
  ]);
  await nbctl(...words);
}

const pods = { a: '10.16.0.11', b: '10.16.0.12' } as const;

beforeAll(async () => {
  shim = await buildShim();
  node = await TestNode.create(shim);
  nb = await startServer();
  sb = await startServer({ schema: SOUTHBOUND_SCHEMA });
  await logicalNetwork();
  start('northd', [
    'ovn-northd',
    `--ovnnb-db=${nb.remote}`,
    `--ovnsb-db=${sb.remote}`,
    `--unixctl=${node.folder}/northd.ctl`,
  ]);
  await node.writePlan({
    'node/n1': nodeSpec({ southbound: [sb.remote] }),
    'subnet/ovn-default': subnet(),
    ...Object.fromEntries(
      Object.entries(pods).map(([name, ip], index) => [
        `port/${name}`,
        port({
          pod: { namespace: 'ns', name, uid: '' },
          ifaceId: `${name}.ns`,
          mac: `00:00:00:00:01:0${index + 1}`,
          addresses: [`${ip}/16`],
          mtu: 0,
        }),
      ]),
    ),
  });
  start('ovn-controller', ['nsenter', `--net=/run/netns/${node.netns}`, 'ovn-controller', node.database]);
  await node.startAgent(['--iface=eth2']);
}, 60_000);

afterAll(async () => {
  await node?.stopAgent('SIGKILL');
  for (const child of children) {
    if (child.exitCode !== null) continue;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
  await node?.dispose();
  await nb?.dispose();
  await sb?.dispose();
  await rm(dirname(shim), { recursive: true });
});

it('serves pods when OVN has taken the node, and OVN carries their packets', async () => {
  await eventually(() => existsSync(node.conflist), { within: 20_000, what: 'the conflist' });
  const [one, two] = [await node.newPod(), await node.newPod()];
  const add = (netns: string, name: keyof typeof pods): ReturnType<TestNode['cni']> =>
    node.cni('ADD', {
      CNI_CONTAINERID: name.repeat(64),
      CNI_NETNS: `/run/netns/${netns}`,
      CNI_ARGS: `K8S_POD_NAMESPACE=ns;K8S_POD_NAME=${name}`,
    });
  const answers = await Promise.all([add(one, 'a'), add(two, 'b')]);
  expect(answers.map(({ code, stdout }) => (code === 0 ? 0 : stdout))).toEqual([0, 0]);
  // The first packet after ADD must arrive: nothing is installed later.
  await sh('ip', 'netns', 'exec', one, 'ping', '-c', '1', '-W', '1', pods.b);
  await sh('nsenter', `--net=/run/netns/${node.netns}`, 'ping', '-c', '2', '-i', '0.2', '-W', '2', pods.a);
  await sh('ip', 'netns', 'exec', two, 'ping', '-c', '2', '-i', '0.2', '-W', '2', '192.0.2.11');
  expect(await nbctl('get', 'Logical_Switch_Port', 'a.ns', 'up')).toContain('true');
});
