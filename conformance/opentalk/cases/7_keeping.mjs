// What stays when a room empties, when the server ends, and when it is to forget; checklist 13.
import { equal, matches, ok, pause } from "../../openvidu/expect.mjs";
import { messagesOf, rises } from "../messages.mjs";
import { BACKEND } from "../world.mjs";

/** Says something in each scope, switches the chat off, marks as read; then everybody leaves. */
async function live(world, gen) {
  const trio = await world.trio({ gen });
  const { owner, user, all } = trio;
  owner.send("to all");
  owner.send("to the group", "group", BACKEND);
  owner.send("to one", "private", user.id);
  await user.heard("to one");
  user.chat("set_last_seen_timestamp", { scope: "global", timestamp: "2022-01-01T00:00:00Z" });
  owner.chat("disable_chat");
  await user.event("chat", "chat_disabled");
  const heard = owner.of("chat", "message_sent");
  for (const raw of all) await raw.leave();
  return { ...trio, heard };
}

const contents = (history) => messagesOf(history).map((each) => each.content);

export const kept = {
  open: (world) => live(world, "seed"),
  cases: {
    async "keep.what-was-said-outlives-an-empty-room"(world, context) {
      const { room, ownerUser, owner, heard } = context;
      const again = (context.again = await world.in(room, ownerUser, { resumption: owner.resumption }));
      const { chat } = again.welcome;
      equal(chat.room_history.map(({ id, timestamp, source }) => [id, timestamp, source]), [[heard[0].payload.id, heard[0].timestamp, owner.id]], "room_history: the same ids, times and sources");
      equal(chat.groups_history.map((each) => [each.name, contents(each.history)]), [[BACKEND, ["to the group"]]], "groups");
      equal(chat.private_history.map((each) => contents(each.history)), [["to one"]], "private");
    },
    async "keep.who-is-named-in-histories-is-listed"(world, { again }) {
      const { chat, participants, id } = again.welcome;
      const stored = [chat.room_history, ...chat.groups_history.map((each) => each.history), ...chat.private_history.map((each) => each.history)].flat();
      const named = new Set([...stored.map((each) => each.source), ...chat.private_history.map((each) => each.correspondent)]);
      const unlisted = [...named].filter((each) => each !== id && !participants.some((participant) => participant.id === each));
      equal(unlisted, [], "sources and correspondents who are no participants");
    },
    async "keep.the-switch-outlives-an-empty-room"(world, { again }) {
      equal(again.welcome.chat.enabled, false, "enabled");
    },
    async "keep.last-seen-outlives-an-empty-room"(world, context) {
      const { room, user, memberUser } = context;
      const back = (context.back = await world.in(room, memberUser, { resumption: user.resumption }));
      equal(Date.parse(back.welcome.chat.last_seen_timestamp_global), Date.parse("2022-01-01T00:00:00Z"), "last seen");
    },
    async "keep.correspondents-are-who-they-are-now"(world, { room, ownerUser, again, back, user }) {
      equal(back.id, user.id, "the user has come back as the same participant");
      equal(back.welcome.chat.private_history.map((each) => each.correspondent), [again.id], "correspondent for the user");
      const view = await world.in(room, ownerUser);
      equal(view.welcome.chat.private_history.map((each) => each.correspondent), [back.id], "correspondent for the owner");
      await view.leave();
    },
    async "keep.last-seen-of-a-known-user-comes-in-another-visit"(world, { room, memberUser }) {
      const another = await world.in(room, memberUser);
      equal(Date.parse(another.welcome.chat.last_seen_timestamp_global), Date.parse("2022-01-01T00:00:00Z"), "last seen");
    },
    async "keep.new-messages-come-behind-the-old"(world, { room, code, again, heard }) {
      again.chat("enable_chat");
      again.send("later");
      const { timestamp } = await again.heard("later");
      rises([heard.at(-1).timestamp, timestamp], "timestamps");
      equal(contents((await world.guestIn(room, code)).welcome.chat.room_history), ["to all", "later"], "room_history");
    },
  },
};

