// /livez, /readyz and /metrics for kubelet and Prometheus.
import type { Server } from 'node:http';
import { createServer } from 'node:http';

export interface HealthOptions {
  /** '' for all of the machine's. */
  readonly host: string;
  readonly port: number;
  /** Why pods cannot be served, undefined when they can. */
  readonly unready: () => string | undefined;
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
}

interface Page {
  readonly status: number;
  readonly type?: string;
  readonly text: string;
}

async function page(path: string, { unready, metrics }: HealthOptions): Promise<Page> {
  switch (path) {
    case '/livez':
      return { status: 200, text: 'ok\n' };
    case '/readyz': {
      const why = unready();
      return why === undefined ? { status: 200, text: 'ok\n' } : { status: 503, text: `${why}\n` };
    }
    case '/metrics':
      return { status: 200, ...(await metrics()) };
    default:
      return { status: 404, text: 'not found\n' };
  }
}

/** Listens; answers a way to stop. */
export async function serveHealth(options: HealthOptions): Promise<{ port: number; stop: () => Promise<void> }> {
  const server: Server = createServer((request, response) => {
    page((request.url ?? '').split('?')[0] ?? '', options).then(
      ({ status, type, text }) => response.writeHead(status, { 'content-type': type ?? 'text/plain' }).end(text),
      (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, ...(options.host !== '' && { host: options.host }) }, () => resolve());
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
