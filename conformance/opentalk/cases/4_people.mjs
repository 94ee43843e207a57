// Who comes and goes, hands, roles, what moderators may do, the waiting room; checklist 13, 14.
import { equal, matches, ok, pause, until } from "../../openvidu/expect.mjs";
import { refused } from "../world.mjs";

export const coming_and_going = {
  open: (world) => world.trio(),
  cases: {
    async "people.joined-is-told-to-others"(world, { room, owner, user, guest }) {
      const late = await world.in(room, await world.user());
      for (const raw of [owner, user, guest]) {
        const { message, id, control, ...modules } = (await raw.event("control", "joined", (payload) => payload.id === late.id)).payload;
        equal([message, control.display_name, control.role, control.participation_kind], ["joined", late.welcome.display_name, "user", "user"], "control");
        ok(Object.keys(modules).every((key) => /^[a-z0-9_]+$/.test(key)), "keys", modules);
      }
      await late.leave();
    },
    async "people.left-has-a-reason"(world, { room, owner, user }) {
      const late = await world.in(room, await world.user());
      await late.leave();
      for (const raw of [owner, user]) equal((await raw.event("control", "left", (payload) => payload.id === late.id)).payload, { message: "left", id: late.id, reason: "quit" }, "left");
    },
    async "people.who-left-is-still-listed"(world, { room, code, owner, guest }) {
      await guest.leave();
      await owner.event("control", "left", (payload) => payload.id === guest.id);
      const late = await world.guestIn(room, code, { name: "late" });
      const gone = late.welcome.participants.find((each) => each.id === guest.id);
      equal([gone?.control.display_name, gone?.control.role], ["guest", "guest"], "name and role");
      ok(Math.abs(Date.parse(gone.control.left_at) - Date.now()) < 60_000, "left_at is now", gone.control.left_at);
    },
    async "people.same-user-twice-is-two-participants"(world, { room, owner, memberUser, user }) {
      const second = await world.in(room, memberUser);
      ok(second.id !== user.id, "another id");
      owner.send("to one of two", "private", user.id);
      owner.send("to both");
      await second.heard("to both");
      await user.heard("to one of two");
      await second.leave();
    },
    async "people.a-broken-line-is-told-too"(world, { room, owner }) {
      const late = await world.in(room, await world.user());
      late.drop();
      matches((await owner.event("control", "left", (payload) => payload.id === late.id, { ms: 10_000 })).payload.reason, /^(quit|timeout)$/, "reason");
    },
  },
};

