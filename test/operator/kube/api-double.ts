// An API server that answers what a test tells it to: for what a real one cannot be made to do.
import { createServer, type Server, type ServerResponse } from 'node:http';
import { KubeConfig } from '@kubernetes/client-node';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly authorization: string | undefined;
}

/** Returns the answer, or undefined when it has written to `response` itself. */
export type Answering = (asked: Asked, response: ServerResponse) => Answer | undefined;

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiDouble {
  readonly url: string;
  readonly asked: Asked[];
  readonly kubeConfig: KubeConfig;
  /** Cuts every connection. */
  cut(): void;
  stop(): Promise<void>;
}

export async function apiDouble(answering: Answering): Promise<ApiDouble> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://double');
      const { authorization } = request.headers;
      const one = { method: request.method ?? '', path: url.pathname, query: url.searchParams, body, authorization };
      asked.push(one);
      const answer = answering(one, response);
      if (answer === undefined) return;
      response.writeHead(answer.status ?? 200, { 'Content-Type': 'application/json', ...answer.headers });
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
    });
  });
  const url = await listening(server);
  return {
    url,
    asked,
    kubeConfig: configOf(url),
    cut: () => server.closeAllConnections(),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

function configOf(server: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'double', server, skipTLSVerify: true }],
    users: [{ name: 'user', token: 'first' }],
    contexts: [{ name: 'double', cluster: 'double', user: 'user' }],
    currentContext: 'double',
  });
  return config;
}
