// The upgrade, what may be said when, and what cannot be read; checklist 2, 3, 4, 5, 16.
import { between, equal, matches, ok, pause, until } from "../../openvidu/expect.mjs";
import { PROTOCOL } from "../raw.mjs";
import { BACKEND, refused } from "../world.mjs";

const OLD_PROTOCOL = "k3k-signaling-json-v1.0";
const ANY_TICKET = "t".repeat(64);

async function owned(world, gen) {
  const owner = await world.user([BACKEND]);
  return { owner, room: await world.room(owner), gen };
}

export const upgrades = {
  open: owned,
  cases: {
    async "upgrade.answers-with-the-protocol-only"(world, { owner, room }) {
      for (const gen of ["seed", "new"]) {
        const { ticket } = await world.start(room, owner, { gen });
        equal((await world.socket(ticket, { gen })).protocol, PROTOCOL, "sub-protocol");
      }
    },
    async "upgrade.in-any-order"(world, { owner, room }) {
      const { ticket } = await world.start(room, owner);
      equal((await world.socket(ticket, { protocols: [PROTOCOL, `ticket#${ticket}`] })).protocol, PROTOCOL, "sub-protocol");
    },
    async "upgrade.older-name-is-taken"(world, { owner, room }) {
      const { ticket } = await world.start(room, owner);
      equal((await world.socket(ticket, { protocols: [`ticket#${ticket}`, OLD_PROTOCOL] })).protocol, OLD_PROTOCOL, "sub-protocol, the one offered");
    },
    async "upgrade.without-protocols-is-400"(world) {
      refused(await world.upgrade([]), 400, "missing_protocol");
    },
    async "upgrade.unknown-protocol-is-400"(world, { owner, room }) {
      const { ticket } = await world.start(room, owner);
      const answer = await world.upgrade([`ticket#${ticket}`, "other-v1"]);
      refused(answer, 400, "invalid_protocol");
      equal((await world.socket(ticket)).protocol, PROTOCOL, "the ticket is still good");
    },
    async "upgrade.ticket-alone-is-400"(world, { owner, room }) {
      const { ticket } = await world.start(room, owner);
      const answer = await world.upgrade([`ticket#${ticket}`]);
      equal(answer.status, 400, "status");
      matches(answer.json?.code, /^(missing|invalid)_protocol$/, "code");
    },
    async "upgrade.without-a-ticket-is-401"(world) {
      refused(await world.upgrade([PROTOCOL]), 401, "missing_ticket");
    },
    async "upgrade.ticket-of-another-length-is-401"(world) {
      for (const ticket of ["short", ANY_TICKET.slice(1), `${ANY_TICKET}t`]) refused(await world.upgrade([`ticket#${ticket}`, PROTOCOL]), 401, "invalid_ticket");
    },
    async "upgrade.unknown-ticket-is-401"(world) {
      refused(await world.upgrade([`ticket#${ANY_TICKET}`, PROTOCOL]), 401, "invalid_ticket");
    },
    async "upgrade.used-ticket-is-401"(world, { owner, room }) {
      const { ticket } = await world.start(room, owner);
      await world.socket(ticket);
      refused(await world.upgrade([`ticket#${ticket}`, PROTOCOL]), 401, "invalid_ticket");
    },
    async "upgrade.one-ticket-two-sockets-at-once"(world, { owner, room }) {
      const { ticket } = await world.start(room, owner);
      const answers = await Promise.all([1, 2, 3, 4].map(() => world.upgrade([`ticket#${ticket}`, PROTOCOL])));
      for (const { socket } of answers) if (socket) world.later(() => socket.terminate());
      equal(answers.map((answer) => answer.status ?? 101).sort(), [101, 401, 401, 401], "statuses");
    },
  },
};