export const hands = {
  open: (world) => world.trio(),
  cases: {
    async "hands.raised-is-told-to-the-actor-others-get-update"(world, { owner, user, guest }) {
      guest.control("raise_hand");
      equal((await guest.event("control", "hand_raised")).payload, { message: "hand_raised" }, "to the actor");
      for (const raw of [owner, user]) equal((await raw.event("control", "update", (payload) => payload.id === guest.id)).payload.control.hand_is_up, true, "hand_is_up");
      equal(guest.of("control", "update"), [], "no update of oneself");
    },
    async "hands.up-is-in-join_success"(world, { room, guest }) {
      const late = await world.in(room, await world.user());
      equal(late.welcome.participants.find((each) => each.id === guest.id).control.hand_is_up, true, "hand_is_up");
      await late.leave();
    },
    async "hands.lowered"(world, { owner, guest }) {
      const from = owner.frames.length;
      guest.control("lower_hand");
      await guest.event("control", "hand_lowered");
      equal((await owner.event("control", "update", (payload) => payload.id === guest.id, { from })).payload.control.hand_is_up, false, "hand_is_up");
    },
    async "hands.disabled-by-moderators-only"(world, { user }) {
      const from = user.frames.length;
      user.moderate("disable_raise_hands");
      await user.error("moderation", "insufficient_permissions", from);
    },
    async "hands.disabled-is-told-and-holds"(world, { room, owner, user, guest }) {
      owner.moderate("disable_raise_hands");
      for (const raw of [owner, user, guest]) equal((await raw.event("moderation", "raise_hands_disabled")).payload.issued_by, owner.id, "issued_by");
      const from = user.frames.length;
      user.control("raise_hand");
      await user.error("control", "raise_hands_disabled", from);
      const late = await world.in(room, await world.user());
      equal(late.welcome.moderation.raise_hands_enabled, false, "raise_hands_enabled");
      await late.leave();
    },
    async "hands.enabled-again"(world, { owner, user }) {
      owner.moderate("enable_raise_hands");
      equal((await user.event("moderation", "raise_hands_enabled")).payload.issued_by, owner.id, "issued_by");
      user.control("raise_hand");
      await user.event("control", "hand_raised");
    },
    async "hands.reset-of-one"(world, { owner, user, guest }) {
      const before = owner.frames.length;
      guest.control("raise_hand");
      await owner.event("control", "update", (payload) => payload.id === guest.id && payload.control.hand_is_up, { from: before });
      const from = owner.frames.length;
      owner.moderate("reset_raised_hands", { target: guest.id });
      equal((await guest.event("moderation", "raised_hand_reset_by_moderator")).payload.issued_by, owner.id, "issued_by");
      equal((await owner.event("control", "update", (payload) => payload.id === guest.id, { from })).payload.control.hand_is_up, false, "hand_is_up");
      equal(user.of("moderation", "raised_hand_reset_by_moderator"), [], "the other keeps the hand up");
    },
    async "hands.reset-of-all"(world, { owner, user }) {
      const from = owner.frames.length;
      owner.moderate("reset_raised_hands");
      await user.event("moderation", "raised_hand_reset_by_moderator");
      equal((await owner.event("control", "update", (payload) => payload.id === user.id, { from })).payload.control.hand_is_up, false, "hand_is_up");
    },
  },
};

export const roles = {
  open: (world) => world.trio(),
  cases: {
    async "roles.granted-by-moderators-only"(world, { user, guest }) {
      for (const action of ["grant_moderator_role", "revoke_moderator_role"]) {
        const from = user.frames.length;
        user.control(action, { target: guest.id });
        await user.error("control", "insufficient_permissions", from);
      }
    },
    async "roles.granted"(world, { owner, user, guest }) {
      owner.control("grant_moderator_role", { target: user.id });
      equal((await user.event("control", "role_updated")).payload, { message: "role_updated", new_role: "moderator" }, "to the person");
      equal((await owner.event("control", "moderator_role_granted")).payload, { message: "moderator_role_granted", target: user.id }, "to the issuer");
      equal((await guest.event("control", "update", (payload) => payload.id === user.id)).payload.control.role, "moderator", "to others");
    },
    async "roles.granted-may-moderate-the-chat-at-once"(world, { user, guest }) {
      user.chat("disable_chat");
      equal((await guest.event("chat", "chat_disabled")).payload.issued_by, user.id, "issued_by");
      user.chat("enable_chat");
      await guest.event("chat", "chat_enabled");
    },
    async "roles.granted-twice-is-nothing_to_do"(world, { owner, user }) {
      const from = owner.frames.length;
      owner.control("grant_moderator_role", { target: user.id });
      await owner.error("control", "nothing_to_do", from);
    },
    async "roles.owner-keeps-the-role"(world, { owner, user }) {
      const from = user.frames.length;
      user.control("revoke_moderator_role", { target: owner.id });
      await user.error("control", "target_is_room_owner", from);
    },
    async "roles.revoked"(world, { owner, user, guest }) {
      const marks = [user, guest].map((raw) => raw.frames.length);
      owner.control("revoke_moderator_role", { target: user.id });
      equal((await user.event("control", "role_updated", undefined, { from: marks[0] })).payload.new_role, "user", "to the person");
      equal((await owner.event("control", "moderator_role_revoked")).payload, { message: "moderator_role_revoked", target: user.id }, "to the issuer");
      equal((await guest.event("control", "update", (payload) => payload.id === user.id, { from: marks[1] })).payload.control.role, "user", "to others");
    },
    async "roles.revoked-may-not-moderate-the-chat-at-once"(world, { user }) {
      const from = user.frames.length;
      user.chat("disable_chat");
      await user.error("chat", "insufficient_permissions", from);
    },
    async "roles.revoked-twice-is-nothing_to_do"(world, { owner, user }) {
      const from = owner.frames.length;
      owner.control("revoke_moderator_role", { target: user.id });
      await owner.error("control", "nothing_to_do", from);
    },
    async "roles.guests-may-become-moderators"(world, { owner, user, guest }) {
      owner.control("grant_moderator_role", { target: guest.id });
      equal((await guest.event("control", "role_updated")).payload.new_role, "moderator", "new_role");
      const from = user.frames.length;
      guest.chat("clear_history");
      equal((await user.event("chat", "history_cleared", undefined, { from })).payload.issued_by, guest.id, "issued_by");
      owner.control("revoke_moderator_role", { target: guest.id });
      await until(() => guest.of("control", "role_updated").length === 2, "the second role_updated");
      equal(guest.of("control", "role_updated")[1].payload.new_role, "guest", "new_role after that");
    },
  },
};

