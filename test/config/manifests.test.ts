// The deployment as files: what must hold of every manifest, whoever edits it next.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseFlags, settingsOf } from '../../agent/settings.ts';
import { settingsOf as operatorSettingsOf } from '../../operator/settings.ts';
import { allResources } from '../../operator/kube/resources.ts';
import { repoRoot } from '../cluster/cache.ts';
import { imageNames } from '../../config/images/build.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly volumeMounts?: readonly { name: string; mountPath: string }[];
}

interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly serviceAccountName: string;
  readonly priorityClassName: string;
  readonly tolerations: readonly object[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { name: string }[];
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly Rule[];
  readonly spec?: {
    readonly selector?: Readonly<Record<string, unknown>>;
    readonly template?: { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: PodSpec };
  };
}

const base = join(repoRoot, 'config', 'base');

function read<T>(path: string): T[] {
  return parseAllDocuments(readFileSync(path, 'utf8'), { merge: true }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as T;
  });
}

interface Kustomization {
  readonly resources: readonly string[];
}

const kustomization = (folder: string): Kustomization => {
  const [only] = read<Kustomization>(join(folder, 'kustomization.yaml'));
  if (only === undefined) throw new Error(`${folder} has an empty kustomization`);
  return only;
};

const manifests = kustomization(base)
  .resources.filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => read<Manifest>(join(base, name)));

const named = (kind: string, name: string): Manifest => {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
};

const workloads = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet');
const podOf = (manifest: Manifest): PodSpec => {
  const pod = manifest.spec?.template?.spec;
  if (pod === undefined) throw new Error(`${manifest.metadata.name} has no pods`);
  return pod;
};
const containersOf = (pod: PodSpec): readonly Container[] => [...(pod.initContainers ?? []), ...pod.containers];

describe('kustomizations', () => {
  it.each([base, join(repoRoot, 'crds')])('%s lists every manifest of its folder', (folder) => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
    expect(
      kustomization(folder)
        .resources.filter((name) => name.endsWith('.yaml'))
        .toSorted(),
    ).toEqual(files.sort());
  });

  it('the root deploys the base', () => {
    expect(kustomization(repoRoot).resources).toEqual(['config/base']);
  });
});

describe('workloads', () => {
  it('have the names, labels and containers that people, tools and tests look for', () => {
    const seen = workloads.map(({ kind, metadata, spec }) => [
      `${kind}/${metadata.name}`,
      spec?.template?.metadata.labels,
      spec?.template?.spec.containers.map(({ name }) => name),
    ]);
    const labels = (app: string): object => ({ app, component: 'network', type: 'infra' });
    expect(seen).toEqual([
      ['Deployment/ovn-central', labels('ovn-central'), ['ovn-central']],
      ['DaemonSet/ovs-ovn', labels('ovs'), ['openvswitch']],
      ['Deployment/kube-ovn-controller', labels('kube-ovn-controller'), ['kube-ovn-controller']],
      ['DaemonSet/kube-ovn-cni', labels('kube-ovn-cni'), ['cni-server']],
    ]);
  });

  it.each(workloads.map((manifest) => [manifest.metadata.name, podOf(manifest)] as const))('%s', (_name, pod) => {
    expect(pod.hostNetwork).toBe(true);
    expect(pod.tolerations).toEqual([{ operator: 'Exists' }]);
    expect(pod.priorityClassName).toMatch(/^system-(cluster|node)-critical$/);
    expect(() => named('ServiceAccount', pod.serviceAccountName)).not.toThrow();
    const volumes = pod.volumes.map(({ name }) => name);
    const mounted = containersOf(pod).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
    expect(new Set(mounted)).toEqual(new Set(volumes));
    for (const { image, imagePullPolicy, command } of containersOf(pod)) {
      expect(image).toBe(imageNames.kubeloom);
      expect(imagePullPolicy).toBe('IfNotPresent');
      const script = command[0] ?? '';
      const source = join(repoRoot, 'config/images/scripts', basename(script));
      expect(script.endsWith('.sh') && !existsSync(source)).toBe(false);
    }
  });

  it('the agent and the operator are told their configuration folder, and it is mounted there', () => {
    for (const name of ['kube-ovn-controller', 'kube-ovn-cni']) {
      const [container] = podOf(workloads.find(({ metadata }) => metadata.name === name) ?? manifests[0]!).containers;
      expect(parseFlags(container?.args ?? []).get('config-dir')).toBe('/etc/kube-ovn');
      expect(container?.volumeMounts).toContainEqual({ name: 'settings', mountPath: '/etc/kube-ovn', readOnly: true });
    }
  });

  it("services select the leaders of ovn-central's roles", () => {
    for (const role of ['nb', 'sb', 'northd']) {
      expect(named('Service', `ovn-${role}`).spec?.selector).toEqual({
        app: 'ovn-central',
        [`ovn-${role}-leader`]: 'true',
      });
    }
  });
});

