/**
 * The shapes of the native API (`docs/api/native.md`), with the names that they have on the wire, and of this client's
 * own options and states, in camelCase. Only names and shapes; no code.
 */
import type { SidetalkError } from "./errors.js";

// The words of the wire.

export type Role = "viewer" | "guest" | "member" | "moderator" | "owner";
export type PrivateChat = "everyone" | "with_moderators" | "off";
export type RoomKind = "session" | "direct" | "group";
/** RFC 3339 in UTC with microseconds, by the server's clock. */
export type Time = string;

export type Audience =
  | { readonly type: "room" }
  | { readonly type: "group"; readonly group: string }
  | { readonly type: "users"; readonly users: readonly string[] };
/** To whom a signal goes. */
export type SignalTarget = Audience | { readonly type: "connections"; readonly connections: readonly string[] };

/** `user` is `null` for the server itself. */
export interface Sender {
  readonly user: string | null;
  readonly name: string;
  readonly connection: string | null;
  /** The dialect that it came by; absent: this one. */
  readonly dialect?: string;
}

export interface FileRef {
  readonly id: string;
  readonly name: string;
  readonly media_type: string;
  readonly bytes: number;
  readonly width?: number;
  readonly height?: number;
}

export type TextFormat = "plain" | "markdown";
export type Part =
  | { readonly type: "text"; readonly text: string; readonly format: TextFormat }
  | { readonly type: "image" | "file"; readonly file: FileRef }
  | { readonly type: "custom"; readonly data: unknown };
/** A part to send: the format may be left out, a file is named by its id. */
export type DraftPart =
  | { readonly type: "text"; readonly text: string; readonly format?: TextFormat }
  | { readonly type: "image" | "file"; readonly file: { readonly id: string } }
  | { readonly type: "custom"; readonly data: unknown };

/** `users` names at most the first 50; `count` counts all. Live, an emoji keeps its place while it is in use. */
export interface Reaction {
  readonly emoji: string;
  readonly count: number;
  readonly users: readonly string[];
}

export interface Message {
  readonly id: string;
  readonly seq: number;
  readonly sender: Sender;
  readonly audience: Audience;
  /** Empty once deleted. */
  readonly parts: readonly Part[];
  readonly mentions: readonly string[];
  readonly reply_to: string | null;
  readonly label: string | null;
  readonly client_id: string | null;
  readonly posted_at: Time;
  readonly edited_at: Time | null;
  readonly deleted_at: Time | null;
  /** `by` is a user's id; `null` for the server. */
  readonly pin: { readonly by: string | null; readonly at: Time } | null;
  readonly reactions: readonly Reaction[];
}

export interface Presence {
  readonly connection: string;
  readonly user: string;
  readonly name: string;
  readonly avatar: string | null;
  readonly role: Role;
  readonly groups: readonly string[];
  readonly dialect: string;
  /** What the client says of itself: `JoinOptions.data`. */
  readonly data: string;
  /** What the token says of the user; absent if it says nothing. */
  readonly server_data?: string;
  readonly joined_at: Time;
}

/** `null`: not muted or banned; `until: null`: without end. */
export type Until = { readonly until: Time | null } | null;

export interface Member {
  readonly user: string;
  readonly role: Role | null;
  readonly groups: readonly string[];
  readonly muted: Until;
  readonly banned: Until;
  readonly membership: string | null;
}

export interface RoomSettings {
  readonly chat_enabled: boolean;
  readonly slow_mode_s: number | null;
  readonly private_chat: PrivateChat;
  readonly retention_s: number | null;
}

export interface RoomInfo {
  readonly name: string;
  readonly kind: RoomKind;
  readonly title: string | null;
  readonly created_at: Time;
  readonly settings: RoomSettings;
}

export interface RoomSummary {
  readonly name: string;
  readonly kind: RoomKind;
  readonly title: string | null;
  readonly created_at: Time;
  readonly last_at: Time;
  readonly head: number;
  readonly invited: boolean;
}

export interface Me {
  readonly connection: string;
  readonly user: string;
  readonly role: Role;
  readonly groups: readonly string[];
  readonly muted: Until;
}

export interface Profile {
  readonly id: string;
  readonly name: string;
  readonly avatar: string | null;
  readonly role: Role;
  readonly groups: readonly string[];
}

