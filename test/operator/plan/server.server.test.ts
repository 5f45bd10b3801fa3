import { credentials, Metadata, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Owner } from '../../../lib/delta/fact.ts';
import {
  type Credentials,
  type CredentialStore,
  dueForRenewal,
  ensureCredentials,
  renewed,
} from '../../../operator/plan/authority.ts';
import { Unauthenticated } from '../../../operator/plan/identity.ts';
import type { NodeReport } from '../../../operator/plan/report.ts';
import { PlanServer } from '../../../operator/plan/server.ts';
import { PlanStore } from '../../../operator/plan/store.ts';
import { PlanClient, planService } from '../../../proto/plan.ts';
import { eventually } from '../../eventually.ts';

const names = ['kube-ovn-controller', 'localhost'] as const;
const silent = { info: () => undefined, warn: () => undefined };

class MemoryStore implements CredentialStore {
  credentials: Credentials | undefined;
  published = '';
  writes = 0;
  /** Another writer that gets in between the next read and write. */
  rival: Credentials | undefined;

  async read(): Promise<{ credentials: Credentials | undefined; version: string }> {
    return { credentials: this.credentials, version: String(this.writes) };
  }

  async write(wanted: Credentials, version: string): Promise<boolean> {
    if (this.rival !== undefined) {
      [this.credentials, this.rival] = [this.rival, undefined];
      this.writes += 1;
    }
    if (version !== String(this.writes)) return false;
    this.credentials = wanted;
    this.writes += 1;
    return true;
  }

  async publish(caCert: string): Promise<void> {
    this.published = caCert;
  }
}

interface Agent {
  readonly heard: Record<string, unknown>[];
  readonly call: ClientDuplexStream<object, Record<string, unknown>>;
  readonly ended: Promise<ServiceError | undefined>;
  readonly close: () => void;
}

function agent(port: number, caCert: string, token: string): Agent {
  const client = new PlanClient(`localhost:${port}`, credentials.createSsl(Buffer.from(caCert)), {
    'grpc.ssl_target_name_override': 'kube-ovn-controller',
  });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const call = (client as unknown as { Watch(m: Metadata): Agent['call'] }).Watch(metadata);
  const heard: Record<string, unknown>[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<ServiceError | undefined>();
  call.on('data', (message: Record<string, unknown>) => heard.push(message));
  call.on('error', (error: ServiceError) => resolve(error));
  call.on('end', () => resolve(undefined));
  return { heard, call, ended, close: () => client.close() };
}

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).toReversed()) undo();
});

async function serving(): Promise<{
  port: number;
  store: PlanStore;
  server: PlanServer;
  reports: NodeReport[];
  /** Nodes whose streams have ended. */
  left: string[];
  tls: Credentials;
}> {
  const tls = await renewed(undefined, names, Date.now());
  const store = new PlanStore(() => undefined);
  const reports: NodeReport[] = [];
  const left: string[] = [];
  const server = new PlanServer({
    service: planService,
    store,
    identity: {
      async node(header) {
        const node = /^Bearer token-(\w+)$/.exec(header ?? '')?.[1];
        if (node === undefined) throw new Unauthenticated('wrong token');
        return node;
      },
      stop: () => undefined,
    },
    nodeOfPod: () => 'n1',
    mayServe: () => true,
    onReport: (_node, report) => reports.push(report),
    onLeft: (node) => left.push(node),
    log: silent,
  });
  server.useCredentials(tls);
  const port = await server.start('localhost', 0, 4);
  cleanup.push(() => server.stop());
  return { port, store, server, reports, left, tls };
}

const peer = (name: string): { kind: 'peer'; name: string; internalIps: string[] } => ({
  kind: 'peer',
  name,
  internalIps: ['192.0.2.1', '2001:db8::1'],
});