export const ticket_expires = {
  waits_s: 33,
  limit_ms: 60_000,
  open: owned,
  cases: {
    async "upgrade.ticket-lives-for-30-seconds"(world, { owner, room }) {
      const [first, second] = [await world.start(room, owner), await world.start(room, owner)];
      await pause(26_000);
      equal((await world.socket(first.ticket)).protocol, PROTOCOL, "after 26 s it is good");
      await pause(6_000);
      refused(await world.upgrade([`ticket#${second.ticket}`, PROTOCOL]), 401, "invalid_ticket");
    },
  },
};

export const joining = {
  open: owned,
  cases: {
    async "join.nothing-but-control-is-handled-before"(world, { owner, room }) {
      const raw = await world.at(room, owner);
      raw.say("echo", { action: "ping" });
      raw.send("before joining");
      raw.moderate("enable_waiting_room");
      raw.raw({ namespace: "unknown", payload: { action: "x" } });
      await raw.hearsNothing(0);
      await raw.join();
      equal(raw.welcome.chat.room_history.filter((each) => each.content === "before joining"), [], "what was said before");
      equal(raw.welcome.moderation.waiting_room_enabled, false, "the waiting room");
    },
    async "join.must-be-the-first-command"(world, { owner, room }) {
      const raw = await world.at(room, owner);
      raw.control("raise_hand");
      await raw.error("control", "not_yet_joined");
      await raw.join();
    },
    async "join.second-time-is-already_joined"(world, { owner, room }) {
      const raw = await world.in(room, owner);
      raw.control("join", { display_name: "again" });
      await raw.error("control", "already_joined");
      equal(raw.of("control", "join_success").length, 1, "join_success came once");
    },
    async "join.name-has-its-white-space-made-one"(world, { owner, room }) {
      const code = await world.invite(owner, room);
      const guest = await world.guestIn(room, code, { name: " \t a  \n b\u00a0c " });
      equal(guest.welcome.display_name, "a b c", "display_name");
    },
    async "join.empty-and-long-names-are-invalid_username"(world, { owner, room }) {
      const guest = await world.guestAt(room, await world.invite(owner, room));
      for (const display_name of ["", "   ", "x".repeat(101), "é".repeat(51)]) {
        const from = guest.frames.length;
        // Some of these the types themselves refuse, so they are not shown to the oracle as well-behaved commands.
        guest.raw({ namespace: "control", payload: { action: "join", display_name } });
        await guest.error("control", "invalid_username", from);
      }
      equal((await guest.join({ display_name: "é".repeat(50) })).display_name, "é".repeat(50), "a name of 100 bytes, after those errors");
    },
    async "join.without-a-name-is-under-ones-own"(world, { owner, room }) {
      const me = await world.made("GET", "/users/me", { as: owner });
      const raw = await world.at(room, owner);
      equal((await raw.join()).display_name, me.display_name, "display_name");
    },
    async "join.enter_room-without-a-waiting-room-is-an-error"(world, { owner, room }) {
      const raw = await world.at(room, owner);
      raw.control("enter_room");
      await until(() => raw.errors("control")[0], "an error");
      matches(raw.errors("control")[0], /^(not_accepted_or_not_in_waiting_room|not_yet_joined)$/, "error");
    },
  },
};