export const names = {
  open: (world) => world.trio(),
  cases: {
    async "names.of-a-guest-changed"(world, { owner, user, guest }) {
      owner.moderate("change_display_name", { new_name: "renamed", target: guest.id });
      for (const raw of [owner, user, guest]) {
        equal((await raw.event("moderation", "display_name_changed")).payload, { message: "display_name_changed", target: guest.id, issued_by: owner.id, old_name: "guest", new_name: "renamed" }, "event");
      }
    },
    async "names.changed-is-in-join_success"(world, { room, guest }) {
      const late = await world.in(room, await world.user());
      equal(late.welcome.participants.find((each) => each.id === guest.id).control.display_name, "renamed", "display_name");
      await late.leave();
    },
    async "names.of-registered-users-stay"(world, { owner, user }) {
      const from = owner.frames.length;
      owner.moderate("change_display_name", { new_name: "renamed", target: user.id });
      await owner.error("moderation", "cannot_change_name_of_registered_users", from);
    },
    async "names.empty-is-invalid_display_name"(world, { owner, guest }) {
      const from = owner.frames.length;
      owner.raw({ namespace: "moderation", payload: { action: "change_display_name", new_name: "x".repeat(101), target: guest.id } });
      await owner.error("moderation", "invalid_display_name", from);
    },
    async "names.by-moderators-only"(world, { user, guest }) {
      const from = user.frames.length;
      user.moderate("change_display_name", { new_name: "other", target: guest.id });
      await user.error("moderation", "insufficient_permissions", from);
    },
  },
};

