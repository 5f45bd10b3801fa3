// Which node is calling: a bound ServiceAccount token of our audience, judged by the API server (TokenReview). The
// node's name comes from the token's own claims, never from what the caller says of itself.
import CircuitBreaker from 'opossum';

/** Status of an authentication.k8s.io/v1 TokenReview, as far as it is read. */
export interface TokenReviewStatus {
  readonly authenticated?: boolean;
  readonly error?: string;
  readonly audiences?: readonly string[];
  readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
}

export type TokenReview = (token: string, audience: string) => Promise<TokenReviewStatus>;

interface Wanted {
  readonly audience: string;
  /** The only account that may fetch a plan, e.g. system:serviceaccount:kube-system:kube-ovn-cni. */
  readonly username: string;
}

export interface IdentityOptions extends Wanted {
  readonly review: TokenReview;
}

/** The caller proved nothing, or proved to be somebody else; the message says which. */
export class Unauthenticated extends Error {
  override readonly name = 'Unauthenticated';
}

/** The claim that Kubernetes 1.32 and later put into bound tokens and return in a review's `extra`. */
export const nodeNameClaim = 'authentication.kubernetes.io/node-name';

/** What is wrong with a review's answer, or undefined. */
function fault({ authenticated, error, audiences, user }: TokenReviewStatus, wanted: Wanted): string | undefined {
  if (authenticated !== true) return error ?? 'the API server refused the token';
  if (audiences?.includes(wanted.audience) !== true) return `the token is not for the audience ${wanted.audience}`;
  if (user?.username === wanted.username) return undefined;
  return `the token is of ${user?.username ?? 'nobody'}, not of ${wanted.username}`;
}

/** The node that a reviewed token was bound to. Throws `Unauthenticated` with what is missing. */
export function nodeOf(status: TokenReviewStatus, wanted: Wanted): string {
  const wrong = fault(status, wanted);
  if (wrong !== undefined) throw new Unauthenticated(wrong);
  const node = status.user?.extra?.[nodeNameClaim]?.[0] ?? '';
  if (node === '') throw new Unauthenticated('the token is not bound to a pod on a node');
  return node;
}

export interface Identity {
  /** The node of the caller that presents this `authorization` header. Rejects with `Unauthenticated` or the API's error. */
  node(authorization: string | undefined): Promise<string>;
  stop(): void;
}

/** Reviews go through a circuit breaker, so that a dead API server is not asked once per agent and retry. */
export function identity(options: IdentityOptions): Identity {
  const breaker = new CircuitBreaker(options.review, {
    name: 'token-review',
    timeout: 10_000,
    resetTimeout: 5_000,
    volumeThreshold: 5,
  });
  return {
    async node(authorization) {
      const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
      if (token === undefined) throw new Unauthenticated('no bearer token in the call');
      return nodeOf(await breaker.fire(token, options.audience), options);
    },
    stop() {
      breaker.shutdown();
    },
  };
}
