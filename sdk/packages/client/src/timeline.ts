/** `@sidetalk/client/timeline`: the ordered messages of a room, whatever order pages and events come in. Pure. */
import { Emitter } from "./emitter.js";
import type { Unsubscribe } from "./emitter.js";
import type { Room } from "./room.js";
import type { Audience, HistoryPage, LogEvents, Message, PendingMessage } from "./types.js";

export interface TimelineChange {
  /** `reset`: draw everything anew. `messages`: only these ids came, changed or went. `pending`: only pending messages. */
  readonly kind: "reset" | "messages" | "pending";
  readonly ids: readonly string[];
}

/** A place where messages are missing: load `room.history({ after })` or `({ before })` and `add` it. */
export interface Gap {
  /** The last `seq` known before it; 0: it goes back to the beginning. */
  readonly after: number;
  /** The first `seq` known behind it. */
  readonly before: number;
}

/** One conversation, or all; arrays are new when something has changed in them, and the same when not. */
export interface TimelineView {
  /** Ascending by `seq`. */
  readonly messages: readonly Message[];
  /** Yours on their way: to be drawn at the end. */
  readonly pending: readonly PendingMessage[];
  /** Ascending. `gaps[0].after === 0`: there are older messages. */
  readonly gaps: readonly Gap[];
}

export interface Conversation {
  readonly audience: Audience;
  /** `audienceKey(audience)` */
  readonly key: string;
  readonly last: Message;
}

export class Timeline extends Emitter<{ change: TimelineChange }> {
  /** Takes the room's history and everything that happens in it from now on. */
  declare attach: (room: Room) => Unsubscribe;
  /** A page of `room.history()`. */
  declare add: (page: HistoryPage) => void;
  /** One entry of the log. */
  declare apply: <K extends keyof LogEvents>(type: K, event: LogEvents[K]) => void;
  /** Forget everything but pending messages; take this history instead. */
  declare reset: (history?: { messages: readonly Message[]; more_before: boolean }) => void;
  declare setPending: (pending: readonly PendingMessage[]) => void;
  declare get: (id: string) => Message | undefined;
  /** All messages, or those of one audience. */
  declare view: (audience?: Audience) => TimelineView;
  /** The audiences that messages are known of, the most recent first. */
  declare conversations: () => Conversation[];
}

/** The same text for the same audience, whatever the order of its users. */
export function audienceKey(audience: Audience | undefined): string {
  if (!audience || audience.type === "room") return "room";
  if (audience.type === "group") return `group:${encodeURIComponent(audience.group)}`;
  return `users:${[...new Set(audience.users)].sort().map(encodeURIComponent).join()}`;
}
