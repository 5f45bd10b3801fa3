/** The pure parts of the test cluster: what is read from and written to text. */
import { describe, expect, it } from 'vitest';
import { contentKey } from './cache.ts';
import { hierarchies } from './cgroups.ts';
import { atLeast } from './go.ts';
import { pinnedVersions, versionFlags } from './kube.ts';
import { differences, formatLock, parseLock } from './packages-lock.ts';
import { machineProblems } from './preflight.ts';
import { duration } from './progress.ts';
import { AUDIT_POLICY, controlPlaneArguments, nodeFiles } from './settings.ts';
import { addressesOf } from './family.ts';
import { clusterId, nodeNumbers } from './spec.ts';
import type { ClusterRecord } from './spec.ts';

describe('packages.lock', () => {
  const lock = new Map([
    ['node amd64', new Map([['runc', '1.1.15+ds1-2+b4']])],
    ['base amd64', new Map(Object.entries({ 'libstdc++6': '14.2.0-19', bash: '5.2.37-2', adduser: '3.152' }))],
  ]);

  it('reads what it wrote, sorted', () => {
    const text = formatLock(lock);
    expect(parseLock(text)).toEqual(lock);
    expect(text.indexOf('adduser=')).toBeLessThan(text.indexOf('bash='));
    expect(text.indexOf('base amd64')).toBeLessThan(text.indexOf('node amd64'));
    expect(formatLock(parseLock(text))).toBe(text);
  });

  it('refuses what is neither a comment nor a package', () => {
    expect(() => parseLock('# section: base amd64\nbash 5.2')).toThrow('packages.lock line 2: bash 5.2');
  });

  it('names every difference', () => {
    const now = new Map([
      ['adduser', '3.152'],
      ['bash', '5.3'],
      ['zip', '3.0'],
    ]);
    expect(differences(lock.get('base amd64') ?? new Map(), now)).toEqual([
      'bash: locked 5.2.37-2, the archive has 5.3',
      'libstdc++6: locked 14.2.0-19, the archive has nothing',
      'zip: locked nothing, the archive has 3.0',
    ]);
    expect(differences(now, now)).toEqual([]);
  });
});

describe('versions', () => {
  it('are read from go.mod', () => {
    const goMod = 'module x\n\ngo 1.26.0\n\nrequire (\n\tk8s.io/kubectl v0.0.0\n\tk8s.io/kubernetes v1.36.2\n)\n';
    expect(pinnedVersions(goMod)).toEqual({ go: '1.26.0', kubernetes: 'v1.36.2' });
    expect(() => pinnedVersions('module x\n')).toThrow('names no Go');
  });

  it('end up in the programs', () => {
    expect(versionFlags('v1.36.2')).toContain('-X k8s.io/component-base/version.gitVersion=v1.36.2 ');
    expect(versionFlags('v1.36.2')).toContain('version.gitMinor=36 ');
  });

  it.each([
    ['1.26.0', '1.26.0', true],
    ['1.26', '1.26.0', true],
    ['1.26.8', '1.26.0', true],
    ['1.100', '1.26.0', true],
    ['2.0', '1.26.0', true],
    ['1.19.8', '1.26.0', false],
    ['1.25.99', '1.26.0', false],
    ['0', '1.26.0', false],
  ])('%s at least %s: %s', (a, b, expected) => {
    expect(atLeast(a, b)).toBe(expected);
  });
});