export interface Limits {
  readonly frame_bytes: number;
  readonly text_bytes: number;
  readonly signal_bytes: number;
  readonly page: number;
  readonly outbox_bytes: number;
}

/** The answer to `connect`. */
export interface Welcome {
  readonly connection: string;
  readonly project: number;
  readonly user: Profile;
  readonly server_time: Time;
  readonly token_expires_at: Time | null;
  readonly ping_interval_ms: number;
  readonly limits: Limits;
  /** The server keeps this connection over a lost link. */
  readonly resume?: string;
  /** This is the connection of before: the rooms are joined, and what was missed follows, signals too. */
  readonly resumed?: true;
}

export interface Unread {
  readonly audience: Audience;
  /** The last message that you have marked as read. */
  readonly seen: number;
  /** Stops at 1000. */
  readonly count: number;
}

export interface Page {
  /** Ascending by `seq`; a search is newest first. */
  readonly messages: readonly Message[];
  readonly more_before: boolean;
  readonly more_after: boolean;
}

/** A page of history, with what a `Timeline` needs to merge it. */
export interface HistoryPage extends Page {
  readonly query: HistoryQuery;
  /** Everything up to this `seq` is in the page; what happened later may or may not be. */
  readonly asOf: number;
}

/** The last answer to `room.join`, with the highest `seq` that it told of. */
export interface Joined extends JoinResult {
  readonly asOf: number;
}

export type ResumeOutcome = "none" | "ok" | "too_old" | "epoch_changed";

/** The answer to `room.join`. */
export interface JoinResult {
  readonly room: RoomInfo;
  readonly position: string;
  readonly me: Me;
  readonly resume: ResumeOutcome;
  readonly events: readonly { readonly method: string; readonly params: Record<string, unknown> }[];
  /** The newest messages, ascending; `null` if `resume` is `ok`. */
  readonly history: { readonly messages: readonly Message[]; readonly more_before: boolean } | null;
  readonly presence?: readonly Presence[];
  readonly presence_total?: number;
  readonly pinned?: readonly Message[];
  readonly unread?: readonly Unread[];
}

/** Where a message was stored. */
export interface Posted {
  readonly id: string;
  readonly seq: number;
  readonly position: string;
  readonly posted_at: Time;
  /** It had been stored by an earlier try. */
  readonly repeated: boolean;
}

/** Whether a change changed anything. */
export interface Changed {
  readonly position: string;
  readonly changed: boolean;
}

// Notifications.

/** What every entry of the log carries. */
export interface LogEntry {
  readonly room: string;
  readonly position: string;
  readonly seq: number;
  readonly at: Time;
  readonly by: Sender;
  /** Absent: the whole room. */
  readonly audience?: Audience;
}

/** The message that an entry is about. */
export interface MessageRef {
  /** Its id. */
  readonly message: string;
  readonly message_seq: number;
}

/** Entries of the log: numbered, ordered, replayed after a reconnect. */
export interface LogEvents {
  "message.posted": LogEntry & { readonly message: Message };
  "message.edited": LogEntry & MessageRef & { readonly parts: readonly Part[]; readonly mentions: readonly string[] };
  "message.deleted": LogEntry & MessageRef;
  "message.pinned": LogEntry & MessageRef;
  "message.unpinned": LogEntry & MessageRef;
  "reaction.added": LogEntry & MessageRef & { readonly emoji: string };
  "reaction.removed": LogEntry & MessageRef & { readonly emoji: string };
  "chat.enabled": LogEntry;
  "chat.disabled": LogEntry;
  /** All messages of exactly this audience up to this entry are gone. */
  "history.cleared": LogEntry;
  "room.slow_mode_set": LogEntry & { readonly slow_mode_s: number | null };
  "room.private_chat_set": LogEntry & { readonly private_chat: PrivateChat };
  "room.title_set": LogEntry & { readonly title: string | null };
  "room.retention_set": LogEntry & { readonly retention_s: number | null };
  "member.muted": LogEntry & { readonly user: string; readonly until: Time | null };
  "member.unmuted": LogEntry & { readonly user: string };
  "member.banned": LogEntry & { readonly user: string; readonly until: Time | null };
  "member.unbanned": LogEntry & { readonly user: string };
  "member.kicked": LogEntry & { readonly user: string };
  "member.invited": LogEntry & { readonly user: string };
  "member.joined": LogEntry & { readonly user: string };
  "member.left": LogEntry & { readonly user: string };
  "member.role_set": LogEntry & { readonly user: string; readonly role: Role | null };
  "member.groups_set": LogEntry & { readonly user: string; readonly groups: readonly string[] };
}

