// What a process of the operator loads of @kubernetes/client-node, seen from inside by a program of its own.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const root = new URL('../../../', import.meta.url).href;

interface Loaded {
  readonly generated: string[];
  readonly known: boolean;
  readonly server: string;
}

/** Names of the package's generated modules that are loaded when `program` has run, and what it prints itself. */
async function loaded(program: string): Promise<Loaded> {
  const source = `
    import { registerHooks } from 'node:module';
    const urls = [];
    registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
    ${program}
    const generated = urls.filter((url) => url.includes('/client-node/dist/gen/')).map((url) => url.split('/gen/')[1]);
    const known = urls.some((url) => url.endsWith('/client-node/dist/config.js'));
    console.log(JSON.stringify({ generated, known, server }));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', source]);
  return JSON.parse(stdout) as Loaded;
}

const cluster = `{ name: 'x', server: 'https://10.0.0.1:6443' }, { name: 'x' }`;

it('the operator knows kubeconfigs and none of the generated clients and models', async () => {
  const found = await loaded(`
    await import('${root}operator/assembly.ts');
    const { KubeConfig } = await import('${root}operator/kube/client-node/index.ts');
    const configuration = new KubeConfig();
    configuration.loadFromClusterAndUser(${cluster});
    const { server } = configuration.getCurrentCluster();`);
  expect(found).toMatchObject({ known: true, server: 'https://10.0.0.1:6443' });
  expect(found.generated).toContain('configuration.js');
  expect(found.generated.filter((name) => /^(models|apis|types)\/(?!exception)/.test(name))).toEqual([]);
});

it('whoever asks for the whole package has it, in the same process', async () => {
  const found = await loaded(`
    const { KubeConfig } = await import('${root}operator/kube/client-node/index.ts');
    const whole = await import('@kubernetes/client-node');
    const configuration = new KubeConfig();
    configuration.loadFromClusterAndUser(${cluster});
    if (!(configuration instanceof whole.KubeConfig)) throw new Error('two of them');
    const api = configuration.makeApiClient(whole.CoreV1Api);
    if (typeof api.listNode !== 'function') throw new Error('no client');
    const { server } = configuration.getCurrentCluster();`);
  expect(found.generated).toContain('models/V1Pod.js');
});
