import type { SidetalkError } from "@sidetalk/client";

/** The only error that callbacks and promises of this package get. `name` is what pages compare with. */
export class OTError extends Error {
  declare name: string;
  declare code: number;
  /** Of an error of `signal()`: what was to be sent. */
  declare signal?: unknown;

  constructor(code: number, name: string, message: string) {
    super(message);
    this.code = code;
    this.name = name;
  }
}

export const invalidParameter = "OT_INVALID_PARAMETER";
export const notConnected = "OT_NOT_CONNECTED";
export const permissionDenied = "OT_PERMISSION_DENIED";
export const connectFailed = "OT_CONNECT_FAILED";
export const notFound = "OT_NOT_FOUND";

type Verdicts = readonly (readonly [codes: RegExp, code: number, name: string])[];

/** What the client's codes mean. Whatever is not listed is a server that could not be reached. */
const connecting: Verdicts = [
  [/^(unauthenticated|token_expired|role_too_low|banned)$/, 1004, "OT_AUTHENTICATION_ERROR"],
  [/^(not_found|room_gone)$/, 1005, "OT_INVALID_SESSION_ID"],
  [/^room_full$/, 1027, "OT_CONNECTION_LIMIT_EXCEEDED"],
];

/** Whatever is not listed is a link that was lost. */
const signaling: Verdicts = [
  [/^invalid$/, 400, invalidParameter],
  [/^too_large$/, 413, invalidParameter],
  [/^not_found$/, 404, notFound],
  [/^(rate_limited|slow_mode|queue_full)$/, 429, "OT_RATE_LIMITED"],
  [/^(role_too_low|muted|banned|chat_|private_)/, 403, permissionDenied],
];

/** Whatever was thrown while connecting, as an error of this package. */
export function ofConnecting(thrown: unknown): OTError {
  return from(thrown, connecting, 1006, globalThis.navigator?.onLine === false ? notConnected : connectFailed);
}

/** Whatever was thrown while signaling, with what was to be sent. */
export function ofSignaling(thrown: unknown, signal: unknown): OTError {
  const { code, name, message } = from(thrown, signaling, 500, notConnected);
  // Several signals may have failed of the same error.
  return Object.assign(new OTError(code, name, message), { signal });
}

function from(thrown: unknown, verdicts: Verdicts, ...otherwise: [code: number, name: string]): OTError {
  if (thrown instanceof OTError) return thrown;
  const { code, message } = thrown as SidetalkError;
  const [, ...verdict] = verdicts.find(([codes]) => codes.test(code)) ?? ([/./, ...otherwise] as const);
  return new OTError(...(verdict as typeof otherwise), message);
}