const shapes = (gen) => ({
  open: (world) => world.trio({ gen, password: "password" }),
  cases: {
    async [`welcome.${gen}.roles`](world, { owner, user, guest }) {
      const roles = [owner, user, guest].map(({ welcome }) => [welcome.role, welcome.is_room_owner ?? false]);
      equal(roles, [["moderator", true], ["user", false], ["guest", false]], "role and is_room_owner");
    },
    async [`welcome.${gen}.keys-are-lower-case`](world, { all }) {
      for (const { welcome } of all) {
        const names = [...Object.keys(welcome), ...welcome.participants.flatMap((each) => Object.keys(each))];
        ok(names.every((name) => /^[a-z0-9_]+$/.test(name)), "keys", names);
      }
    },
    async [`welcome.${gen}.tariff`](world, { all }) {
      for (const { welcome } of all) {
        const { tariff } = welcome;
        equal([tariff.modules.core, tariff.modules.chat], [{ features: [] }, { features: [] }], "modules");
        ok(Object.keys(tariff.quotas).every((key) => ["max_storage", "room_time_limit_secs", "room_participant_limit"].includes(key)), "quotas", tariff.quotas);
      }
    },
    async [`welcome.${gen}.room_info`](world, { owner, user, room, ownerUser }) {
      const me = await world.made("GET", "/users/me", { as: ownerUser });
      for (const { welcome } of [owner, user]) {
        const { id, created_by } = welcome.room_info;
        equal([id, Object.keys(created_by).sort()], [room, ["avatar_url", "display_name", "firstname", "lastname", "title"]], "id and fields of created_by");
        equal(created_by.display_name, me.display_name, "display_name of created_by");
      }
      equal(owner.welcome.room_info.password, "password", "password");
    },
    async [`welcome.${gen}.moderation`](world, { owner, user, guest }) {
      equal([user, guest].map(({ welcome }) => welcome.moderation), [{ raise_hands_enabled: true }, { raise_hands_enabled: true }], "of others");
      equal(owner.welcome.moderation, { raise_hands_enabled: true, waiting_room_enabled: false, waiting_room_participants: [] }, "of the moderator");
    },
    async [`welcome.${gen}.chat-of-an-empty-room`](world, { owner, guest }) {
      const none = gen === "new" ? { messages: [], next_index: null } : [];
      const expected = { enabled: true, room_history: none, private_history: [], last_seen_timestamp_global: null, last_seen_timestamps_private: {}, last_seen_timestamps_group: {} };
      const { groups_history, ...guests } = guest.welcome.chat;
      equal({ last_seen_timestamp_global: null, ...guests }, expected, "of a guest");
      equal(groups_history, [], "groups of a guest");
      const { groups_history: groups, ...owners } = owner.welcome.chat;
      equal({ last_seen_timestamp_global: null, ...owners }, expected, "of the owner");
      for (const group of groups) {
        equal([group.name, group.history], [BACKEND, none], "a group of the owner");
        if (gen === "new") matches(group.id, /^[0-9a-f-]{36}$/, "id of the group");
      }
    },
    async [`welcome.${gen}.participants`](world, { owner, user, guest }) {
      equal(owner.welcome.participants, [], "of the first");
      const [first, second] = [owner.id, user.id].map((id) => guest.welcome.participants.find((each) => each.id === id));
      const { joined_at, hand_updated_at, avatar_url, left_at, ...control } = first.control;
      equal(control, { display_name: owner.welcome.display_name, role: "moderator", participation_kind: "user", hand_is_up: false, is_room_owner: true }, "control of the owner");
      ok(left_at === undefined || left_at === null, "left_at is absent or null", left_at);
      for (const time of [joined_at, hand_updated_at]) ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, "a time of now", time);
      equal([second.control.role, second.control.participation_kind, second.control.is_room_owner ?? false], ["user", "user", false], "control of the user");
      const seen = owner.of("control", "joined").find((frame) => frame.payload.id === guest.id).payload;
      equal([seen.control.role, seen.control.participation_kind, seen.chat], ["guest", "guest", undefined], "the guest as the owner hears of it");
    },
    async [`welcome.${gen}.oneself-is-not-among-them`](world, { all }) {
      for (const { welcome, id } of all) ok(!welcome.participants.some((each) => each.id === id), "not among the participants", welcome.participants);
      for (const raw of all) equal(raw.of("control", "joined").filter((frame) => frame.payload.id === raw.id), [], "joined of oneself");
    },
    async [`welcome.${gen}.groups-are-those-that-both-have`](world, { owner, user, guest }) {
      const groups = (viewer, peer) => {
        const participant = viewer.welcome.participants.find((each) => each.id === peer.id) ?? viewer.of("control", "joined").find((frame) => frame.payload.id === peer.id).payload;
        return participant.chat?.groups;
      };
      equal([groups(owner, user), groups(user, owner)], [[BACKEND], [BACKEND]], "for the owner and for the user");
      equal([groups(guest, owner) ?? [], groups(guest, user) ?? []], [[], []], "for a guest");
    },
    async [`welcome.${gen}.envelope`](world, { all }) {
      for (const frame of all.flatMap((raw) => raw.frames)) {
        equal(Object.keys(frame).sort(), ["namespace", "payload", "timestamp"], "keys of an event");
        matches(frame.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/, "timestamp");
        ok(frame.namespace === "echo" || typeof frame.payload.message === "string", "payload.message", frame);
      }
    },
  },
});