describe('cgroup hierarchies', () => {
  const line = (path: string, type: string, options: string): string =>
    `30 25 0:27 / ${path} rw,relatime shared:9 - ${type} cgroup ${options}\n`;

  it('of version 1, several', () => {
    const text =
      '22 1 8:1 / / rw - ext4 /dev/vda rw\n' +
      line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct') +
      line('/sys/fs/cgroup/cpuset', 'cgroup', 'rw,cpuset') +
      line('/sys/fs/cgroup/unified', 'cgroup2', 'rw') +
      line('/elsewhere/cpuset', 'cgroup', 'rw,cpuset');
    expect(hierarchies(text)).toEqual([
      { path: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'], v2: false },
      { path: '/sys/fs/cgroup/cpuset', controllers: ['cpuset'], v2: false },
      { path: '/sys/fs/cgroup/unified', controllers: [], v2: false },
    ]);
  });

  it('of version 2, the only one', () => {
    const text = line('/sys/fs/cgroup', 'cgroup2', 'rw,nsdelegate,memory_recursiveprot');
    expect(hierarchies(text)).toEqual([{ path: '/sys/fs/cgroup', controllers: [], v2: true }]);
  });

  it('none', () => {
    expect(hierarchies('22 1 8:1 / / rw - ext4 /dev/vda rw\n')).toEqual([]);
  });
});

describe('the machine', () => {
  const debian = (version: string): string =>
    `PRETTY_NAME="Debian GNU/Linux ${version}"\nID=debian\nVERSION_ID="${version}"\n`;

  it.each(['12', '13'])('may be Debian %s', (version) => {
    expect(machineProblems({ uid: 0, platform: 'linux', release: debian(version) })).toEqual([]);
  });

  it('is told everything that is wrong with it', () => {
    const found = machineProblems({ uid: 1000, platform: 'linux', release: debian('11') });
    expect(found).toHaveLength(2);
    expect(found[0]).toContain('this is Debian GNU/Linux 11');
    expect(found[1]).toContain('needs root');
    expect(machineProblems({ uid: 0, platform: 'darwin', release: '' })).toEqual([
      expect.stringContaining('Linux only'),
    ]);
  });
});

describe('a cluster', () => {
  const record: ClusterRecord = {
    name: 'x',
    nodes: 2,
    bare: true,
    ovnMembers: 1,
    family: 'ipv4',
    kubeProxy: 'iptables',
    id: 'kubeloom-x-1',
    dir: '/state/x',
    lowers: ['/upper', '/lower'],
    kubeDir: '/kube',
    pauseImage: 'docker.io/kubeloom/pause:1',
  };

  it('has addresses by node', () => {
    expect(nodeNumbers(3)).toEqual([1, 2, 3]);
    const { node, tunnel } = addressesOf('dual');
    expect([...node(1), ...node(12)]).toEqual(['172.29.0.11', 'fd00:172:29::11', '172.29.0.22', 'fd00:172:29::22']);
    expect(tunnel(2)).toEqual(['172.30.0.12', 'fd00:172:30::12']);
    expect(addressesOf('ipv6').node(1)).toEqual(['fd00:172:29::11']);
  });

  it('has an id of its own', () => {
    expect(clusterId('a')).toMatch(/^kubeloom-a-[0-9a-f]{8}$/);
    expect(clusterId('a')).not.toBe(clusterId('b'));
  });

  it('authorizes by Node and RBAC, and writes an audit log', () => {
    const lines = controlPlaneArguments(record)['kube-apiserver']?.split('\n') ?? [];
    expect(lines).toContain('--authorization-mode=Node,RBAC');
    expect(lines).toContain('--enable-admission-plugins=NodeRestriction');
    expect(lines).toContain('--audit-log-path=/state/x/logs/control-plane/audit.log');
    expect(AUDIT_POLICY.rules.at(-1)).toEqual({ level: 'Metadata' });
  });

  it('gives programs one argument per line, each with a value', () => {
    for (const text of Object.values(controlPlaneArguments(record))) expect(text).toMatch(/^(--[a-z-]+=\S+\n)+$/);
  });

  it('runs kube-proxy in iptables mode on every node, away from the machine-wide conntrack limits', () => {
    for (const n of [1, 2]) {
      const proxy = JSON.parse(nodeFiles(record, n)['kube-proxy.yaml'] ?? '') as Record<string, unknown>;
      expect(proxy).toMatchObject({ mode: 'iptables', hostnameOverride: `n${n}`, conntrack: { maxPerCore: 0 } });
    }
  });

  it('tells containerd its sandbox image and nodes each other', () => {
    const files = nodeFiles(record, 1);
    expect(files['containerd.toml']).toContain('sandbox_image = "docker.io/kubeloom/pause:1"');
    expect(files['hosts']).toContain('172.29.0.12 n2\n');
  });
});

describe('small things', () => {
  it.each([
    [12.4, '12 ms'],
    [3440, '3.4 s'],
    [125_000, '2 min 05 s'],
  ])('%d ms is told as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('keys differ when parts are cut differently', () => {
    expect(contentKey('ab', 'c')).not.toBe(contentKey('a', 'bc'));
    expect(contentKey('ab', 'c')).toBe(contentKey('ab', 'c'));
  });
});
