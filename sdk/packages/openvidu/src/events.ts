import { aside } from "@sidetalk/dropin";
import type { Connection } from "./connection.js";

/** One class for all events; which fields are there follows from the type. */
export class OpenViduEvent {
  /** The event's name; of a signal its type, without `signal:`. */
  readonly type: string;
  readonly target: unknown;
  readonly cancelable = false;
  /** Who came or went. */
  declare readonly connection: Connection;
  /** Who sent the signal; `undefined`: the server. */
  declare readonly from: Connection | undefined;
  /** The text of a signal exactly as it was sent; `undefined` if it was sent without. */
  declare readonly data: string | undefined;
  /** Why somebody, or the whole session, is gone. */
  declare readonly reason: string;

  constructor(type: string, target: unknown, more: object) {
    this.type = type;
    this.target = target;
    Object.assign(this, more);
  }

  /** There is no default behaviour that could be prevented. */
  preventDefault(): void {}

  isDefaultPrevented(): boolean {
    return false;
  }
}

export type Handler = (event: OpenViduEvent) => void;

/** Handlers by name of event, called at once, in the order in which they came. One that throws disturbs nobody. */
export class Dispatcher {
  readonly #handlers = new Map<string, { readonly handler: Handler; readonly once: boolean }[]>();

  on(type: string, handler: Handler): this {
    return this.#add(type, handler, false);
  }

  once(type: string, handler: Handler): this {
    return this.#add(type, handler, true);
  }

  /** Without a handler: all of that type. */
  off(type: string, handler?: Handler): this {
    const others = this.#handlers.get(type)?.filter((one) => handler && one.handler !== handler);
    this.#handlers.set(type, others ?? []);
    return this;
  }

  /** For the owner. `name` is what handlers were added for. */
  protected dispatch(name: string, event: OpenViduEvent): void {
    const entries = this.#handlers.get(name) ?? [];
    this.#handlers.set(name, entries.filter(({ once }) => !once));
    for (const { handler } of entries) aside(() => handler(event));
  }

  #add(type: string, handler: Handler, once: boolean): this {
    this.#handlers.set(type, [...(this.#handlers.get(type) ?? []), { handler, once }]);
    return this;
  }
}
