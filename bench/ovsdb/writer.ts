// A process that writes for another one to be told: adds ports to a switch one by one, and takes them away again.
import { RawClient } from '../nb/raw.ts';
import { newPorts, wireInsert, wireMutate } from './scene.ts';

export interface Work {
  readonly remote: string;
  readonly parent: string;
  readonly count: number;
}

process.on('message', (work: Work) => void write(work));

async function write({ remote, parent, count }: Work): Promise<void> {
  const client = await RawClient.open(remote);
  const ports = newPorts(count);
  for (const port of ports) await client.transact([wireInsert(port), wireMutate(parent, 'insert', [port])]);
  for (const port of ports) await client.transact([wireMutate(parent, 'delete', [port])]);
  client.close();
  process.send?.('written');
}
