import type { LogEvents, Me, MomentEvents, Presence, Profile, RoomSettings, RoomState } from "./types.js";

type Events = LogEvents & MomentEvents;

/** The state after an event; the same object if it changes nothing of it. `token` is what my token gives me. */
export function reduceState(
  state: RoomState,
  type: string,
  event: Events[keyof Events],
  token: Pick<Profile, "role" | "groups"> | undefined,
): RoomState {
  const reduce = (reducers as Record<string, Reducer | undefined>)[type];
  return reduce ? reduce(state, event as never, token) : state;
}

// The table below types each event; from here they are called by name.
type Reducer = (state: RoomState, event: never, token: Pick<Profile, "role" | "groups"> | undefined) => RoomState;
type Reducers = { [K in keyof Events]?: (...args: [RoomState, Events[K], Pick<Profile, "role" | "groups"> | undefined]) => RoomState };

const reducers = {
  "chat.enabled": (state) => settings(state, { chat_enabled: true }),
  "chat.disabled": (state) => settings(state, { chat_enabled: false }),
  "room.slow_mode_set": (state, { slow_mode_s }) => settings(state, { slow_mode_s }),
  "room.private_chat_set": (state, { private_chat }) => settings(state, { private_chat }),
  "room.retention_set": (state, { retention_s }) => settings(state, { retention_s }),
  "room.title_set": (state, { title }) => ({ ...state, room: { ...state.room, title } }),
  "member.muted": (state, { user, until }) => me(state, user, { muted: { until } }),
  "member.unmuted": (state, { user }) => me(state, user, { muted: null }),
  "member.role_set": (state, { user, role }, token) =>
    people(state, user, role ?? (user === state.me.user ? token?.role : undefined), undefined),
  "member.groups_set": (state, { user, groups }, token) =>
    people(state, user, undefined, user === state.me.user ? [...new Set([...(token?.groups ?? []), ...groups])] : groups),
  "presence.joined": (state, { presence }) => {
    const known = state.presence.has(presence.connection);
    (state.presence as Map<string, Presence>).set(presence.connection, presence);
    return { ...state, presenceTotal: state.presenceTotal + (known ? 0 : 1) };
  },
  "presence.left": (state, { connection }) => {
    (state.presence as Map<string, Presence>).delete(connection);
    return { ...state, presenceTotal: Math.max(state.presence.size, state.presenceTotal - 1) };
  },
} satisfies Reducers;

function settings(state: RoomState, change: Partial<RoomSettings>): RoomState {
  const changed = { ...state.settings, ...change };
  return { ...state, settings: changed, room: { ...state.room, settings: changed } };
}

function me(state: RoomState, user: string, change: Partial<Me>): RoomState {
  return user === state.me.user ? { ...state, me: { ...state.me, ...change } } : state;
}

function people(state: RoomState, user: string, role: Me["role"] | undefined, groups: Me["groups"] | undefined): RoomState {
  const change = { ...(role && { role }), ...(groups && { groups }) };
  for (const [connection, presence] of state.presence) {
    if (presence.user === user) (state.presence as Map<string, Presence>).set(connection, { ...presence, ...change });
  }
  return { ...me(state, user, change) };
}