const forgetting = (gen) => ({
  server: { settings: { forget_when_empty: true } },
  cases: {
    async [`forget.${gen}.not-while-somebody-stays`](world) {
      const { room, code, owner, user, guest } = await world.trio({ gen });
      owner.send("stays");
      await guest.heard("stays");
      await Promise.all([owner.leave(), user.leave()]);
      equal(contents((await world.guestIn(room, code, { gen, name: "late" })).welcome.chat.room_history), ["stays"], "room_history");
    },
    async [`forget.${gen}.all-when-the-last-one-left`](world) {
      const { room, ownerUser, memberUser, owner, user } = await live(world, gen);
      await pause(1000);
      const [ownerAgain, userAgain] = [await world.in(room, ownerUser, { gen, resumption: owner.resumption }), await world.in(room, memberUser, { gen, resumption: user.resumption })];
      const { chat, participants } = ownerAgain.welcome;
      equal([contents(chat.room_history), chat.groups_history.flatMap((each) => contents(each.history)), chat.private_history, chat.enabled, participants], [[], [], [], true, []], "room, groups, private, enabled, participants");
      equal(userAgain.welcome.chat.last_seen_timestamp_global ?? null, null, "last seen");
      ownerAgain.send("fresh");
      await userAgain.heard("fresh");
    },
    async [`forget.${gen}.before-the-next-one-comes`](world) {
      const owner = await world.user();
      const visits = async () => {
        const room = await world.room(owner);
        let next = await world.at(room, owner, { gen });
        for (let n = 0; n < 10; n++) {
          const raw = next;
          const { chat, participants } = await raw.join();
          // As long as the server has not noticed that one left, the room is not empty.
          if (participants.every((each) => each.control.left_at)) equal([contents(chat.room_history), chat.enabled], [[], true], `history and switch in visit ${n}`);
          raw.chat("enable_chat");
          raw.send(`visit ${n}`);
          await raw.heard(`visit ${n}`);
          raw.chat("disable_chat");
          await raw.event("chat", "chat_disabled");
          // The next one stands at the door already, and comes in at once.
          next = await world.at(room, owner, { gen });
          await raw.leave();
        }
      };
      await Promise.all([visits(), visits(), visits(), visits()]);
    },
  },
});

export const forget_seed = forgetting("seed");
export const forget_new = forgetting("new");

export const restarted = {
  server: {},
  async open(world) {
    const context = await live(world, "seed");
    // One message that is only just answered when the process dies.
    const raw = await world.in(context.room, context.ownerUser);
    raw.chat("enable_chat");
    raw.send("the last word");
    context.last = await raw.heard("the last word");
    await world.server.end("SIGKILL");
    await world.server.start();
    return context;
  },
  cases: {
    async "restart.rooms-invites-and-users-are-there"(world, { room, code, ownerUser }) {
      const { json } = await world.http("GET", `/rooms/${room}`, { as: ownerUser });
      const me = await world.made("GET", "/users/me", { as: ownerUser });
      equal([json?.id, json?.created_by.id], [room, me.id], "room and its owner");
      equal((await world.http("POST", "/invite/verify", { body: { invite_code: code } })).json?.room_id, room, "the invite's room");
    },
    async "restart.what-was-acknowledged-is-there"(world, context) {
      const { room, code, last, heard } = context;
      context.guest = await world.guestIn(room, code);
      equal(context.guest.welcome.chat.room_history.map((each) => [each.id, each.timestamp]), [heard[0], last].map((frame) => [frame.payload.id, frame.timestamp]), "ids and times");
    },
    async "restart.groups-come-without-a-new-login"(world, { room, memberUser }) {
      const user = await world.in(room, memberUser);
      equal(contents(user.welcome.chat.groups_history.find((each) => each.name === BACKEND)?.history), ["to the group"], "history of the group");
    },
    async "restart.goes-on-behind"(world, { guest, last }) {
      guest.send("after the restart");
      rises([last.timestamp, (await guest.heard("after the restart")).timestamp], "timestamps");
    },
    async "stop.closes-with-1001"(world, { guest }) {
      await world.server.end("SIGTERM");
      equal((await guest.ended()).code, 1001, "code");
    },
  },
};

export const media = {
  server: { settings: { livekit_url: "ws://127.0.0.1:9", livekit_token: "stand-in" } },
  cases: {
    async "livekit.what-is-configured-is-told"(world) {
      for (const gen of ["seed", "new"]) {
        const user = await world.user();
        const { welcome } = await world.in(await world.room(user), user, { gen });
        equal([welcome.livekit?.token, welcome.livekit?.public_url], ["stand-in", "ws://127.0.0.1:9"], "livekit");
      }
    },
  },
};

export const no_media = {
  cases: {
    async "livekit.nothing-is-told-unless-configured"(world) {
      const user = await world.user();
      const { welcome } = await world.in(await world.room(user), user);
      ok(!("livekit" in welcome), "no livekit", welcome.livekit);
      matches(welcome.id, /^[0-9a-f-]{36}$/, "id");
    },
  },
};
