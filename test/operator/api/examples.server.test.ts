// Manifests as Kube-OVN's documentation writes them, one at least of every kind, before a real API server with the CRDs of
// this project and the operator at work: taken as they are, kept as they are, and told what comes of them.
import { globSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { isLater, laterOf } from '../../../operator/api/later.ts';
import { applyCrds } from '../../crds.ts';
import { eventually } from '../../eventually.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';
import { startServer } from '../../ovsdb-server.ts';
import { OperatorProcess } from '../process.ts';
import { kinds } from './kinds.ts';

const folder = join(import.meta.dirname, 'examples');

interface Thing {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: { readonly conditions?: readonly Readonly<Record<string, string>>[] };
}

const examples = globSync('*.yaml', { cwd: folder }).flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as Thing),
);

const idOf = ({ kind, metadata: { namespace = '', name } }: Thing): string => `${kind} ${namespace}/${name}`;

let api: ApiServer;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  api = await startApiServer();
  undo.push(() => api.stop());
  await applyCrds(api);
}, 120_000);
afterAll(async () => {
  for (const step of undo.toReversed()) await step();
});

/** Every object of the examples as the API server has it, by kind, namespace and name. */
async function stored(): Promise<ReadonlyMap<string, Thing>> {
  const { items } = JSON.parse(await api.kubectl('get', '-f', folder, '-o', 'json')) as { items: Thing[] };
  return new Map(items.map((item) => [idOf(item), item]));
}

/** As kubectl asks for the lines that it prints. */
async function columnsOf(plural: string): Promise<{ name: string; type: string; priority: number }[]> {
  const { token = '' } = api.kubeConfig().getCurrentUser() ?? {};
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const url = `${api.url}/apis/kubeovn.io/v1/${plural}`;
    const sent = request(url, { headers, rejectUnauthorized: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => (body += part));
      answer.on('end', () => resolve(body));
    });
    sent.on('error', reject).end();
  });
  return (JSON.parse(text) as { columnDefinitions: { name: string; type: string; priority: number }[] })
    .columnDefinitions;
}

interface Discovered {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
}

describe('kubectl knows', () => {
  it('all kinds and no other', async () => {
    const { resources } = JSON.parse(await api.kubectl('get', '--raw', '/apis/kubeovn.io/v1')) as {
      resources: Discovered[];
    };
    const found = resources
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, singularName, namespaced, shortNames = [] }) => ({
        name,
        singular: singularName,
        short: shortNames,
        namespaced,
        subresources: resources
          .flatMap((other) => (other.name.startsWith(`${name}/`) ? [other.name.slice(name.length + 1)] : []))
          .sort(),
      }));
    const wanted = Object.entries(kinds).map(([name, { singular, short, namespaced, subresources }]) => ({
      name,
      singular,
      short,
      namespaced: namespaced === true,
      subresources,
    }));
    const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
    expect(found.toSorted(byName)).toEqual(wanted.toSorted(byName));
  });

  it.each(Object.entries(kinds))('the columns of %s', async (plural, { columns, wide = [] }) => {
    const [name, ...shown] = await columnsOf(plural);
    const text = ({ name: title, type }: { name: string; type: string }): string => `${title} ${type}`;
    expect(name?.name).toBe('Name');
    expect(shown.filter(({ priority }) => priority === 0).map(text)).toEqual(columns);
    expect(shown.filter(({ priority }) => priority > 0).map(text)).toEqual(wide);
  });
});

/** What the CRDs fill in, by kind: the paths of what is there and was not sent. */
const defaulted: Readonly<Record<string, readonly string[]>> = {
  IPPool: ['enableAddressSet'],
  IptablesDnatRule: ['type'],
  VpcDns: ['corefile'],
  VpcNatGateway: ['replicas'],
  VpcEgressGateway: ['bfd.minRX', 'bfd.minTX', 'bfd.multiplier', 'podAntiAffinity', 'trafficPolicy'],
};

