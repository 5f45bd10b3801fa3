// `kubeloom why` as a program, before a real northbound database and a real API server.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiOf } from '../../cli/kube.ts';
import { northboundOf } from '../../cli/northbound.ts';
import { startApiServer, type ApiServer } from '../kube-apiserver.ts';
import { startServer, type OvsdbServer } from '../ovsdb-server.ts';
import { operations } from '../worlds/transaction.ts';
import { Rows } from './why/rows.ts';

const root = join(import.meta.dirname, '../..');

let api: ApiServer;
let nb: OvsdbServer & { dispose(): Promise<void> };

const service = (name: string, spec: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: default }\nspec: ${spec}\n`;

const central = (name: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name}, namespace: kube-system, labels: { app: ovn-central } }\n` +
  'spec: { automountServiceAccountToken: false, containers: [{ name: ovn-central, image: x }] }\n';

beforeAll(async () => {
  [api, nb] = await Promise.all([startApiServer(), startServer({ args: ['--remote=ptcp:0:127.0.0.1'] })]);
  const account = (namespace: string): string =>
    `apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: default, namespace: ${namespace} }\n`;
  await api.apply(
    [
      account('kube-system'),
      service('front', '{ clusterIP: 10.96.0.77, ports: [{ port: 80 }] }'),
      service('headless', '{ clusterIP: None, ports: [{ port: 80 }] }'),
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: kube-ovn-config, namespace: kube-system }\ndata: { enable-ssl: "false" }\n',
      central('ovn-central-a'),
      central('ovn-central-b'),
    ].join('---\n'),
  );
  const onNode = async (pod: string, hostIP: string): Promise<void> => {
    const status = JSON.stringify({ status: { hostIP, hostIPs: [{ ip: hostIP }] } });
    const patch = ['patch', 'pod', pod, '-n', 'kube-system', '--subresource=status', '--type=merge', '-p', status];
    await api.kubectl(...patch);
  };
  await onNode('ovn-central-a', '192.0.2.1');
  await onNode('ovn-central-b', '2001:db8::2');
  await nb.transact(operations(network().facts));
});

afterAll(() => Promise.all([api.stop(), nb.dispose()]));

/** Pods default/web and default/db, Service front on its address and port, and a rule that db lets nothing but 5432 in. */
function network(): Rows {
  const rows = new Rows();
  rows.router('r');
  rows.switch('s');
  rows.attach('r', 's', '02:00:00:00:01:01', ['10.16.0.1/16']);
  rows.port('s', 'web.default', '02:00:00:00:00:01 10.16.0.2');
  rows.port('s', 'db.default', '02:00:00:00:00:02 10.16.0.3');
  rows.aclOnSwitch('s', {
    direction: 'to-lport',
    action: 'drop',
    priority: 1,
    match: 'outport == "db.default" && (tcp.dst != 5432 || icmp4)',
    owner: 'NetworkPolicy/default/db',
  });
  rows.balancer('cluster-tcp', { on: ['s'], vips: { '10.96.0.77:80': '10.16.0.3:5432' }, protocol: 'tcp' });
  return rows;
}

async function kubeloom(
  ...args: readonly string[]
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const argv = [join(root, 'cli/main.ts'), 'why', `--nb=tcp:127.0.0.1:${await nb.port()}`, ...args];
  return spawnSync(process.execPath, argv, { encoding: 'utf8' });
}

describe('kubeloom why', () => {
  it('says of a pod what lets it through, with exit code 0', async () => {
    const { status, stdout, stderr } = await kubeloom('default/web', 'pod/db', '--port', '5432');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('PASSES  pod default/web (10.16.0.2) -> pod default/db (10.16.0.3), tcp 5432\n');
  });

  it('says what stops it, with exit code 2', async () => {
    const { status, stdout } = await kubeloom('pod/web', 'pod/db', '-o', 'json');
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      passes: false,
      protocol: 'icmp',
      ways: [{ request: { steps: [{}, {}, { rule: { owner: { kind: 'NetworkPolicy', name: 'db' } } }] } }],
    });
  });

  it('asks the API server for the address of a service, and the rows for its only port', async () => {
    const { status, stdout, stderr } = await kubeloom('pod/web', 'svc/front', `--kubeconfig=${api.kubeconfig}`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('service default/front (10.96.0.77), tcp 80\n');
    expect(stdout).toContain('load balancer cluster-tcp: 10.96.0.77:80 -> 10.16.0.3:5432\n');
  });

  it.each([
    ['a service that is not there', ['pod/web', 'svc/gone'], 'services "gone" not found'],
    ['a service without an address', ['pod/web', 'svc/headless'], 'has no address of its own'],
    ['a pod that is not there', ['pod/web', 'pod/gone'], 'no logical switch port gone.default'],
    ['a port that is none', ['pod/web', 'pod/db', '--port', '70000'], 'a port is 1 to 65535'],
  ])('ends with code 1 for %s', async (_, args, message) => {
    const { status, stdout, stderr } = await kubeloom(...args, `--kubeconfig=${api.kubeconfig}`);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('finds the members of ovn-central on their nodes', async () => {
    expect(await northboundOf(apiOf({ kubeconfig: api.kubeconfig, context: '' }))).toEqual({
      remotes: ['tcp:192.0.2.1:6641', 'tcp:[2001:db8::2]:6641'],
    });
  });
});
