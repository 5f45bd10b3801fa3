// The least that a client can do: the same bytes over the same kind of connection, and JSON.parse.
import { Agent, get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { KubeConfig } from '@kubernetes/client-node';

export class RawClient {
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  readonly #server: string;
  readonly #token: string;

  constructor(config: KubeConfig) {
    this.#server = config.getCurrentCluster()?.server ?? '';
    this.#token = config.getCurrentUser()?.token ?? '';
  }

  close(): void {
    this.#agent.destroy();
  }

  /** All objects, parsed, page by page. */
  async listPages(path: string, limit: number): Promise<unknown[]> {
    const items: unknown[] = [];
    let token = '';
    do {
      const more = token === '' ? '' : `&continue=${encodeURIComponent(token)}`;
      const page = JSON.parse(await text(await this.#get(`${path}?limit=${limit}${more}`))) as {
        metadata: { continue?: string };
        items: unknown[];
      };
      items.push(...page.items);
      token = page.metadata.continue ?? '';
    } while (token !== '');
    return items;
  }

  /** All objects, parsed, as the events of a streaming list. */
  async listStream(path: string): Promise<unknown[]> {
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const response = await this.#get(`${path}?${query}&timeoutSeconds=300`);
    const items: unknown[] = [];
    for await (const line of lines(response)) {
      const event = JSON.parse(line) as { type: string; object: unknown };
      if (event.type === 'BOOKMARK') break;
      items.push(event.object);
    }
    return items;
  }

  /** The chunks of a watch until `count` lines have come; `opened` is called when it listens. */
  async watchBytes(path: string, resourceVersion: string, count: number, opened: () => void): Promise<Buffer[]> {
    const response = await this.#get(`${path}?watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=600`);
    opened();
    const chunks: Buffer[] = [];
    let seen = 0;
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      for (const byte of chunk as Buffer) if (byte === 10) seen += 1;
      if (seen >= count) break;
    }
    return chunks;
  }

  #get(path: string): Promise<IncomingMessage> {
    const headers = { Authorization: `Bearer ${this.#token}`, Accept: 'application/json' };
    return new Promise((resolve, reject) => {
      get(`${this.#server}${path}`, { headers, agent: this.#agent }, (response) => {
        if (response.statusCode === 200) resolve(response);
        else reject(new Error(`${path}: ${response.statusCode}`));
      }).on('error', reject);
    });
  }
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Whole lines of a body. */
export async function* lines(body: AsyncIterable<unknown>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + (chunk as Buffer).toString('utf8')).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') yield part;
  }
}

/** The events of chunks, parsed; lines are cut from the bytes of all chunks together, which is the cheapest way. */
export function parseEvents(bytes: Buffer): number {
  let events = 0;
  for (const line of bytes.toString('utf8').split('\n')) if (line !== '' && JSON.parse(line) !== undefined) events += 1;
  return events;
}