/** What is told live only. */
export interface MomentEvents {
  signal: {
    readonly room: string;
    readonly type: string | null;
    readonly data: unknown;
    readonly from: Sender;
    readonly to?: SignalTarget;
  };
  /** `active: true` is always followed by `false`: from the sender, or after a few seconds of silence from this client. */
  typing: { readonly room: string; readonly from: Sender; readonly active: boolean; readonly audience?: Audience };
  "presence.joined": { readonly room: string; readonly presence: Presence };
  "presence.left": {
    readonly room: string;
    readonly connection: string;
    readonly user: string;
    readonly reason: string;
  };
  /** You have read up to `seq` on another connection of yours. */
  "receipt.set": { readonly room: string; readonly seq: number; readonly audience: Audience };
}

/** What this client adds. */
export interface LocalRoomEvents {
  /** A new state object; compare it with the last one for what has changed. */
  state: RoomState;
  /** A message of yours on its way: new, changed, or gone (it was posted, discarded or aborted). */
  pending: { readonly change: "added" | "changed" | "removed"; readonly message: PendingMessage };
  /** The link is back and everything missed has been emitted, in order. */
  resumed: { readonly events: number };
  /** What was missed cannot be replayed: drop all messages of this room and take `joined.history`. */
  reset: { readonly reason: "too_old" | "epoch_changed"; readonly joined: Joined };
  /** You are out of this room for good. */
  removed: { readonly reason: string; readonly error?: SidetalkError };
}

export interface RoomEvents extends LogEvents, MomentEvents, LocalRoomEvents {}

// This client's options and states. What a caller may leave out may also be `undefined`.

/** Why a token is wanted: the first link, the server refused the last one, it ends soon, or it has ended. */
export type TokenReason = "connect" | "refused" | "expiring" | "expired";
/** Rejecting is taken as a passing failure and tried again; reject with a `SidetalkError` to end the client. */
export type TokenProvider = (reason: TokenReason) => string | Promise<string>;

export interface ClientOptions {
  /** Address of the server, with its base path if it has one: `https://chat.example.org`. */
  readonly url: string;
  readonly token: string | TokenProvider;
  /** Needed where `globalThis.WebSocket` is missing (Node before 22). */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Told to the server's logs: `"shop/2.1"`. */
  readonly name?: string | undefined;
  /**
   * For how long, at most 30, the server keeps the connection when the link is lost: others do not see you leave, and you
   * miss no signal. A link that is dead without a word is then found within 20 s. Default 0.
   */
  readonly keepSeconds?: number | undefined;
  /** How long a call may wait for a link and an answer; default 30,000. Posting waits without end. */
  readonly timeoutMs?: number | undefined;
  /** First and longest pause between attempts to connect; default 500 and 30,000. */
  readonly backoff?: { readonly firstMs?: number; readonly longestMs?: number } | undefined;
  /** Messages per room that may wait to be sent; default 100. */
  readonly queueLimit?: number | undefined;
  /** Clock, timers and chance; for tests. */
  readonly environment?: Partial<Environment> | undefined;
}

