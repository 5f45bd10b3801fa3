// Probes of pods in VPCs of their own, as a kubelet makes them: connections from the node to the pod's address, which no
// route of the node leads to. An agent, its rules, the program under the sanitizers, and servers in the pods' namespaces.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { sh } from './node.ts';
import { port, topology } from './plan.ts';
import { Runtime, done } from './runtime.ts';
import type { Sandbox } from './runtime.ts';
import { buildProbeProxy } from './shim.ts';

const four = '10.30.0.5';
const six = 'fd00:30::5';
const plan = {
  ...topology,
  'node/n1': { ...topology['node/n1'], internalIps: ['192.0.2.11', '2001:db8::11'] },
  'subnet/own': {
    ...topology['subnet/ovn-default'],
    name: 'own',
    uid: 'own',
    vpc: 'own',
    cidrs: ['10.30.0.0/24', 'fd00:30::/64'],
    gateways: ['10.30.0.1', 'fd00:30::1'],
    natOutgoing: false,
    routedByNodes: false,
  },
  'port/default/a/ovn': {
    ...port('a', four),
    subnet: 'own',
    addresses: [`${four}/24`, `${six}/64`],
    gateways: ['10.30.0.1', 'fd00:30::1'],
    probes: [
      { port: 8080, bare: false },
      { port: 9090, bare: true },
    ],
  },
  // It has the address of the first, in another VPC, and a port of its own.
  'port/default/b/ovn': { ...port('b', four), subnet: 'other', probes: [{ port: 8081, bare: false }] },
};

let runtime: Runtime;
let program: string;
const pods: Record<string, Sandbox> = {};
const servers: ChildProcess[] = [];

const onNode = (...argv: readonly string[]): Promise<string> =>
  sh('nsenter', `--net=/run/netns/${runtime.node.netns}`, ...argv);