describe('rights', () => {
  const roles = manifests.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role');
  const rules = roles.flatMap(({ kind, metadata, rules = [] }) =>
    rules.map((rule) => ({ kind, of: metadata.name, rule })),
  );

  it('name verbs, groups and resources, never all of them', () => {
    for (const { rule } of rules) {
      expect([...rule.verbs, ...rule.apiGroups, ...rule.resources].filter((text) => text.includes('*'))).toEqual([]);
      expect(rule.verbs).not.toContain('deletecollection');
    }
  });

  it('reach Secrets in kube-system only, and by name but for their creation', () => {
    const secrets = rules.filter(({ rule }) => rule.resources.includes('secrets'));
    expect(secrets.length).toBeGreaterThan(0);
    for (const { kind, rule } of secrets) {
      expect(kind).toBe('Role');
      const harmless = rule.verbs.every((verb) => verb === 'create');
      expect(rule.resourceNames ?? harmless).toEqual(rule.resourceNames === undefined ? true : ['kube-ovn-tls']);
    }
  });

  it('of an agent are to read one Lease and one ConfigMap', () => {
    const bound = manifests.filter(
      (manifest) =>
        manifest.kind.endsWith('Binding') &&
        JSON.stringify(manifest).includes('"ServiceAccount","name":"kube-ovn-cni"'),
    );
    expect(bound.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([['RoleBinding', 'kube-ovn-cni']]);
    const reach = named('Role', 'kube-ovn-cni').rules?.map(({ resources, resourceNames, verbs }) => [
      resources,
      resourceNames,
      verbs,
    ]);
    expect(reach).toEqual([
      [['leases'], ['kube-ovn-controller'], ['get', 'list', 'watch']],
      [['configmaps'], ['kube-ovn-ca'], ['get', 'list', 'watch']],
    ]);
  });

  it('of OVN and Open vSwitch are none, and they have no token', () => {
    for (const name of ['ovn-central', 'ovs-ovn']) {
      const manifest = workloads.find(({ metadata }) => metadata.name === name);
      expect(manifest?.spec?.template?.spec).toMatchObject({
        serviceAccountName: 'ovn-ovs',
        automountServiceAccountToken: false,
      });
    }
    expect(JSON.stringify(manifests.filter(({ kind }) => kind.endsWith('Binding')))).not.toContain('ovn-ovs');
  });

  it('are for resources that the operator knows', () => {
    const known = new Set(allResources.map(({ plural }) => plural));
    for (const { rule } of rules) for (const name of rule.resources) expect(known).toContain(name.split('/')[0]);
  });
});

describe('settings', () => {
  const data = named('ConfigMap', 'kube-ovn-config').data ?? {};

  it('are keys of the documented table', () => {
    const table = readFileSync(join(repoRoot, 'config', 'README.md'), 'utf8');
    const documented = [...table.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, key]) => key ?? '');
    expect(Object.keys(data)).toEqual(documented);
  });

  it('are what the agent understands', () => {
    expect(settingsOf(new Map(Object.entries(data)), { NODE_NAME: 'n1', POD_IP: '192.0.2.1' })).toMatchObject({
      datapathType: 'system',
      encapType: 'geneve',
      iface: '',
      mtu: 0,
    });
  });

  it('are what the operator understands, all of them', () => {
    const { settings, warnings } = operatorSettingsOf(new Map(Object.entries(data)), ['--config-dir=/etc/kube-ovn']);
    expect(warnings).toEqual([]);
    expect(settings).toMatchObject({
      defaultCidr: '10.16.0.0/16',
      planPort: 10_670,
      healthPort: 10_660,
      enableSsl: false,
    });
  });
});
