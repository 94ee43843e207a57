import { aside } from "@sidetalk/dropin";
import type { Connection } from "./connection.js";

/** What every event has. Pages may write to all of it. */
export interface Event<Target = unknown> {
  type: string;
  target: Target;
  cancelable: boolean;
  isDefaultPrevented(): boolean;
  preventDefault(): void;
}

export interface SignalEvent<Target = unknown> extends Event<Target> {
  /** `signal:chat` for a signal of the type `chat`, `signal` for one without a type. */
  type: string;
  data?: string;
  /** `null`: sent by the application's back end. */
  from: Connection | null;
  /** Of stored messages: its id, its number in the room, and when it was stored, in milliseconds by the server's clock. */
  messageId?: string;
  seq?: number;
  serverTime?: number;
  /** It was said before you came. */
  replayed?: boolean;
}

export interface ConnectionEvent<Target = unknown> extends Event<Target> {
  connection: Connection;
  /** Of `connectionDestroyed`: `clientDisconnected`, `forceDisconnected` or `networkDisconnected`. */
  reason?: string;
}

export interface SessionConnectEvent<Target = unknown> extends Event<Target> {
  connections: Connection[];
  streams: never[];
}

export interface SessionDisconnectEvent<Target = unknown> extends Event<Target> {
  /** `clientDisconnected`, `forceDisconnected` or `networkDisconnected`. */
  reason: string;
}

export interface ExceptionEvent extends Event {
  code: number;
  title: string;
  message: string;
}

export type Handler<E> = (event: E) => void;

/** The handlers of an object that dispatches events `Events[name]`; other names are never dispatched. */
export type Handlers<Events> = { [Name in keyof Events]?: Handler<Events[Name]> };

export type EventOf<Events, Name> = Name extends keyof Events ? Events[Name] : any;

interface Entry {
  readonly name: string;
  readonly handler: Handler<any>;
  readonly context: unknown;
  readonly once: boolean;
}

type Names = string | object | undefined;


/** Handlers are called at once, in the order in which they were added. One that throws disturbs nobody. */
export class Emitter<Events> {
  #entries: Entry[] = [];
  /** @deprecated It is `on`. */
  readonly addEventListener = this.on;
  /** @deprecated It is `off`. */
  readonly removeEventListener = this.off;

  /** One name, or several with spaces between them; or an object with handlers by name. */
  on<Name extends string>(names: Name, handler: Handler<EventOf<Events, Name>>, context?: unknown): this;
  on(handlers: Handlers<Events> & Record<string, Handler<any> | undefined>, context?: unknown): this;
  on(names: Names, handler?: unknown, context?: unknown): this {
    return this.#add(names, handler, context, false);
  }

  /** As `on`, but each handler is called only once. */
  once<Name extends string>(names: Name, handler: Handler<EventOf<Events, Name>>, context?: unknown): this;
  once(handlers: Handlers<Events> & Record<string, Handler<any> | undefined>, context?: unknown): this;
  once(names: Names, handler?: unknown, context?: unknown): this {
    return this.#add(names, handler, context, true);
  }

  /** Without a handler: all of these names. Without anything: all. */
  off<Name extends string>(names?: Name, handler?: Handler<EventOf<Events, Name>>, context?: unknown): this;
  off(handlers: Handlers<Events> & Record<string, Handler<any> | undefined>, context?: unknown): this;
  off(names?: Names, handler?: unknown, context?: unknown): this {
    if (names === undefined) this.#entries = [];
    each(names, handler, context, (name, gone, of) => {
      const stays = (one: Entry) => one.name !== name || (gone && one.handler !== gone) || (of && one.context !== of);
      this.#entries = this.#entries.filter(stays);
    });
    return this;
  }

  /** @internal Whether somebody listens. */
  hears(name: string): boolean {
    return this.#entries.some((one) => one.name === name);
  }

  /** @internal Calls those who listen for `name`, all with one event, which is made for them. */
  say(name: string, more: object = {}, type = name): void {
    const called = this.#entries.filter((one) => one.name === name);
    this.#entries = this.#entries.filter((one) => one.name !== name || !one.once);
    let isPrevented = false;
    const event = { type, target: this, cancelable: false, isDefaultPrevented: () => isPrevented, preventDefault: () => void (isPrevented = true), ...more };
    for (const { handler, context } of called) aside(() => handler.call(context ?? this, event));
  }

  #add(names: Names, handler: unknown, context: unknown, once: boolean): this {
    each(names, handler, context, (name, added, of) => added && this.#entries.push({ name, handler: added, context: of, once }));
    return this;
  }
}

/** Takes apart the forms in which handlers are named. In the form with an object the context is in the place of the handler. */
function each(names: Names, handler: unknown, context: unknown, run: (name: string, handler: Handler<any> | undefined, context: unknown) => void): void {
  const pairs = typeof names === "object" && names ? Object.entries(names) : [[names, handler]];
  const of = typeof names === "object" ? handler : context;
  for (const [list, one] of pairs) {
    for (const name of String(list ?? "").split(/\s+/)) if (name) run(name, typeof one === "function" ? (one as Handler<any>) : undefined, of);
  }
}