/** The outside world, as far as this package touches it. */
export interface Environment {
  /** Milliseconds, never going back. */
  now(): number;
  /** Milliseconds since 1970, for display only. */
  date(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  /** 0 ≤ x < 1 */
  random(): number;
  /** An id that nobody else chooses. */
  id(): string;
  /** Where `online` and `offline` are told; `undefined` where nobody tells them. */
  network: NetworkEvents | undefined;
}

export interface NetworkEvents {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

/** The part of a WebSocket that is used; that of browsers, Node and the package `ws` all have it. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Instead of the client's `timeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

export type ClientState =
  | { readonly status: "idle" }
  | { readonly status: "connecting"; readonly attempt: number }
  | { readonly status: "online"; readonly welcome: Welcome }
  /** `retryAt` is in milliseconds of `Date.now()`. */
  | { readonly status: "offline"; readonly retryAt: number; readonly error: SidetalkError }
  | { readonly status: "closed"; readonly reason: ErrorReason; readonly error: SidetalkError };

/** Why a client is closed: `closed` (you did), an error code, or the meaning of a close code after which to stay away. */
export type ErrorReason =
  | "closed"
  | "aborted"
  /** The connection goes on over another socket, of whoever else has its `resume`. */
  | "replaced"
  | "unauthenticated"
  | "token_expired"
  | "banned"
  | "kicked"
  | "ended_by_project"
  | "malformed_frames"
  | (string & {});

export interface Notification {
  readonly method: string;
  readonly params: Record<string, unknown>;
}

export interface ClientEvents {
  state: ClientState;
  /** Every notification, also of rooms that are not joined (your `direct` and `group` rooms), in the order of arrival. */
  notification: Notification;
  "token.expiring": { readonly expires_at: Time };
  "server.draining": { readonly retry_after_ms: number };
  /** Something failed that no call waits for, such as the token provider. It will be tried again. */
  error: SidetalkError;
}

export interface JoinOptions extends CallOptions {
  /** How many of the newest messages to bring: 0-300, default 50. */
  readonly history?: number | undefined;
  /** Whether to be told who is there; default true. */
  readonly presence?: boolean | undefined;
  /** Bring the unread counts (`room.joined.unread`); default false. */
  readonly unread?: boolean | undefined;
  /** Bring the pinned messages (`room.joined.pinned`); default false. */
  readonly pinned?: boolean | undefined;
  /** Text of at most 4 KiB that others see in your presence. */
  readonly data?: string | undefined;
}

/** `joining` and `joined` speak of the link; after `removed` and `left` a room stays as it is. */
export type RoomStatus = "joining" | "joined" | "offline" | "removed" | "left";

/** One moment of a room. A new object for each change; only `presence` and `position` are kept up to date in place. */
export interface RoomState {
  readonly status: RoomStatus;
  readonly room: RoomInfo;
  readonly settings: RoomSettings;
  readonly me: Me;
  /** Who is there, by connection; at most 1,000. */
  readonly presence: ReadonlyMap<string, Presence>;
  /** How many are there, also when the list is cut. */
  readonly presenceTotal: number;
  readonly position: string;
}

/** A message to post; the names are those of the wire. */
export interface Draft {
  readonly text?: string | undefined;
  readonly format?: TextFormat | undefined;
  readonly parts?: readonly DraftPart[] | undefined;
  readonly audience?: Audience | undefined;
  readonly mentions?: readonly string[] | undefined;
  readonly reply_to?: string | undefined;
  readonly label?: string | undefined;
  /** Chosen by the client if absent; the same one is never stored twice. */
  readonly client_id?: string | undefined;
}

/** One moment of a message of yours that is not in the log yet. A new object for each change. */
export interface PendingMessage {
  readonly client_id: string;
  readonly room: string;
  readonly draft: Draft;
  /** `sent`: stored, its `message.posted` has not arrived yet. */
  readonly state: "queued" | "sending" | "failed" | "sent";
  /** Why it failed. */
  readonly error?: SidetalkError;
  /** Where it was stored. */
  readonly posted?: Posted;
  /** This computer's clock, for display only. */
  readonly createdAt: number;
  /** Sends it again, under the same id; only for `failed`. */
  retry(): Promise<Posted>;
  /** Takes it back. If it was on its way already, it may still appear. */
  discard(): void;
}

export type Edit = Pick<Draft, "text" | "format" | "parts" | "mentions">;

export interface HistoryQuery {
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  readonly around?: number | undefined;
  readonly limit?: number | undefined;
  readonly audience?: Audience | undefined;
  readonly pinned?: boolean | undefined;
}

export interface SearchQuery {
  readonly text: string;
  readonly before?: number | undefined;
  readonly limit?: number | undefined;
  readonly audience?: Audience | undefined;
  readonly sender?: string | undefined;
}

/** `null` sets the default of the project. */
export interface RoomChanges {
  readonly title?: string | null | undefined;
  readonly chat_enabled?: boolean | null | undefined;
  readonly slow_mode_s?: number | null | undefined;
  readonly private_chat?: PrivateChat | null | undefined;
  readonly retention_s?: number | null | undefined;
}
