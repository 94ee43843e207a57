import { afterEach, beforeEach, expect, vi } from "vitest";
import { Peer } from "../../../client/src/testing/server.js";

export interface Wanted {
  readonly url: string;
  readonly init: RequestInit;
}

/** The other end of all that a page opens. */
export class Outside {
  readonly peers: Peer[] = [];
  readonly fetched: Wanted[] = [];
  /** What is answered to what is fetched: the exchange, unless it is replaced. */
  answer: () => Response | Promise<Response> = () => Response.json(this.admission);

  /** `admission` is the answer of the exchange. */
  constructor(public admission: object) {
    const { peers } = this;
    class Socket extends Peer {
      constructor(url: string, protocols: unknown) {
        super(url, protocols);
        peers.push(this);
      }
    }
    vi.stubGlobal("WebSocket", Socket);
    vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
      this.fetched.push({ url, init });
      init.signal?.throwIfAborted();
      return this.answer();
    });
  }

  get peer(): Peer {
    return this.peers.at(-1)!;
  }
}

/** Scripted time and globals for a file of tests. */
export function staged(): void {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
}

/** What the promise is rejected with, which has this code and name. */
export async function rejected(promise: Promise<unknown>, code: number, name: string): Promise<any> {
  const error = await promise.then(
    () => "resolved",
    (thrown) => thrown,
  );
  expect([error.code, error.name]).toEqual([code, name]);
  return error;
}
