// One load of many policies in a process of its own: milliseconds, and megabytes that it holds afterwards, as JSON.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { translator } from '../../operator/policy/translator.ts';
import { wasmPath } from '../../policies/build.ts';
import { loads } from './loads.ts';
import { PolicyScene } from './scene.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const load = loads[process.argv[2] ?? ''];
if (!load) throw new Error(`no such load: ${process.argv[2]}`);
const scene = new PolicyScene(translator(readFileSync(wasmPath('networkpolicy'))));
scene.graph.settleNow();
const objects = load.objects();
collect();
const before = process.memoryUsage().heapUsed;
const begun = performance.now();
scene.graph.enter(() => {
  for (const enter of objects) enter(scene);
});
scene.graph.settleNow();
const ms = performance.now() - begun;
collect();
const { heapUsed } = process.memoryUsage();
process.stdout.write(JSON.stringify({ ms, megabytes: (heapUsed - before) / 1e6, sources: scene.rows.sources.size }));
