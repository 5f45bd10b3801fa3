import { describe, expect, it } from 'vitest';
import type { TlsCredentials } from '../../operator/kube/credential-store.ts';
import { databaseTls } from '../../operator/database-tls.ts';

const credentials = (cert: string): TlsCredentials => ({ caCert: 'CA', caKey: 'secret', cert, key: `${cert} key` });
const texts = (cert: string): object => ({ ca: 'CA', cert, key: `${cert} key` });

/** A source that gives what it is told to, one answer for each time it is asked. */
function source(...answers: readonly (TlsCredentials | undefined | Error)[]) {
  let asked = 0;
  const read = async (): Promise<{ credentials: TlsCredentials | undefined }> => {
    const answer = answers[asked++];
    if (answer instanceof Error) throw answer;
    return await Promise.resolve({ credentials: answer });
  };
  return { read };
}

describe('databaseTls', () => {
  it('rejects until there are certificates, and asks each time', async () => {
    const tls = databaseTls(source(undefined, new Error('the API server is away'), credentials('one')));
    await expect(tls()).rejects.toThrow('no certificates yet');
    await expect(tls()).rejects.toThrow('the API server is away');
    expect(await tls()).toEqual(texts('one'));
  });

  it('gives what it knows at once, and a renewed certificate the next time', async () => {
    const tls = databaseTls(source(credentials('one'), credentials('two'), new Error('away'), undefined));
    for (const cert of ['one', 'one', 'two', 'two', 'two']) {
      expect(await tls()).toEqual(texts(cert));
      // What is read meanwhile arrives in the event loop's next turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
});
