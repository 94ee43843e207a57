import { Emitter } from "./emitter.js";
import type * as T from "./types.js";

/** A room that is joined. Made by `client.join()`. */
export class Room extends Emitter<T.RoomEvents> {
  declare readonly name: string;
  /** The answer to the last join: history, pinned messages, unread counts as of then. */
  declare readonly joined: T.JoinResult;
  declare readonly state: T.RoomState;
  /** Your messages that are not in the log yet, oldest first. */
  declare readonly pending: readonly T.PendingMessage[];
  /** The highest `seq` that was seen. */
  declare readonly lastSeq: number;

  /** Shows at once as pending; resolves when stored. Sent again over reconnects, stored once. */
  declare post: (draft: string | T.Draft, options?: { signal?: AbortSignal }) => Promise<T.Posted>;
  declare edit: (message: string, edit: string | T.Edit, options?: T.CallOptions) => Promise<T.Changed>;
  declare delete: (message: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare pin: (message: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare unpin: (message: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare react: (message: string, emoji: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare unreact: (message: string, emoji: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare message: (id: string, options?: T.CallOptions) => Promise<T.Message>;
  /** Resolves with where it was stored if the type is a chat type, else with `null`. */
  declare signal: (
    type: string | null,
    data?: unknown,
    options?: T.CallOptions & { to?: T.SignalTarget; confirm?: boolean },
  ) => Promise<Omit<T.Posted, "repeated"> | null>;
  /** Call it at every key press; told to others at most every 3 s, and taken back after 5 s without a call. */
  declare typing: (active: boolean, options?: { audience?: T.Audience }) => void;
  /** Resolves with where the marker stands. Only ever moves forward; calls in quick succession are joined. */
  declare markRead: (seq: number, options?: T.CallOptions & { audience?: T.Audience }) => Promise<number>;
  declare history: (query: T.HistoryQuery, options?: T.CallOptions) => Promise<T.HistoryPage>;
  declare search: (query: string | T.SearchQuery, options?: T.CallOptions) => Promise<T.Page>;
  declare unread: (options?: T.CallOptions) => Promise<T.Unread[]>;
  declare enableChat: (options?: T.CallOptions) => Promise<T.Changed>;
  declare disableChat: (options?: T.CallOptions) => Promise<T.Changed>;
  declare clearHistory: (options?: T.CallOptions & { audience?: T.Audience }) => Promise<T.Changed>;
  declare update: (changes: T.RoomChanges, options?: T.CallOptions) => Promise<T.RoomInfo>;
  declare members: (options?: T.CallOptions) => Promise<T.Member[]>;
  declare mute: (user: string, options?: T.CallOptions & { durationS?: number }) => Promise<T.Changed>;
  declare unmute: (user: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare kick: (user: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare ban: (user: string, options?: T.CallOptions & { durationS?: number }) => Promise<T.Changed>;
  declare unban: (user: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare invite: (user: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare addMember: (user: string, options?: T.CallOptions) => Promise<T.Changed>;
  declare setRole: (user: string, role: T.Role | null, options?: T.CallOptions) => Promise<T.Changed>;
  declare setGroups: (user: string, groups: readonly string[], options?: T.CallOptions) => Promise<T.Changed>;
  declare acceptInvitation: (options?: T.CallOptions) => Promise<T.Changed>;
  declare leaveMembership: (options?: T.CallOptions) => Promise<T.Changed>;
  /** Goes out of the room; the room object is of no use afterwards. */
  declare leave: (options?: T.CallOptions) => Promise<void>;
}