export const welcome_seed = shapes("seed");
export const welcome_new = shapes("new");

export const malformed = {
  async open(world) {
    const context = await owned(world);
    return { ...context, raw: await world.in(context.room, context.owner), other: await world.in(context.room, await world.user()) };
  },
  cases: {
    async "malformed.no-json-is-invalid_json"(world, { raw }) {
      for (const text of ["", "{", "null", "[]", "17", "\"x\"", "{\"namespace\":\"chat\"}", "{\"payload\":{}}", "{\"namespace\":3,\"payload\":{}}"]) {
        const from = raw.frames.length;
        raw.raw(text);
        await raw.error("control", "invalid_json", from);
      }
    },
    async "malformed.control-payload-is-invalid_json"(world, { raw }) {
      for (const payload of [{}, { action: "leave" }, { action: 3 }, null, "x", { action: "grant_moderator_role" }, { action: "grant_moderator_role", target: "nobody" }]) {
        const from = raw.frames.length;
        raw.raw({ namespace: "control", payload });
        await raw.error("control", "invalid_json", from);
      }
    },
    async "malformed.unknown-namespace-is-invalid_namespace"(world, { raw }) {
      for (const namespace of ["unknown", "", "Chat", "a-b"]) {
        const from = raw.frames.length;
        raw.raw({ namespace, payload: { action: "x" } });
        await until(() => raw.errors("control", from)[0], `an error for the namespace "${namespace}"`);
        matches(raw.errors("control", from)[0], namespace === "unknown" ? /^invalid_namespace$/ : /^invalid_(namespace|json)$/, `error for "${namespace}"`);
      }
    },
    async "malformed.payload-of-a-module-is-not-answered"(world, { raw }) {
      const from = raw.frames.length;
      const payloads = [{}, { action: "shout" }, { action: "send_message" }, { action: "send_message", scope: "global" }, { action: "send_message", scope: "global", target: "a text", content: "x" }, { action: "send_message", scope: "private", content: "x" }, { action: "send_message", scope: "private", target: "nobody", content: "x" }, { action: "send_message", scope: "group", content: "x" }, { action: "send_message", scope: "room", content: "x" }, { action: "send_message", scope: "global", content: 3 }, { action: "set_last_seen_timestamp", scope: "global", timestamp: "yesterday" }];
      for (const payload of payloads) raw.raw({ namespace: "chat", payload });
      for (const payload of [{}, { action: "kick" }, { action: "shout" }, { action: "accept", target: 3 }]) raw.raw({ namespace: "moderation", payload });
      await raw.settled();
      equal(raw.story(from), [], "what came");
    },
    async "malformed.target-null-and-unknown-fields-are-fine"(world, { raw, other }) {
      raw.raw({ namespace: "chat", payload: { action: "send_message", scope: "global", target: null, content: "null target", colour: "red" }, transaction_id: 7 });
      await other.heard("null target");
    },
    async "malformed.does-not-close"(world, { raw }) {
      raw.raw(Buffer.from([0, 1, 2, 255]));
      await raw.error("control", "invalid_json");
      await raw.settled();
      ok(raw.isOpen, "the socket is open");
    },
    async "malformed.many-do-not-close"(world, { raw }) {
      const from = raw.frames.length;
      for (let n = 0; n < 60; n++) raw.raw("{");
      await until(() => raw.errors("control", from).length >= 60, "60 errors");
      await raw.settled();
      ok(raw.isOpen, "the socket is open");
    },
    async "frames.binary-with-json-is-taken"(world, { raw, other }) {
      raw.raw(Buffer.from(JSON.stringify({ namespace: "chat", payload: { action: "send_message", scope: "global", content: "in binary" } })));
      await other.heard("in binary");
    },
    async "frames.fragments-are-put-together"(world, { raw, other }) {
      const text = JSON.stringify({ namespace: "chat", payload: { action: "send_message", scope: "global", content: "in fragments" } });
      raw.raw(text.slice(0, 10), { fin: false });
      raw.raw(text.slice(10, 20), { fin: false });
      raw.raw(text.slice(20), { fin: true });
      await other.heard("in fragments");
    },
    async "frames.nearly-1-MB-is-taken"(world, { raw, other }) {
      raw.send(`large ${"x".repeat(990_000)}`);
      await until(() => other.contents().find((content) => content.startsWith("large ")), "the message");
      ok(raw.isOpen, "the socket is open");
    },
    async "echo.is-answered-unchanged"(world, { raw }) {
      const payload = { action: "ping", nested: { list: [1, 2.5, "é"], nothing: null } };
      raw.raw({ namespace: "echo", payload });
      const frame = await until(() => raw.frames.find((each) => each.namespace === "echo" && each.payload?.nested), "the answer");
      equal(frame.payload, payload, "payload");
      ok(!Number.isNaN(Date.parse(frame.timestamp)), "timestamp", frame.timestamp);
    },
    async "echo.exactly-as-the-web-client-asks"(world, { raw }) {
      const from = raw.frames.length;
      raw.raw('{"namespace":"echo","payload":{"action":"ping"}}');
      const frame = await until(() => raw.frames.slice(from).find((each) => each.namespace === "echo"), "the answer", 10_000);
      equal(frame.payload, { action: "ping" }, "payload");
    },
    async "livekit.asking-for-a-token-does-no-harm"(world, { raw }) {
      const from = raw.frames.length;
      raw.raw({ namespace: "livekit", payload: { action: "create_new_access_token" } });
      await raw.settled();
      ok(raw.isOpen, "the socket is open");
      equal(raw.story(from).filter((kind) => kind.startsWith("chat")), [], "nothing in chat");
    },
    async "frames.over-1-MB-closes"(world, { raw, other }) {
      raw.send("x".repeat(1_200_000));
      await raw.ended();
      ok(other.isOpen, "others stay");
    },
  },
};