/** Paths that `more` has and `less` has not; a null says nothing. */
function added(less: unknown, more: unknown, path = ''): string[] {
  if (Array.isArray(less) && Array.isArray(more) && less.length === more.length)
    return less.flatMap((one, at) => added(one, more[at], `${path}[${at}]`));
  if (isMap(less) && isMap(more))
    return Object.entries(more).flatMap(([key, value]) => {
      const inner = path === '' ? key : `${path}.${key}`;
      if (value === null) return [];
      return (less[key] ?? undefined) === undefined ? [inner] : added(less[key], value, inner);
    });
  return less === more ? [] : [`${path}: ${JSON.stringify(less)} has become ${JSON.stringify(more)}`];
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

describe('the examples', () => {
  it('are of every kind', () => {
    const singular = new Set(examples.map(({ kind }) => kind.toLowerCase()));
    const all = Object.values(kinds).map((kind) => kind.singular.replaceAll('-', ''));
    expect([...singular].sort()).toEqual(all.sort());
  });

  it('are taken, with no field that the schemas do not know', async () => {
    const said = await api.kubectl('apply', '--validate=strict', '-f', folder);
    expect(said.trim().split('\n')).toHaveLength(examples.length);
    expect(said).not.toContain('unchanged');
  });

  it('are kept as they were sent, and get the defaults of Kube-OVN', async () => {
    const kept = await stored();
    for (const sent of examples) {
      const spec = kept.get(idOf(sent))?.spec;
      const changes = { lost: added(spec, sent.spec), got: added(sent.spec, spec) };
      const known = (path: string): boolean => defaulted[sent.kind]?.includes(path) === true;
      expect({ of: idOf(sent), lost: changes.lost, got: changes.got.filter((path) => !known(path)) }).toEqual({
        of: idOf(sent),
        lost: [],
        got: [],
      });
    }
  });

  it('may have an empty field filled that cannot be changed afterwards', async () => {
    const patch = (prefix: string): Promise<string> =>
      api.kubectl('patch', 'veg', 'doc-gateway', '--type=merge', '-p', JSON.stringify({ spec: { prefix } }));
    await patch('');
    await patch('doc-');
    await expect(patch('other-')).rejects.toThrow(/is immutable/);
  });
});

describe('the operator', () => {
  beforeAll(async () => {
    const database = await startServer({ args: ['--remote=ptcp:0:127.0.0.1'] });
    undo.push(() => database.dispose());
    const northboundPort = await database.port();
    const apiPort = Number(new URL(api.url).port);
    const operator = await OperatorProcess.start('operator', { api, apiPort, northboundPort });
    undo.push(() => operator.stop());
  }, 60_000);

  const later = examples.filter(({ kind }) => isLater(kind));
  const hasConditions = ({ kind }: Thing): boolean => !isLater(kind) || laterOf(kind).status !== undefined;

  it('says in the conditions of a kind that comes later that it does', async () => {
    const wanted = later.filter(hasConditions);
    const reasons = await eventually(
      async () => {
        const now = await stored();
        const found = wanted.map((thing) => {
          const conditions = now.get(idOf(thing))?.status?.conditions ?? [];
          return [idOf(thing), conditions.find(({ type }) => type === 'Ready')?.['reason'] ?? ''] as const;
        });
        return found.every(([, reason]) => reason !== '') && Object.fromEntries(found);
      },
      { within: 60_000, every: 200, what: 'a condition of every object' },
    );
    expect(reasons).toEqual(Object.fromEntries(wanted.map((thing) => [idOf(thing), 'KindNotAvailable'])));
  });

  it('says it by an event where there can be no conditions', async () => {
    const wanted = later
      .filter((thing) => !hasConditions(thing))
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    const path = '{range .items[*]}{.involvedObject.kind} {.involvedObject.name}{"\\n"}{end}';
    const events = async (): Promise<string[]> =>
      (
        await api.kubectl(
          'get',
          'events',
          '--all-namespaces',
          '--field-selector=reason=KindNotAvailable',
          `--output=jsonpath=${path}`,
        )
      ).split('\n');
    await expect(
      eventually(
        async () => {
          const found = await events();
          return wanted.every((name) => found.includes(name));
        },
        { within: 60_000, every: 200, what: `events of ${wanted.join(', ')}` },
      ),
    ).resolves.toBe(true);
  });

  it('can use every subnet among them', async () => {
    const validated = await eventually(
      async () => {
        const subnets = [...(await stored()).values()].filter(({ kind }) => kind === 'Subnet');
        const found = subnets.map(({ metadata: { name }, status }) => [
          name,
          status?.conditions?.find(({ type }) => type === 'Validated')?.['status'] ?? '',
        ]);
        return found.every(([, status]) => status !== '' && status !== 'Unknown') && Object.fromEntries(found);
      },
      { within: 60_000, every: 200, what: 'subnets that are validated' },
    );
    const names = examples.filter(({ kind }) => kind === 'Subnet').map(({ metadata }) => metadata.name);
    expect(validated).toEqual(Object.fromEntries(names.map((name) => [name, 'True'])));
  });
});
