// The examples of the vendor's page about its chat, as printed there. `…` marks what the page leaves out.
const NOBODY = "00000000-0000-0000-0000-000000000000";

export const COMMANDS = {
  enable_chat: { action: "enable_chat" },
  disable_chat: { action: "disable_chat" },
  send_global: { action: "send_message", scope: "global", content: "Hello all!" },
  send_group: { action: "send_message", scope: "group", target: "management", content: "Hello managers!" },
  send_private: { action: "send_message", scope: "private", target: NOBODY, content: "Hello Bob!" },
  clear_history: { action: "clear_history" },
  last_seen_global: { action: "set_last_seen_timestamp", scope: "global", timestamp: "2022-10-22T11:22:33Z" },
  last_seen_group: { action: "set_last_seen_timestamp", scope: "group", target: "/OpenTalk/OU/Backend", timestamp: "2022-10-22T11:22:33Z" },
  last_seen_private: { action: "set_last_seen_timestamp", scope: "private", target: NOBODY, timestamp: "2022-10-22T11:22:33Z" },
};

export const EVENTS = {
  sent_global: { message: "message_sent", source: NOBODY, scope: "global", content: "Hello all!" },
  sent_group: { message: "message_sent", source: NOBODY, scope: "group", target: "management", content: "Hello managers!" },
  sent_private: { message: "message_sent", source: NOBODY, scope: "private", target: "00000000-0000-0000-0000-0000deadbeef", content: "Hello Bob!" },
};

export const ERRORS = {
  chat_disabled: { message: "error", error: "chat_disabled" },
  insufficient_permissions: { message: "error", error: "insufficient_permissions" },
};

export const GROUPS = ["/OpenTalk/OU/Backend", "/OpenTalk/Role/Developer"];

/** The state in join_success. The page prints no `enabled`, which its table requires. */
export const STATE = {
  room_history: [{ source: NOBODY, scope: "global", content: "Hello all!", timestamp: "2023-01-13T12:37:08Z" }],
  groups_history: [
    { history: [{ source: NOBODY, scope: "group", target: "management", content: "Hello managers!", timestamp: "2023-01-13T12:37:08Z" }], name: "/OpenTalk/OU/Backend" },
  ],
  private_history: [
    {
      history: [{ source: NOBODY, scope: "private", target: "00000000-0000-0000-0000-000000000001", content: "Hello private chat correspondent!", timestamp: "2023-01-13T12:37:08Z" }],
      correspondent: NOBODY,
    },
  ],
  last_seen_timestamp_global: "2023-01-03T12:34:56Z",
  last_seen_timestamps_private: { [NOBODY]: "2023-01-02T11:22:33Z" },
  last_seen_timestamps_group: { "/OpenTalk/OU/Backend": "2023-01-02T12:11:11Z", "/OpenTalk/Role/Developer": "2023-01-02T12:10:23Z" },
};

/** The same with an id in every message, without which no real type reads it, and with `enabled`. */
export function stateWithIds() {
  const state = structuredClone({ enabled: true, ...STATE });
  for (const messages of [state.room_history, ...state.groups_history.map((each) => each.history), ...state.private_history.map((each) => each.history)]) {
    for (const message of messages) message.id = crypto.randomUUID();
  }
  return state;
}

/** What is to be said of the examples by the real types: questions for the oracle. */
export function questions() {
  const at = "2023-01-13T12:37:08Z";
  const command = (name, payload) => ({ name: `seed.command.${name}`, kind: "command", gen: "both", expect: "ok", json: { namespace: "chat", payload } });
  const frame = (name, payload, expect) => ({ name: `seed.event.${name}`, kind: "frame", gen: "both", expect, json: { namespace: "chat", timestamp: at, payload } });
  const withIds = (payload) => ({ id: crypto.randomUUID(), ...payload });
  return [
    ...Object.entries(COMMANDS).map(([name, payload]) => command(name, payload)),
    ...Object.entries(EVENTS).map(([name, payload]) => frame(`${name}-as-printed-lacks-an-id`, payload, "err")),
    ...Object.entries(EVENTS).map(([name, payload]) => frame(`${name}-with-id`, withIds(payload), "ok")),
    ...Object.entries(ERRORS).map(([name, payload]) => frame(`error.${name}`, payload, "ok")),
    { name: "seed.state.as-printed-lacks-ids", kind: "chat_state", gen: "both", expect: "err", json: { enabled: true, ...STATE } },
    { name: "seed.state.with-ids-is-the-seed-generation", kind: "chat_state", gen: "seed", expect: "ok", json: stateWithIds() },
    { name: "seed.state.with-ids-is-not-the-new-generation", kind: "chat_state", gen: "new", expect: "err", json: stateWithIds() },
  ];
}