export const oversize = {
  open: owned,
  cases: {
    async "frames.over-1-MB-in-fragments-closes"(world, { owner, room }) {
      const raw = await world.in(room, owner);
      raw.raw('{"namespace":"echo","payload":{"text":"', { fin: false });
      for (let n = 0; n < 12 && raw.isOpen; n++) raw.raw("x".repeat(100_000), { fin: false });
      await raw.ended();
    },
  },
};

export const heartbeat = {
  waits_s: 40,
  limit_ms: 60_000,
  async open(world) {
    const context = await owned(world);
    const deaf = await world.at(context.room, context.owner, { autoPong: false });
    deaf.openedAt = performance.now();
    await deaf.join();
    return { ...context, deaf, other: await world.in(context.room, await world.user()) };
  },
  cases: {
    async "heartbeat.ping-every-15-seconds"(world, { other }) {
      await until(() => other.pings.length >= 2, "two pings", 40_000);
      const [first, second] = other.pings;
      between((second.at - first.at) / 1000, 13, 17, "seconds between them");
    },
    async "heartbeat.ping-says-heartbeat"(world, { other }) {
      equal(other.pings[0].payload, "heartbeat", "payload");
    },
    async "heartbeat.who-does-not-answer-is-dropped"(world, { deaf, other }) {
      await deaf.ended(45_000);
      between((deaf.closed.at - deaf.pings[0].at) / 1000, 18, 23, "seconds from the first ping to the end");
      const left = await other.event("control", "left", (payload) => payload.id === deaf.id);
      matches(left.payload.reason, /^(quit|timeout)$/, "reason");
    },
  },
};
