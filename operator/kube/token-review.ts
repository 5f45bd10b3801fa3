// Asks the API server whose token this is. One call, no memory; the circuit breaker is with the caller, who knows what
// a refusal means to it.
import type { JsonObject } from '../api/fact.ts';
import type { KubeClient } from './client.ts';
import { asObject } from './object.ts';
import { pathOf, resources } from './resources.ts';

/** `status` of an authentication.k8s.io/v1 TokenReview. A token that is not accepted is an answer, not an error. */
export interface Reviewed {
  readonly authenticated?: boolean;
  /** Why not, in the server's words. */
  readonly error?: string;
  /** Of those asked for, the ones that the token is good for. */
  readonly audiences?: readonly string[];
  readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
}

/** A review function over `client`; it rejects when the API server cannot be asked within `deadlineMs` (5 s). */
export function tokenReview(
  client: KubeClient,
  deadlineMs = 5000,
): (token: string, audience: string) => Promise<Reviewed> {
  const { apiVersion, kind } = resources.TokenReview;
  const path = pathOf(resources.TokenReview, {});
  return async (token, audience) => {
    const body: JsonObject = { apiVersion, kind, spec: { token, audiences: [audience] } };
    const answer = asObject(await client.request({ method: 'POST', path, body, deadlineMs }));
    return asObject(answer?.status) ?? {};
  };
}