export const putting_out = {
  open: (world) => world.trio(),
  cases: {
    async "kick.by-moderators-only"(world, { user, guest }) {
      for (const action of ["kick", "ban", "accept", "send_to_waiting_room"]) {
        const from = user.frames.length;
        user.moderate(action, { target: guest.id });
        await user.error("moderation", "insufficient_permissions", from);
      }
      for (const action of ["enable_waiting_room", "disable_waiting_room", "enable_raise_hands"]) {
        const from = user.frames.length;
        user.moderate(action);
        await user.error("moderation", "insufficient_permissions", from);
      }
      const from = user.frames.length;
      user.moderate("debrief", { kick_scope: "all" });
      await user.error("moderation", "insufficient_permissions", from);
      ok(guest.isOpen, "the guest stays");
    },
    async "kick.event-then-close-1000"(world, { owner, user, guest }) {
      owner.moderate("kick", { target: guest.id });
      await guest.ended();
      equal([guest.closed.code, guest.frames.at(-1).namespace, guest.frames.at(-1).payload], [1000, "moderation", { message: "kicked" }], "code and last event");
      for (const raw of [owner, user]) equal((await raw.event("control", "left", (payload) => payload.id === guest.id)).payload.reason, "kicked", "reason");
    },
    async "kick.lets-come-again"(world, { room, code, guest }) {
      const again = await world.guestIn(room, code);
      ok(again.id !== guest.id, "under another id");
    },
    async "ban.guests-cannot-be-banned"(world, { room, code, owner }) {
      const guest = await world.guestIn(room, code);
      const from = owner.frames.length;
      owner.moderate("ban", { target: guest.id });
      await owner.error("moderation", "cannot_ban_guest", from);
      ok(guest.isOpen, "the guest stays");
    },
    async "ban.event-then-close-1000"(world, { owner, user }) {
      owner.moderate("ban", { target: user.id });
      await user.ended();
      equal([user.closed.code, user.frames.at(-1).namespace, user.frames.at(-1).payload], [1000, "moderation", { message: "banned" }], "code and last event");
      equal((await owner.event("control", "left", (payload) => payload.id === user.id)).payload.reason, "banned", "reason");
    },
    async "ban.start-is-403"(world, { room, memberUser, user }) {
      refused(await world.http("POST", `/rooms/${room}/start`, { as: memberUser, body: {} }), 403, "banned_from_room");
      refused(await world.http("POST", `/rooms/${room}/start`, { as: memberUser, body: {}, gen: "new" }), 403, "banned_from_room");
      refused(await world.http("POST", `/rooms/${room}/start`, { as: memberUser, body: { resumption: user.resumption } }), 403, "banned_from_room");
    },
    async "ban.holds-for-one-room"(world, { ownerUser, memberUser }) {
      const other = await world.room(ownerUser);
      equal((await world.http("POST", `/rooms/${other}/start`, { as: memberUser, body: {} })).status, 200, "status in another room");
    },
    async "ban.a-ticket-from-before-opens-nothing"(world, { room, owner }) {
      const third = await world.user();
      const { ticket } = await world.start(room, third);
      const raw = await world.in(room, third);
      owner.moderate("ban", { target: raw.id });
      await raw.ended();
      const from = owner.frames.length;
      const answer = await world.upgrade([`ticket#${ticket}`, "opentalk-signaling-json-v1.0"]);
      answer.socket?.send(JSON.stringify({ namespace: "control", payload: { action: "join", display_name: "back" } }));
      owner.send("a while");
      await owner.heard("a while");
      await owner.settled();
      world.later(() => answer.socket?.terminate());
      equal(owner.of("control", "joined", from), [], "nobody joins");
    },
  },
};

/** Bans the user; then everybody leaves. Gives what asks for a ticket for the banned one. */
async function banned(world, { room, owner, user, guest, memberUser }) {
  owner.moderate("ban", { target: user.id });
  await user.ended();
  const start = () => world.http("POST", `/rooms/${room}/start`, { as: memberUser, body: {} });
  await owner.leave();
  refused(await start(), 403, "banned_from_room");
  await guest.leave();
  return start;
}

export const ban_stays = {
  open: (world) => world.trio(),
  cases: {
    async "ban.outlives-an-empty-room"(world, context) {
      const start = await banned(world, context);
      // Where rooms are forgotten, this is more than enough: see below.
      await pause(2000);
      refused(await start(), 403, "banned_from_room");
    },
  },
};

export const ban_ends = {
  server: { settings: { forget_when_empty: true } },
  open: (world) => world.trio(),
  cases: {
    async "ban.ends-with-the-session-where-rooms-are-forgotten"(world, context) {
      const start = await banned(world, context);
      await until(async () => (await start()).status === 200, "a ticket when everybody has left", 2000);
      await world.in(context.room, context.memberUser);
    },
  },
};

export const debriefing = {
  open: (world) => world.trio(),
  cases: {
    async "debrief.guests-are-put-out"(world, { owner, user, guest }) {
      owner.moderate("debrief", { kick_scope: "guests" });
      await guest.ended();
      equal([guest.closed.code, guest.of("moderation", "session_ended").map((frame) => frame.payload.issued_by)], [1000, [owner.id]], "code and session_ended");
      for (const raw of [owner, user]) equal((await raw.event("moderation", "debriefing_started")).payload.issued_by, owner.id, "issued_by");
      ok(user.isOpen, "the user stays");
    },
    async "debrief.users-and-guests-are-put-out"(world, { owner, user }) {
      owner.moderate("debrief", { kick_scope: "users_and_guests" });
      await user.ended();
      equal([user.closed.code, user.of("moderation", "session_ended").length], [1000, 1], "code and session_ended");
      ok(owner.isOpen, "the moderator stays");
    },
    async "debrief.all-are-put-out"(world, { owner }) {
      owner.moderate("debrief", { kick_scope: "all" });
      await owner.ended();
      equal([owner.closed.code, owner.of("moderation", "session_ended").length], [1000, 1], "code and session_ended");
    },
  },
};