/** A server in a pod, of a line of Node. */
async function serving(pod: string, script: string): Promise<ChildProcess> {
  const netns = pods[pod]?.CNI_NETNS ?? '';
  const child = spawn('nsenter', [`--net=${netns}`, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

const http = (pod: string, number: number): Promise<ChildProcess> =>
  serving(
    pod,
    `require('http').createServer((q, r) => r.end('${pod} to ' + q.socket.remoteAddress)).listen(${number}, () => console.log('on'))`,
  );

const url = (ip: string, number: number): string => `http://${ip.includes(':') ? `[${ip}]` : ip}:${number}/`;
const ask = (ip: string, number: number): Promise<string> =>
  onNode('curl', '--silent', '--show-error', '--max-time', '5', url(ip, number));

/** As the kubelet's tcpSocket: a connection, and nothing said. */
const connects = (ip: string, number: number): Promise<boolean> =>
  onNode('bash', '-c', `exec 3<>/dev/tcp/${ip}/${number}`).then(
    () => true,
    () => false,
  );

const rules = async (): Promise<string> =>
  [
    await onNode('iptables-nft-save', '-t', 'mangle'),
    await onNode('ip6tables-nft-save', '-t', 'mangle'),
    await onNode('ip', '-N', 'rule'),
    await onNode('ip', '-N', '-6', 'rule'),
    await onNode('ip', '-N', '-4', 'route', 'show', 'table', 'all'),
    await onNode('ip', '-N', '-6', 'route', 'show', 'table', 'all'),
  ].join('\n');
const lines = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => /TPROXY|xmark 0x90003|10001/.test(line))
    .toSorted();

const flags = (on: boolean): string[] => [`--enable-tproxy=${on}`, `--probe-proxy-program=${program}`];

beforeAll(async () => {
  program = await buildProbeProxy(['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']);
  runtime = await Runtime.create(plan);
  // The kernel chooses a source by the route that is there before the rules, as a node's default route is.
  await onNode('ip', 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'end');
  for (const link of ['wire', 'end']) await onNode('ip', 'link', 'set', link, 'up');
  await onNode('ip', 'address', 'add', '192.0.2.11/24', 'dev', 'wire');
  await onNode('ip', 'address', 'add', '2001:db8::11/64', 'dev', 'wire', 'nodad');
  await onNode('ip', 'route', 'add', 'default', 'via', '192.0.2.1');
  await onNode('ip', '-6', 'route', 'add', 'default', 'via', '2001:db8::1');
  runtime.node.agentFlags = flags(true);
  await runtime.restartAgent();
  for (const pod of ['a', 'b']) {
    const sandbox = await runtime.sandbox(pod);
    pods[pod] = sandbox;
    await runtime.added(sandbox);
    await runtime.inPod(sandbox, 'link', 'set', 'lo', 'up');
  }
  await eventually(async () => lines(await rules()).some((line) => line.includes('8081')), { what: 'rules' });
}, 120_000);
afterAll(async () => {
  for (const server of servers) server.kill('SIGKILL');
  await runtime?.dispose();
  await rm(dirname(program), { recursive: true });
});

describe('a request', () => {
  it('reaches the pod at each of its addresses, from within', async () => {
    await http('a', 8080);
    expect(await ask(four, 8080)).toBe(`a to ::ffff:${four}`);
    expect(await ask(six, 8080)).toBe(`a to ${six}`);
  });

  it('reaches another pod of the same address by its own port', async () => {
    await http('b', 8081);
    expect(await ask(four, 8081)).toBe(`b to ::ffff:${four}`);
  });

  it('may be long, and so may its answer', async () => {
    await serving(
      'a',
      "const s = require('http').createServer((q, r) => q.pipe(r)); s.listen(9090, () => console.log('on'))",
    );
    await eventually(() => connects(four, 9090), { what: 'the port to be open' });
    const echo = `head -c 3000000 /dev/zero | tr '\\0' x | curl --silent --max-time 20 --data-binary @- ${url(four, 9090)} | sha256sum`;
    const plain = "head -c 3000000 /dev/zero | tr '\\0' x | sha256sum";
    expect(await onNode('bash', '-c', echo)).toBe(await sh('bash', '-c', plain));
    servers.at(-1)?.kill('SIGKILL');
  });

  it('is not led from other ports, nor from elsewhere', async () => {
    expect(await connects(four, 8082)).toBe(false);
    // By its own port the program is nobody's way in.
    await expect(ask('192.0.2.11', 8102)).rejects.toThrow(/reset|Empty reply|Couldn't connect/);
    expect(await onNode('iptables-nft-save', '-t', 'mangle')).toContain('-A OVN-PREROUTING ! -i lo -j RETURN');
  });
});

describe('a connection that says nothing', () => {
  it('is refused while the port is closed, and there while it is open', async () => {
    await eventually(async () => !(await connects(four, 9090)), { what: 'the closed port to refuse' });
    expect(await connects(six, 9090)).toBe(false);
    const server = await http('a', 9090);
    await eventually(() => connects(four, 9090), { what: 'the open port' });
    await eventually(() => connects(six, 9090), { what: 'the open port at its other address' });
    server.kill('SIGKILL');
    await eventually(async () => !(await connects(four, 9090)), { what: 'the port to refuse again' });
    expect(await connects(four, 9090)).toBe(false);
  });
});

describe('the rules', () => {
  it('are in the words of Kube-OVN', async () => {
    const text = await rules();
    for (const rule of [
      `-A OVN-PREROUTING -d ${four}/32 -p tcp -m tcp --dport 8080 -j TPROXY --on-port 8102 --on-ip 192.0.2.11 --tproxy-mark 0x90004/0x90004`,
      `-A OVN-OUTPUT -d ${four}/32 -p tcp -m tcp --dport 8080 -j MARK --set-xmark 0x90003/0x90003`,
      `-A OVN-PREROUTING -d ${six}/128 -p tcp -m tcp --dport 8080 -j TPROXY --on-port 8102 --on-ip 2001:db8::11 --tproxy-mark 0x90004/0x90004`,
      'fwmark 0x90003/0x90003 lookup 10001',
      'fwmark 0x90004/0x90004 lookup 10001',
    ])
      expect(text).toContain(rule);
    expect(text.match(/^(?:local|2) default dev lo table 10001/gm)).toHaveLength(2);
  });

  it('come back when somebody has taken them away', async () => {
    const before = lines(await rules());
    await onNode('iptables-nft', '-t', 'mangle', '-F', 'OVN-OUTPUT');
    await onNode('ip', 'rule', 'del', 'fwmark', '0x90003/0x90003', 'table', '10001');
    await onNode('ip', 'route', 'flush', 'table', '10001');
    const same = async (): Promise<boolean> => lines(await rules()).join('\n') === before.join('\n');
    await eventually(same, { what: 'the rules to be whole' }).catch(() => undefined);
    expect(lines(await rules())).toEqual(before);
    expect(await ask(four, 8080)).toBe(`a to ::ffff:${four}`);
  });

  it('and the way with them are there again when the program is killed', async () => {
    const all = await sh('pgrep', '--parent', String(runtime.node.agentPid), '--exact', 'probe-proxy');
    const pid = all.trim();
    process.kill(Number(pid), 'SIGKILL');
    expect(await eventually(() => ask(four, 8080).catch(() => undefined), { what: 'an answer', within: 20_000 })).toBe(
      `a to ::ffff:${four}`,
    );
  });

  it('and the way with them are there when an agent starts after the pod', async () => {
    await runtime.restartAgent();
    const answer = await eventually(() => ask(four, 8080).catch(() => undefined), { what: 'an answer' });
    expect(answer).toBe(`a to ::ffff:${four}`);
  });

  it('go with the pod', async () => {
    expect(await runtime.cni('DEL', pods['b'] ?? {})).toEqual(done);
    await eventually(async () => !(await rules()).includes('8081'), { what: 'the rules of b to go' });
    expect(await rules()).toContain('--dport 8080');
  });

  it('go with the setting', async () => {
    runtime.node.agentFlags = flags(false);
    await runtime.restartAgent();
    await eventually(async () => lines(await rules()).length === 0, { what: 'the rules to go' });
    expect(await connects(four, 8080)).toBe(false);
  });
});
