// `kubeloom plan` as its users see it: text, JSON, exit codes, and sentences about what is wrong.
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { rowId } from '../../lib/delta/ids.ts';
import { owner } from '../../lib/delta/ids.ts';
import type { Owner, RowFact } from '../../lib/delta/fact.ts';
import { difference } from '../../cli/plan/difference.ts';
import { plan } from '../../cli/plan/plan.ts';
import { exitCodeOf, type Report } from '../../cli/plan/report.ts';
import { text } from '../../cli/plan/text.ts';
import { json } from '../../cli/plan/json.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'kubeloom-plan-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
function file(content: string, name = `m${(count += 1)}.yaml`): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const planOf = (...paths: string[]): Promise<Report> => plan({ paths, recursive: false, namespace: 'default' });

const subnet = (name: string, spec: string): string =>
  `apiVersion: kubeovn.io/v1\nkind: Subnet\nmetadata: { name: ${name} }\nspec: ${spec}\n`;

const tablesOf = (report: Report, about: Owner): string[] =>
  report.groups.find((group) => group.owner === about)?.changes.map(({ table }) => table) ?? [];

const subnetOwner = (name: string): Owner => owner({ kind: 'Subnet', namespace: '', name });

describe('without a cluster', () => {
  it('shows every row of the samples, grouped by the object that wants it', async () => {
    const report = await planOf(join(root, 'config/samples'));
    expect(report.errors).toEqual([]);
    expect(exitCodeOf(report)).toBe(2);
    // Beside itself, the balancers that are on the switch.
    const balancers = Array.from({ length: 7 }, () => 'Logical_Switch');
    expect(tablesOf(report, subnetOwner('shop'))).toEqual([
      'Logical_Router_Policy',
      'Logical_Router_Port',
      'Logical_Switch',
      ...balancers,
      'Logical_Switch_Port',
    ]);
    const owners = ['IPPool//tills', 'Subnet//machines', 'Subnet//office', 'Subnet//vault', 'Vpc//lab', 'Vpc//north'];
    expect(report.groups.map((group) => group.owner)).toEqual(expect.arrayContaining(owners));
    // What depends on nodes is told, and is no mistake of whoever wrote the manifests.
    expect(report.groups.flatMap(({ problems }) => problems)).toMatchObject([
      { reason: 'KindNotAvailable', grave: false },
      { reason: 'OvnEipNotReady', message: expect.stringContaining('OvnEip sample-door') as string, grave: false },
      { reason: 'ProviderNetworkNotReady', message: expect.stringContaining('floor yet') as string, grave: false },
    ]);
  });

  it('says of pods on nodes which have no rows yet', async () => {
    const pod = (name: string, spec: string): string =>
      `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name}, namespace: default, uid: u-${name} }\nspec: { ${spec} }\n`;
    const ip =
      'apiVersion: kubeovn.io/v1\nkind: IP\nmetadata: { name: known.default, annotations: { kubeloom.io/owner-uid: u-known } }\n' +
      'spec: { subnet: ovn-default, podName: known, namespace: default, macAddress: 02:00:00:00:00:01, ' +
      'ipAddress: 10.16.0.9, v4IpAddress: 10.16.0.9, nodeName: n1 }\n';
    const objects = [pod('new', 'nodeName: n1'), pod('known', 'nodeName: n1'), pod('host', 'hostNetwork: true'), ip];
    const { remarks, groups } = await planOf(file(objects.join('---\n')));
    expect(groups.map((group) => group.owner)).toContain('Pod/default/known');
    expect(remarks.map((remark) => /Pod \S+/.exec(remark)?.[0])).toEqual(['Pod default/new:']);
  });

  it('says of the samples which have their rows later', async () => {
    const { remarks } = await planOf(join(root, 'config/samples'));
    const about = remarks.map((remark) => /: (\w+ [^:]+): /.exec(remark)?.[1]);
    expect(about).toEqual([
      'Pod default/sample-printer',
      'Pod default/sample-server',
      'Pod default/sample-client',
      'RouterLBRule sample-door',
      'Service default/sample-shop',
      'Service default/sample-log',
      'StatefulSet default/sample-ledger',
      'Vip sample-till',
      'SwitchLBRule sample-till',
      'Vip sample-front',
    ]);
  });

  it('plans the samples for Multus beside the others', async () => {
    const samples = join(root, 'config/samples');
    const report = await plan({ paths: [samples], recursive: true, namespace: 'default' });
    expect(tablesOf(report, subnetOwner('backstage'))).toContain('Logical_Switch');
    expect([report.errors, exitCodeOf(report)]).toEqual([[], 2]);
  });

  it('finds a sentence on what it is for at the head of every sample', () => {
    const files = globSync('config/samples/**/*.yaml', { cwd: root });
    expect(files.length).toBeGreaterThan(10);
    const silent = files.filter((path) => !/^# [A-Z]/.test(readFileSync(join(root, path), 'utf8')));
    expect(silent).toEqual([]);
  });

  it('lists every sample in the README of config', () => {
    const readme = readFileSync(join(root, 'config/README.md'), 'utf8');
    for (const path of globSync('**/*.yaml', { cwd: join(root, 'config/samples') })) {
      expect(readme).toContain(`| \`${path}\` |`);
    }
  });

  it('tells what is known of a row that has no name', async () => {
    const shown = text(await planOf(join(root, 'config/samples')), { colour: false });
    expect(shown).toContain('\n  + Logical_Router_Policy 10 ip4.dst == 10.21.0.128/25  in Logical_Router north\n');
    expect(shown).toContain('\n  + ACL to-lport 1002 ip4.src == $tills  in Logical_Switch vault\n');
    expect(shown).not.toMatch(/ [0-9a-f]{8}-[0-9a-f]{4}-/);
  });

  it('says that a kind of the group is not known', async () => {
    const report = await planOf(file('apiVersion: kubeovn.io/v1\nkind: Subnets\nmetadata: { name: a }\n'));
    expect(report.remarks).toEqual([expect.stringContaining('Subnets default/a: no such kind is known')]);
  });

  it('plans what the operator makes by itself', async () => {
    const report = await planOf(file(subnet('a', '{ cidrBlock: 10.20.0.0/24 }')));
    for (const name of ['ovn-default', 'join']) expect(tablesOf(report, subnetOwner(name))).toContain('Logical_Switch');
  });

  it('takes the settings from the ConfigMap when it is there', async () => {
    const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: kube-ovn-config }\ndata: { default-ls: blue }\n';
    const report = await planOf(file(map));
    expect(tablesOf(report, subnetOwner('blue'))).toContain('Logical_Switch');
    expect(tablesOf(report, subnetOwner('ovn-default'))).toEqual([]);
  });

  it('says what is wrong with an object, and plans the others', async () => {
    const report = await planOf(
      file(`${subnet('bad', '{ cidrBlock: 10.20.0.0/33 }')}---\n${subnet('good', '{ cidrBlock: 10.21.0.0/24 }')}`),
    );
    expect(report.groups.find((group) => group.owner === subnetOwner('bad'))?.problems).toMatchObject([
      { reason: 'ValidateLogicalSwitchFailed', grave: true },
    ]);
    expect(tablesOf(report, subnetOwner('good'))).toContain('Logical_Switch');
    expect(exitCodeOf(report)).toBe(1);
    expect(text(report, { colour: false })).toContain('  ! ValidateLogicalSwitchFailed: ');
  });

  it('names file and line of what cannot be read', async () => {
    const broken = file('apiVersion: v1\nkind: [Pod\n');
    const nameless = file('# first\n\napiVersion: v1\nkind: Pod\n');
    const report = await planOf(broken, nameless, join(folder, 'absent.yaml'));
    expect(report.errors[0]).toMatch(new RegExp(`^${broken}:[23]: `));
    expect(report.errors[1]).toBe(`${nameless}:3: Pod without metadata.name`);
    expect(report.errors[2]).toContain('absent.yaml: ENOENT');
    expect(exitCodeOf(report)).toBe(1);
  });

  it('tells of an object that is there twice', async () => {
    const report = await planOf(file(`${subnet('a', '{}')}---\n${subnet('a', '{}')}`));
    expect(report.errors).toEqual([expect.stringMatching(/^.*:6: Subnet a is also at .*:1$/)]);
  });

  it('keeps objects of one name apart by their namespace and their group', async () => {
    const map = (namespace: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: m, namespace: ${namespace} }\n`;
    const foreign = 'apiVersion: ec2.example.com/v1\nkind: Subnet\nmetadata: { name: a }\nspec: { cidrBlock: none }\n';
    const own = subnet('a', '{ cidrBlock: 10.20.0.0/24 }');
    const report = await planOf(file([map('one'), map('two'), foreign, own].join('---\n')));
    expect([report.errors, exitCodeOf(report)]).toEqual([[], 2]);
    expect(tablesOf(report, subnetOwner('a'))).toContain('Logical_Switch');
  });

  it('unfolds lists', async () => {
    const item = '{ apiVersion: kubeovn.io/v1, kind: Vpc, metadata: { name: in-a-list } }';
    const report = await planOf(file(`apiVersion: v1\nkind: List\nitems: [${item}]\n`));
    expect(report.groups.map((group) => group.owner)).toContain('Vpc//in-a-list');
  });

  it('is the same text whenever it is asked', async () => {
    const once = json(await planOf(join(root, 'config/samples')));
    expect(json(await planOf(join(root, 'config/samples')))).toBe(once);
  });
});

describe('the difference', () => {
  const about = subnetOwner('a');
  const id = rowId(about, 'Logical_Switch', 'a');
  const row = (columns: RowFact['columns']): RowFact => ({ row: 'Logical_Switch', id, owner: about, columns });

  it('of equal facts is empty, whatever the order inside of sets and maps', () => {
    const before = row({
      name: 'a',
      other_config: new Map([
        ['x', '1'],
        ['y', '2'],
      ]),
      acls: new Set(['1', '2']),
    });
    const after = row({
      name: 'a',
      other_config: new Map([
        ['y', '2'],
        ['x', '1'],
      ]),
      acls: new Set(['2', '1']),
    });
    expect(difference([before], [after])).toEqual([]);
  });

  it('names only the columns that differ', () => {
    const changes = difference([row({ name: 'a', mtu: 1 })], [row({ name: 'a', mtu: 2 })]);
    expect(changes).toMatchObject([{ verb: 'change', before: { mtu: 1 }, after: { mtu: 2 } }]);
    expect(Object.keys(changes[0]?.after ?? {})).toEqual(['mtu']);
  });

  it('counts an element with several owners once', () => {
    const member = (by: string) =>
      ({ member: 'Port_Group', id, column: 'ports', element: 'p', owner: subnetOwner(by) }) as const;
    expect(difference([], [member('b'), member('a')])).toMatchObject([{ verb: 'add', owner: subnetOwner('a') }]);
    expect(difference([member('b'), member('a')], [member('b')])).toEqual([]);
  });
});

describe('the command', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(root, 'cli/main.ts'), ...args], { encoding: 'utf8' });

  it('prints JSON for programs and exits with 2 when something changes', () => {
    const { status, stdout } = run('plan', '-f', join(root, 'config/samples'), '-o', 'json');
    expect(status).toBe(2);
    const { objects, counts } = JSON.parse(stdout) as {
      objects: { kind: string; name: string }[];
      counts: { add: number };
    };
    expect(objects).toContainEqual(
      expect.objectContaining({ kind: 'Subnet', name: 'shop', apiVersion: 'kubeovn.io/v1' }),
    );
    expect(counts.add).toBeGreaterThan(10);
  });

  it('exits with 1 and a sentence when it is used wrongly', () => {
    const { status, stderr } = run('plan');
    expect(status).toBe(1);
    expect(stderr).toContain("required option '-f, --filename <path...>' not specified");
  });

  it('says why a cluster cannot be reached', () => {
    const cluster = '{ name: away, cluster: { server: "https://127.0.0.1:65535" } }';
    const config = file(
      `apiVersion: v1\nkind: Config\ncurrent-context: away\nclusters: [${cluster}]\nusers: [{ name: u, user: { token: t } }]\n` +
        'contexts: [{ name: away, context: { cluster: away, user: u } }]\n',
      'away',
    );
    const { status, stderr } = run('plan', '-f', join(root, 'config/samples'), '--kubeconfig', config);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: .*ECONNREFUSED 127\.0\.0\.1:65535\n$/);
  });

  it('exits with 1 and a sentence for a context that does not exist', () => {
    const config = file('apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n', 'config');
    const { status, stderr } = run('plan', '-f', folder, '--kubeconfig', config, '--context', 'nowhere');
    expect([status, stderr]).toEqual([1, 'error: no context nowhere in the kubeconfig\n']);
  });
});
