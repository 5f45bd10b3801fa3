// The whole operator before a real API server and a real northbound database, for tests in which one comes after the other.
import { applyCrds } from '../crds.ts';
import { type ApiServer, startApiServer } from '../kube-apiserver.ts';
import { startServer } from '../ovsdb-server.ts';
import { OperatorProcess } from './process.ts';

export interface Stand {
  readonly api: ApiServer;
  readonly database: Awaited<ReturnType<typeof startServer>>;
  /** Starts an operator of that name, which leads within seconds once the one before has ended. */
  readonly startOperator: (name: string, flags?: readonly string[]) => Promise<OperatorProcess>;
  /** What kubectl prints of a path, '' when the object is not there. */
  readonly field: (kind: string, name: string, path: string) => Promise<string>;
  /** Ends everything that was started. */
  readonly stop: () => Promise<void>;
}

/** API server with our CRDs, and database; no operator yet. */
export async function startStand(): Promise<Stand> {
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const api = await startApiServer();
    undo.push(() => api.stop());
    const database = await startServer({ args: ['--remote=ptcp:0:127.0.0.1'] });
    undo.push(() => database.dispose());
    await applyCrds(api);
    const startOperator = async (name: string, more: readonly string[] = []): Promise<OperatorProcess> => {
      const options = { api, apiPort: Number(new URL(api.url).port), northboundPort: await database.port() };
      const flags = ['--lease-duration=4', '--lease-renew-deadline=3', '--lease-retry-period=1', ...more];
      const started = await OperatorProcess.start(name, { ...options, flags });
      undo.push(() => started.stop());
      return started;
    };
    const field = (kind: string, name: string, path: string): Promise<string> =>
      api.kubectl('get', kind, name, '--ignore-not-found', `--output=jsonpath=${path}`);
    return { api, database, startOperator, field, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
