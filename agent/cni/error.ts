// Errors as the CNI specification has them (1.1.0, section 5 "Error"): well-known codes below 100, the rest ours.

/** Codes that runtimes know. 11 makes them repeat the operation; 50 and 51 belong to STATUS. */
export const CNI_CODE = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  io: 5,
  undecodable: 6,
  invalidConfig: 7,
  tryAgain: 11,
  unavailable: 50,
  /** Unavailable, and pods that are there may have lost their network. */
  disconnected: 51,
  /** A step on the node failed; the message names it. */
  stepFailed: 100,
  /** CHECK found something missing. */
  checkFailed: 101,
} as const;

export class CniError extends Error {
  override readonly name = 'CniError';
  readonly code: number;
  /** For people: what a program said on standard error, for example. */
  readonly details: string;

  /** Which part of the work failed, for the pod's event. */
  readonly stage: string;

  constructor(code: number, message: string, details = '', options: ErrorOptions & { stage?: string } = {}) {
    super(message, options);
    this.code = code;
    this.details = details;
    this.stage = options.stage ?? '';
  }
}

/** The error object that goes to standard output. */
export function errorJson(error: unknown, cniVersion: string): string {
  const known = error instanceof CniError;
  return JSON.stringify({
    cniVersion,
    code: known ? error.code : CNI_CODE.io,
    msg: known ? error.message : `internal error: ${error instanceof Error ? error.message : String(error)}`,
    ...(known && error.details !== '' ? { details: error.details } : {}),
  });
}