export const waiting_room = {
  async open(world) {
    const ownerUser = await world.user();
    const memberUser = await world.user();
    const room = await world.room(ownerUser, { waiting_room: true });
    const code = await world.invite(ownerUser, room);
    return { room, code, ownerUser, memberUser, owner: await world.in(room, ownerUser) };
  },
  cases: {
    async "waiting.moderators-skip-it"(world, { owner }) {
      equal(owner.welcome.moderation, { raise_hands_enabled: true, waiting_room_enabled: true, waiting_room_participants: [] }, "moderation");
    },
    async "waiting.others-wait"(world, context) {
      const { room, code, owner } = context;
      context.guest = await world.guestAt(room, code);
      await context.guest.waitsOutside({ display_name: "waiting" });
      equal(context.guest.story(), ["moderation/in_waiting_room"], "what the guest hears");
      const { id, control } = (await owner.event("moderation", "joined_waiting_room")).payload;
      equal([control.display_name, control.role, control.participation_kind], ["waiting", "guest", "guest"], "control");
      context.waitingId = id;
    },
    async "waiting.moderators-see-who-waits"(world, { room, ownerUser, waitingId }) {
      const second = await world.in(room, ownerUser);
      equal(second.welcome.moderation.waiting_room_participants.map((each) => [each.id, each.control?.display_name]), [[waitingId, "waiting"]], "waiting_room_participants");
      equal(second.welcome.participants.filter((each) => each.id === waitingId), [], "not among the participants");
      await second.leave();
    },
    async "waiting.hears-and-says-nothing"(world, { owner, guest, waitingId }) {
      const [ownerFrom, guestFrom] = [owner.frames.length, guest.frames.length];
      owner.send("inside");
      owner.send("inside, in private", "private", waitingId);
      owner.chat("disable_chat");
      owner.chat("enable_chat");
      guest.send("from outside");
      await guest.hearsNothing(guestFrom);
      await owner.settled();
      equal(owner.contents(ownerFrom).filter((content) => content === "from outside"), [], "what the owner heard from outside");
    },
    async "waiting.entering-uninvited-is-an-error"(world, { guest }) {
      guest.control("enter_room");
      await guest.error("control", "not_accepted_or_not_in_waiting_room");
    },
    async "waiting.accepted-enters"(world, { owner, guest, waitingId }) {
      const from = owner.frames.length;
      owner.moderate("accept", { target: waitingId });
      await guest.event("moderation", "accepted");
      equal(guest.of("control", "join_success"), [], "join_success before entering");
      guest.control("enter_room");
      await guest.entered();
      equal(guest.id, waitingId, "the id is the one that waited");
      await owner.event("control", "joined", (payload) => payload.id === waitingId, { from });
      equal(owner.story(from).filter((kind) => /left_waiting_room|joined$/.test(kind)), ["moderation/left_waiting_room", "control/joined"], "what the owner hears");
      equal(owner.of("moderation", "left_waiting_room", from)[0].payload.id, waitingId, "id");
    },
    async "waiting.accepted-hears-the-chat"(world, { owner, guest }) {
      owner.send("now inside");
      await guest.heard("now inside");
    },
    async "waiting.accepted-skips-it-when-resumed"(world, { room, code, guest }) {
      await guest.leave();
      const again = await world.guestAt(room, code, { resumption: guest.resumption });
      await again.join({ display_name: "waiting" });
      equal([again.id, again.of("moderation", "in_waiting_room")], [guest.id, []], "id, and no waiting");
      await again.leave();
    },
    async "waiting.who-leaves-is-told"(world, { room, code, owner }) {
      const from = owner.frames.length;
      const guest = await world.guestAt(room, code);
      await guest.waitsOutside({ display_name: "impatient" });
      const { id } = (await owner.event("moderation", "joined_waiting_room", undefined, { from })).payload;
      await guest.leave();
      equal((await owner.event("moderation", "left_waiting_room", undefined, { from })).payload, { message: "left_waiting_room", id }, "event");
    },
    async "waiting.registered-users-wait-too"(world, context) {
      const { room, memberUser, owner } = context;
      const from = owner.frames.length;
      context.user = await world.at(room, memberUser);
      await context.user.waitsOutside({ display_name: "user" });
      const { id } = (await owner.event("moderation", "joined_waiting_room", undefined, { from })).payload;
      owner.moderate("accept", { target: id });
      await context.user.event("moderation", "accepted");
      context.user.control("enter_room");
      await context.user.entered();
    },
    async "waiting.sent-there"(world, { owner, user }) {
      const from = owner.frames.length;
      owner.moderate("send_to_waiting_room", { target: user.id });
      await user.event("moderation", "sent_to_waiting_room");
      equal((await owner.event("control", "left", (payload) => payload.id === user.id, { from })).payload.reason, "sent_to_waiting_room", "reason");
    },
    async "waiting.sent-there-hears-nothing"(world, { owner, user }) {
      await owner.settled();
      const from = user.frames.length;
      owner.send("without the one who waits");
      await owner.heard("without the one who waits");
      if (user.isOpen) await user.hearsNothing(from);
      equal(user.contents(from), [], "messages");
    },
    async "waiting.sent-there-may-come-back"(world, { owner, user }) {
      if (!user.isOpen) return;
      const from = user.frames.length;
      owner.moderate("accept", { target: user.id });
      await user.event("moderation", "accepted", undefined, { from });
      user.control("enter_room");
      const { id } = user;
      await user.entered(from);
      equal(user.id, id, "participant id");
      ok(user.welcome.chat.room_history.some((each) => each.content === "without the one who waits"), "what was said meanwhile is in the history");
    },
    async "waiting.the-owner-is-not-sent-there"(world, { owner }) {
      const from = owner.frames.length;
      owner.moderate("send_to_waiting_room", { target: owner.id });
      await owner.error("moderation", "cannot_send_room_owner_to_waiting_room", from);
    },
    async "waiting.switched-off-and-on"(world, { room, code, owner }) {
      const from = owner.frames.length;
      owner.moderate("disable_waiting_room");
      await owner.event("moderation", "waiting_room_disabled", undefined, { from });
      const guest = await world.guestIn(room, code, { name: "straight in" });
      owner.moderate("enable_waiting_room");
      await owner.event("moderation", "waiting_room_enabled", undefined, { from });
      ok(guest.isOpen, "who is inside stays");
      const next = await world.guestAt(room, code);
      await next.waitsOutside({ display_name: "next" });
    },
  },
};

export const waiting_room_new = {
  async open(world) {
    const ownerUser = await world.user();
    const room = await world.room(ownerUser, { waiting_room: true });
    const code = await world.invite(ownerUser, room);
    return { room, code, owner: await world.in(room, ownerUser, { gen: "new" }) };
  },
  cases: {
    async "waiting.new-generation"(world, { room, code, owner }) {
      const guest = await world.guestAt(room, code, { gen: "new" });
      await guest.waitsOutside({ display_name: "waiting" });
      const { id } = (await owner.event("moderation", "joined_waiting_room")).payload;
      owner.moderate("accept", { target: id });
      await guest.event("moderation", "accepted");
      guest.control("enter_room");
      equal((await guest.entered()).chat.room_history, { messages: [], next_index: null }, "room_history");
    },
  },
};

export const room_goes = {
  open: (world) => world.trio(),
  cases: {
    async "room.deleted-while-people-are-in-it"(world, { room, ownerUser, all }) {
      equal((await world.http("DELETE", `/rooms/${room}`, { as: ownerUser })).status, 204, "status");
      for (const raw of all) {
        await raw.event("control", "room_deleted");
        equal((await raw.ended()).code, 1000, "code");
      }
    },
  },
};
