// The webhook's component as files: it runs as everything else does, and may do no more than its program needs.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { imageNames } from '../../config/images/build.ts';
import { settingsOf } from '../../operator/settings.ts';
import { checks } from '../../operator/webhook/checks/registry.ts';
import { resourceOf } from '../../operator/kube/resources.ts';
import { fillings } from '../../operator/webhook/mirrors.ts';
import { inputsOf } from '../operator/webhook/stage.ts';
import { repoRoot } from '../cluster/cache.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: object };
  readonly rules?: readonly Rule[];
  readonly webhooks?: readonly {
    readonly name: string;
    readonly failurePolicy: string;
    readonly clientConfig: object;
    readonly rules: readonly { readonly apiGroups: readonly string[]; readonly resources: readonly string[] }[];
  }[];
  readonly spec?: {
    readonly template: {
      readonly spec: {
        readonly hostNetwork: boolean;
        readonly containers: readonly {
          readonly image: string;
          readonly ports: readonly { readonly containerPort: number }[];
        }[];
      };
    };
  };
}

const folder = join(repoRoot, 'config/components/webhook');
const files = readdirSync(folder).filter((name) => name !== 'kustomization.yaml');
const manifests = files.flatMap((name) =>
  parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map((document) => document.toJS() as Manifest),
);
const named = (kind: string, name = 'kube-ovn-webhook'): Manifest => {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
};

it('has every manifest of its folder, each with our labels', () => {
  const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as { resources: string[] };
  expect(resources.toSorted()).toEqual(files.toSorted());
  for (const { metadata } of manifests) expect(metadata.labels).toMatchObject({ component: 'network', type: 'infra' });
});

it('reads what it mirrors and nothing else, and writes its own Secret and configuration, and counts of modules', () => {
  const rules = named('ClusterRole').rules ?? [];
  const read = rules.filter(({ verbs }) => verbs.includes('list'));
  const known = fillings(inputsOf()).map(({ resource: { apiVersion, plural } }) => {
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
    return `${group}/${plural}`;
  });
  known.push('kubeloom.io/policymodules');
  const granted = read.flatMap(({ apiGroups, resources }) => resources.map((name) => `${apiGroups.join()}/${name}`));
  expect(granted.toSorted()).toEqual(known.toSorted());
  for (const { verbs } of read) expect(verbs).toEqual(['get', 'list', 'watch']);
  const own = named('Role').rules ?? [];
  const bytes = own.filter(({ verbs }) => verbs.includes('list'));
  expect(bytes.map(({ resources, verbs }) => [resources, verbs])).toEqual([[['configmaps'], ['get', 'list', 'watch']]]);
  const written = [...rules, ...own].filter((rule) => !read.includes(rule) && !bytes.includes(rule));
  expect(written.map(({ resources, resourceNames, verbs }) => [resources, resourceNames, verbs])).toEqual([
    [['policymodules/status'], undefined, ['patch']],
    [['validatingwebhookconfigurations'], ['kube-ovn-webhook'], ['get', 'patch']],
    [['secrets'], ['kube-ovn-webhook-tls'], ['get', 'patch']],
  ]);
  expect(named('Secret', 'kube-ovn-webhook-tls')).toBeDefined();
});

it('runs our image on the network of the nodes, where its settings say', () => {
  const { hostNetwork, containers } = named('Deployment').spec?.template.spec ?? { containers: [] };
  expect(hostNetwork).toBe(true);
  const [container] = containers;
  expect(container?.image).toBe(imageNames.kubeloom);
  const { webhookPort, webhookHealthPort } = settingsOf(new Map(), []).settings;
  expect(container?.ports.map(({ containerPort }) => containerPort)).toEqual([webhookPort, webhookHealthPort]);
});

it('is asked about each kind that it checks, under the name and the path of Kube-OVN, and is not waited for', () => {
  const { webhooks = [] } = named('ValidatingWebhookConfiguration');
  expect(webhooks.map(({ name }) => name)).toContain('pod-ip-validating.kube-ovn.io');
  const rules = webhooks.flatMap(({ rules }) => rules);
  for (const key of Object.keys(checks)) {
    const [group = '', kind = ''] = key.split('/');
    const rule = rules.find(({ apiGroups }) => apiGroups.includes(group));
    const plural =
      group === 'batch' ? `${kind.toLowerCase()}s` : resourceOf({ apiVersion: versionOf(group), kind }).plural;
    expect([key, rule?.resources.some((name) => name === '*' || name === plural)]).toEqual([key, true]);
  }
  for (const { failurePolicy, clientConfig } of webhooks) {
    expect(failurePolicy).toBe('Ignore');
    const service = { namespace: 'kube-system', name: 'kube-ovn-webhook', path: '/validating', port: 443 };
    expect(clientConfig).toEqual({ service });
  }
});

const versionOf = (group: string): string => (group === '' ? 'v1' : `${group}/v1`);
