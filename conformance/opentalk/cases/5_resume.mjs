// Coming back as the same participant; checklist 12.
import { equal, ok, pause } from "../../openvidu/expect.mjs";
import { messagesOf, time } from "../messages.mjs";
import { BACKEND, DEVELOPER, refused } from "../world.mjs";

const times = (map) => Object.fromEntries(Object.entries(map).map(([key, text]) => [key, String(time(text))]));

const resuming = (gen) => ({
  open: (world) => world.trio({ gen }),
  cases: {
    async [`resume.${gen}.last-seen-comes-back`](world, context) {
      const { room, owner, user, memberUser } = context;
      const seen = (scope, target, timestamp) => user.chat("set_last_seen_timestamp", { scope, ...(target ? { target } : {}), timestamp });
      seen("global", null, "2031-02-03T04:05:06.123456Z");
      seen("global", null, "2021-02-03T04:05:06.123456Z");
      seen("private", owner.id, "2022-01-01T00:00:00Z");
      seen("group", BACKEND, "2023-01-01T00:00:00.5Z");
      seen("group", DEVELOPER, "2023-01-01T00:00:01+01:00");
      seen("group", "/Nobody", "2023-01-01T00:00:00Z");
      await user.settled();
      await user.leave();
      const again = (context.user = await world.in(room, memberUser, { gen, resumption: user.resumption }));
      equal(again.id, user.id, "participant id");
      const { last_seen_timestamp_global, last_seen_timestamps_private, last_seen_timestamps_group } = again.welcome.chat;
      equal(String(time(last_seen_timestamp_global)), String(time("2021-02-03T04:05:06.123456Z")), "global: the last one set, though it is older");
      equal(times(last_seen_timestamps_private), times({ [owner.id]: "2022-01-01T00:00:00Z" }), "private");
      equal(times(last_seen_timestamps_group), times({ [BACKEND]: "2023-01-01T00:00:00.5Z", [DEVELOPER]: "2022-12-31T23:00:01Z" }), "groups, without one that is not one's own");
    },
    async [`resume.${gen}.others-see-one-participant`](world, { room, owner, user, code }) {
      const back = owner.of("control", "joined").filter((frame) => frame.payload.id === user.id);
      equal(back.length, 2, "joined, twice");
      const late = await world.guestIn(room, code, { gen, name: "late" });
      const entries = late.welcome.participants.filter((each) => each.id === user.id);
      equal(entries.map((each) => each.control.left_at ?? null), [null], "one entry, not left");
    },
    async [`resume.${gen}.private-history-per-viewer`](world, context) {
      const { room, code, owner, user, memberUser, guest } = context;
      owner.send("first", "private", user.id);
      await user.heard("first");
      user.send("second", "private", owner.id);
      await owner.heard("second");
      guest.send("other pair", "private", user.id);
      await user.heard("other pair");
      await Promise.all([user.leave(), guest.leave()]);
      const again = (context.user = await world.in(room, memberUser, { gen, resumption: user.resumption }));
      const guestAgain = (context.guest = await world.guestIn(room, code, { gen, resumption: guest.resumption }));
      const view = (raw) => Object.fromEntries(raw.welcome.chat.private_history.map((each) => [each.correspondent, messagesOf(each.history).map(({ source, target, content, scope }) => [source, target, content, scope])]));
      equal(
        view(again),
        {
          [owner.id]: [[owner.id, user.id, "first", "private"], [user.id, owner.id, "second", "private"]],
          [guest.id]: [[guest.id, user.id, "other pair", "private"]],
        },
        "of the user",
      );
      equal([guestAgain.id, view(guestAgain)], [guest.id, { [user.id]: [[guest.id, user.id, "other pair", "private"]] }], "of the guest");
      const stored = again.welcome.chat.private_history.flatMap((each) => messagesOf(each.history));
      for (const message of stored) equal(message.timestamp, user.frames.find((frame) => frame.payload?.id === message.id)?.timestamp, "stored timestamp is that of the envelope");
    },
    async [`resume.${gen}.token-is-good-once`](world, { room, user, memberUser }) {
      await user.leave();
      const [first, second] = [await world.start(room, memberUser, { gen, resumption: user.resumption }), await world.start(room, memberUser, { gen, resumption: user.resumption })];
      const resumed = await world.socket(first.ticket, { gen });
      const fresh = await world.socket(second.ticket, { gen });
      await Promise.all([resumed.join({ display_name: "resumed" }), fresh.join({ display_name: "fresh" })]);
      equal([resumed.id === user.id, fresh.id === user.id], [true, false], "the first has the id, the second another");
      await Promise.all([resumed.leave(), fresh.leave()]);
    },
    async [`resume.${gen}.while-the-old-one-lives-is-session_running`](world, { room, guest, code, owner, ownerUser }) {
      refused(await world.http("POST", `/rooms/${room}/start`, { as: ownerUser, body: { resumption: owner.resumption }, gen }), 400, "session_running");
      refused(await world.http("POST", `/rooms/${room}/start_invited`, { body: { invite_code: code, resumption: guest.resumption }, gen }), 400, "session_running");
    },
    async [`resume.${gen}.token-of-somebody-else-is-ignored`](world, { room, owner, ownerUser }) {
      const mine = await world.in(room, ownerUser, { gen });
      await mine.leave();
      const thief = await world.in(room, await world.user(), { gen, resumption: mine.resumption });
      ok(thief.id !== mine.id, "another id", thief.id);
      ok(owner.isOpen, "open");
    },
    async [`resume.${gen}.token-of-another-room-is-ignored`](world, { ownerUser }) {
      const [here, there] = [await world.room(ownerUser), await world.room(ownerUser)];
      const mine = await world.in(here, ownerUser, { gen });
      await mine.leave();
      const other = await world.in(there, ownerUser, { gen, resumption: mine.resumption });
      ok(other.id !== mine.id, "another id", other.id);
    },
    async [`resume.${gen}.without-a-token-a-guest-starts-empty`](world, { room, code, owner }) {
      const guest = await world.guestIn(room, code, { gen, name: "forgetful" });
      guest.chat("set_last_seen_timestamp", { scope: "global", timestamp: "2022-01-01T00:00:00Z" });
      guest.send("will not see this again", "private", owner.id);
      await owner.heard("will not see this again");
      await guest.leave();
      const other = await world.guestIn(room, code, { gen, name: "forgetful" });
      ok(other.id !== guest.id, "another id");
      equal([other.welcome.chat.last_seen_timestamp_global ?? null, other.welcome.chat.private_history], [null, []], "last seen and private history");
    },
    async [`resume.${gen}.chain-of-tokens`](world, { room, code }) {
      let guest = await world.guestIn(room, code, { gen, name: "chain" });
      const { id } = guest;
      for (let n = 0; n < 3; n++) {
        await guest.leave();
        guest = await world.guestIn(room, code, { gen, name: "chain", resumption: guest.resumption });
        equal(guest.id, id, "participant id");
      }
    },
  },
});

export const resume_seed = resuming("seed");
export const resume_new = resuming("new");

export const resume_expires = {
  waits_s: 126,
  limit_ms: 150_000,
  async open(world) {
    const user = await world.user();
    const room = await world.room(user);
    return { user, room, stays: await world.in(room, user), left: await world.in(room, user) };
  },
  cases: {
    async "resume.is-forgotten-after-120-seconds"(world, { user, room, left }) {
      await left.leave();
      await pause(124_000);
      const again = await world.in(room, user, { resumption: left.resumption });
      ok(again.id !== left.id, "another id", again.id);
    },
    async "resume.is-kept-while-the-socket-lives"(world, { user, room, stays }) {
      await stays.leave();
      const again = await world.in(room, user, { resumption: stays.resumption });
      equal(again.id, stays.id, "participant id, more than 120 s after the start");
    },
  },
};
