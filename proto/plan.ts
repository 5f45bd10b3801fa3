// The service of plan.proto, loaded at start: one set of options for both ends, so that they cannot disagree on how a
// message looks in memory (field names as in the file, 64-bit integers as text, absent fields as their defaults).
import { join } from 'node:path';
import { type GrpcObject, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const definition = loadSync(join(import.meta.dirname, 'plan.proto'), {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});

function constructorOf(name: string): ServiceClientConstructor {
  let place: unknown = loadPackageDefinition(definition);
  for (const part of name.split('.')) place = (place as GrpcObject)[part];
  if (typeof place !== 'function') throw new Error(`plan.proto has no service ${name}`);
  return place as ServiceClientConstructor;
}

/** `new PlanClient(address, credentials, options)` has the method `Watch`. */
export const PlanClient: ServiceClientConstructor = constructorOf('kubeloom.plan.v1.Plan');

/** What a server adds with `addService`. */
export const planService = PlanClient.service;
