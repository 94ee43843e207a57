import { Collection } from "./collection.js";
import type * as C from "./connection.js";
import type { OTError } from "./errors.js";
import { Emitter } from "./events.js";
import type * as E from "./events.js";
import { moveTo } from "./home.js";
import { initPublisher, later, publishers, subscribers } from "./media.js";
import type * as M from "./media.js";
import { Session } from "./session.js";
import type * as S from "./session.js";

/** All sessions that were made. */
const sessions = new Collection<Session>();
const titles: Record<number, string> = {
  1004: "Authentication error",
  1005: "Invalid Session ID",
  1006: "Connect Failed",
  1010: "Not Connected",
  1011: "Invalid Parameter",
  1520: "Unable to Force Disconnect",
};

function failed({ code, message }: OTError, target: Session): void {
  OT.say("exception", { code, message, title: titles[code] ?? "Internal Error", target });
}

/** Makes a session; nothing is sent before its `connect()`. In very old pages the key is named there, and not here. */
function initSession(apiKey: string | number, sessionId?: string | S.SessionOptions, options?: S.SessionOptions): Session {
  const session =
    typeof sessionId === "string" ? new Session(`${apiKey}`, sessionId, options ?? {}, failed) : new Session("", `${apiKey ?? ""}`, sessionId ?? {}, failed);
  sessions.add(session);
  return session;
}

const nothing = (..._ignored: unknown[]): void => {};

/** Calls back without an error, and resolves. */
function answering<R>(result: R) {
  return (callback?: (error: Error | undefined, result: R) => void): Promise<R> => {
    if (callback) later(() => callback(undefined, result));
    return Promise.resolve(result);
  };
}

/** Dispatches `exception` itself. */
export const OT = Object.assign(new Emitter<{ exception: E.ExceptionEvent }>(), {
  initSession,
  initPublisher,
  sessions,
  publishers,
  subscribers,
  /** Says where the server is, for pages that have no script tag to say it. */
  setProxyUrl: moveTo,
  /** 1: this browser will do. */
  checkSystemRequirements: (): number => 1,
  upgradeSystemRequirements: nothing,
  setLogLevel: nothing,
  log: nothing,
  reportIssue: answering(""),
  // There are no cameras, no microphones and no screens.
  getDevices: answering<MediaDeviceInfo[]>([]),
  getUserMedia: async () => new MediaStream(),
  checkScreenSharingCapability: (callback: (support: { supported: boolean; extensionRequired?: string; extensionRegistered?: boolean }) => void) =>
    later(() => callback({ supported: false })),
  registerScreenSharingExtension: nothing,
});

export declare namespace OT {
  export type Session = S.Session;
  export type Connection = C.Connection;
  export type Capabilities = S.Capabilities;
  export type Signal = S.Signal;
  export type SessionOptions = S.SessionOptions;
  export type Publisher = M.Publisher;
  export type Subscriber = M.Subscriber;
  export type Stream = M.Stream;
  export type OTError = import("./errors.js").OTError;
  export type Error = OTError;
  export type Event<_Name = string, Target = unknown> = E.Event<Target>;
  export type SignalEvent = E.SignalEvent<Session>;
  export type ConnectionEvent = E.ConnectionEvent<Session>;
  export type SessionConnectEvent = E.SessionConnectEvent<Session>;
  export type SessionDisconnectEvent = E.SessionDisconnectEvent<Session>;
  export type ExceptionEvent = E.ExceptionEvent;
}
