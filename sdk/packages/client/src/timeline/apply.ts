import type { LogEvents, Message, Reaction } from "../types.js";

export type MessageEntryType = Exclude<keyof LogEvents & `${"message" | "reaction"}.${string}`, "message.posted">;
export type MessageEntry = LogEvents[MessageEntryType];

/** Reactions name this many users; the others are only counted. */
const namedMax = 50;

/** The message after an entry about it; the same object if it changes nothing, so that applying it again does no harm. */
export function applyEntry(message: Message, type: MessageEntryType, event: MessageEntry): Message {
  if (message.deleted_at) return message;
  const at = event.at;
  switch (type) {
    case "message.edited": {
      if (message.edited_at && message.edited_at >= at) return message;
      const { parts, mentions } = event as LogEvents["message.edited"];
      return { ...message, parts, mentions, edited_at: at };
    }
    case "message.deleted":
      return { ...message, parts: [], mentions: [], pin: null, reactions: [], deleted_at: at };
    case "message.pinned":
      return message.pin?.at === at ? message : { ...message, pin: { by: event.by.user, at } };
    case "message.unpinned":
      return message.pin ? { ...message, pin: null } : message;
    default: {
      const { emoji, by } = event as LogEvents["reaction.added"];
      const change = type === "reaction.added" ? added : removed;
      const reactions = change(message.reactions, emoji, by.user ?? "");
      return reactions === message.reactions ? message : { ...message, reactions };
    }
  }
}

function added(reactions: readonly Reaction[], emoji: string, user: string): readonly Reaction[] {
  const known = reactions.find((reaction) => reaction.emoji === emoji);
  if (!known) return [...reactions, { emoji, count: 1, users: [user] }];
  if (known.users.includes(user)) return reactions;
  const users = known.users.length < namedMax ? [...known.users, user] : known.users;
  return reactions.map((reaction) => (reaction === known ? { ...known, count: known.count + 1, users } : reaction));
}

function removed(reactions: readonly Reaction[], emoji: string, user: string): readonly Reaction[] {
  const known = reactions.find((reaction) => reaction.emoji === emoji);
  // Nobody else than the named can have reacted if all are named.
  if (!known || (!known.users.includes(user) && known.count <= known.users.length)) return reactions;
  if (known.count <= 1) return reactions.filter((reaction) => reaction !== known);
  const users = known.users.filter((name) => name !== user);
  return reactions.map((reaction) => (reaction === known ? { ...known, count: known.count - 1, users } : reaction));
}