describe('PlanServer', () => {
  it('serves Init, items, InitDone and changes to a proven node, over TLS', async () => {
    const { port, store, server, reports, tls } = await serving();
    const owner = 'Node//n1' as Owner;
    store.replace('a', [{ plan: 'peer/n2', span: 'all', item: peer('n2'), owner }]);
    store.flush();
    const node = agent(port, tls.caCert, 'token-n1');
    cleanup.push(node.close);
    node.call.write({ hello: { version: 1, epoch: '0', agent_version: 'test', chassis: 'c' } });
    await eventually(() => expect(node.heard).toHaveLength(2));
    expect(node.heard[0]).toMatchObject({ message: 'init', init: { version: 1, epoch: '4' } });
    expect(node.heard[1]).toMatchObject({
      apply: { key: 'peer/n2', item: { peer: { name: 'n2', internal_ips: ['192.0.2.1', '2001:db8::1'] } } },
    });
    server.openGate();
    store.replace('a', []);
    store.flush();
    await eventually(() =>
      expect(node.heard.map(({ message }) => message).slice(2)).toEqual(['init_done', 'delete', 'revision']),
    );
    node.call.write({ applied: { revision: '2', failed: [{ key: 'k', message: 'no such device' }] } });
    node.call.write({ report: { event: { kind: 'Node', name: 'n1', type: 'Normal', reason: 'R', message: 'm' } } });
    await eventually(() => expect(reports).toHaveLength(1));
    expect(server.progress('n1')).toEqual({ applied: 2, failed: new Map([['k', 'no such device']]) });
  });

  it('hears what a node sees of others, and that it is not heard any more', async () => {
    const { port, reports, left, tls } = await serving();
    const node = agent(port, tls.caCert, 'token-n1');
    node.call.write({ hello: { version: 1, epoch: '0', agent_version: 'test', chassis: 'c' } });
    node.call.write({ report: { reach: { node: 'n2', lost: true } } });
    await eventually(() => expect(reports).toEqual([{ reach: { node: 'n2', lost: true } }]));
    expect(left).toEqual([]);
    node.call.cancel();
    node.close();
    await eventually(() => expect(left).toEqual(['n1']));
  });

  it('refuses a caller that proves nothing, with the reason', async () => {
    const { port, tls } = await serving();
    const stranger = agent(port, tls.caCert, 'nonsense');
    cleanup.push(stranger.close);
    await expect(stranger.ended).resolves.toMatchObject({ code: status.UNAUTHENTICATED, details: 'wrong token' });
    expect(stranger.heard).toEqual([]);
  });

  it('is refused by an agent that trusts another CA', async () => {
    const { port } = await serving();
    const other = await renewed(undefined, names, Date.now());
    const node = agent(port, other.caCert, 'token-n1');
    cleanup.push(node.close);
    await expect(node.ended).resolves.toMatchObject({ code: status.UNAVAILABLE });
  });

  it('a new certificate serves new streams and leaves open ones alone; a second stream of a node replaces the first', async () => {
    const { port, server, tls } = await serving();
    const first = agent(port, tls.caCert, 'token-n1');
    first.call.write({ hello: { version: 1 } });
    await eventually(() => expect(first.heard).toHaveLength(1));
    const anew = await renewed(undefined, names, Date.now());
    server.useCredentials(anew);
    const other = agent(port, anew.caCert, 'token-n2');
    cleanup.push(first.close, other.close);
    other.call.write({ hello: { version: 1 } });
    await eventually(() => expect(other.heard).toHaveLength(1));
    expect(server.connected).toBe(2);
    const again = agent(port, anew.caCert, 'token-n1');
    cleanup.push(again.close);
    again.call.write({ hello: { version: 1 } });
    await expect(first.ended).resolves.toBeUndefined();
    expect(server.connected).toBe(2);
  });

  it('ends every stream when it stops', async () => {
    const { port, server, tls } = await serving();
    const node = agent(port, tls.caCert, 'token-n1');
    cleanup.push(node.close);
    node.call.write({ hello: { version: 1 } });
    await eventually(() => expect(node.heard).toHaveLength(1));
    server.stop();
    await expect(node.ended).resolves.toBeDefined();
  });
});

describe('credentials', () => {
  it('are made once, kept while good, and renewed with the same CA at two thirds of their life', async () => {
    const store = new MemoryStore();
    const now = Date.now();
    const made = await ensureCredentials(store, names, now);
    await expect(ensureCredentials(store, names, now)).resolves.toEqual(made);
    expect(store.writes).toBe(1);
    expect(store.published).toBe(made.caCert);
    expect(dueForRenewal(made, now + 59 * 86_400_000)).toBe(false);
    const later = await ensureCredentials(store, names, now + 61 * 86_400_000);
    expect(later.cert).not.toBe(made.cert);
    expect(later.caCert).toBe(made.caCert);
  });

  it('of two that race, the later adopts what the first wrote', async () => {
    const store = new MemoryStore();
    const rival = await renewed(undefined, names, Date.now());
    store.rival = rival;
    await expect(ensureCredentials(store, names, Date.now())).resolves.toEqual(rival);
    expect(store.published).toBe(rival.caCert);
  });
});
