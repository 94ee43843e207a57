import { SidetalkError } from "./errors.js";
import type { Unsubscribe } from "./emitter.js";
import type { Link } from "./link.js";
import type { CallOptions, Environment } from "./types.js";

/** Where a call can be made: a link, none at the moment, or never again. */
export interface Gate {
  /** `undefined`: not now. */
  link(): Link | SidetalkError | undefined;
  /** Tells when `link()` may have changed. */
  changed(listener: () => void): Unsubscribe;
  readonly environment: Environment;
  readonly timeoutMs: number;
}

/** What is not harmless when done twice is not sent again after a lost link. */
const once = new Set(["signal.send", "history.clear", "member.kick"]);

/**
 * One request, from the wish to the answer: waits for a link, sends, and sends again if the link is lost. `sending` is
 * called at each sending.
 */
export function call<R>(
  gate: Gate,
  method: string,
  params: object,
  { signal, timeoutMs = gate.timeoutMs }: CallOptions = {},
  sending?: () => void,
): Promise<R> {
  return new Promise((resolve, reject) => {
    let sent = false;
    let over = false;
    const settle = () => {
      over = true;
      unlisten();
      gate.environment.clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    const fail = (error: SidetalkError) => (settle(), reject(error));
    const abort = () => fail(SidetalkError.aborted(signal?.reason));
    const unlisten = gate.changed(() => send());
    const timer = gate.environment.setTimeout(() => fail(SidetalkError.offlineTimeout(timeoutMs)), timeoutMs);
    const send = () => {
      if (sent || over) return;
      const link = gate.link();
      if (!link) return;
      if (link instanceof SidetalkError) return fail(link);
      sent = true;
      sending?.();
      link.request(method, params, {
        done: (result: R) => (settle(), resolve(result)),
        failed: (error) => {
          if (error.code !== "connection_lost" || (once.has(method) && !(gate.link() instanceof SidetalkError))) {
            return fail(error);
          }
          sent = false;
          send();
        },
      });
    };
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort);
    send();
  });
}

/** The promise, or `aborted` as soon as the signal says so. The work behind the promise goes on. */
export function abortable<R>(promise: Promise<R>, signal: AbortSignal | undefined): Promise<R> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(SidetalkError.aborted(signal.reason));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
