// What is said, to whom, and what is kept of it; checklist 5 to 11.
import { equal, matches, ok, pause, until } from "../../openvidu/expect.mjs";
import { messagesOf, rises, time } from "../messages.mjs";
import { COMMANDS, ERRORS, EVENTS, GROUPS } from "../seed.mjs";
import { BACKEND, DEVELOPER } from "../world.mjs";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const chat = (gen) => ({
  open: (world) => world.trio({ gen }),
  cases: {
    async [`message.${gen}.global-reaches-all-and-its-sender`](world, { owner, user, guest, all }) {
      guest.send("to all");
      const frames = await Promise.all(all.map((raw) => raw.heard("to all")));
      const { id, ...rest } = frames[0].payload;
      equal(rest, { message: "message_sent", source: guest.id, content: "to all", scope: "global" }, "payload");
      matches(id, UUID, "id");
      equal([frames[1], frames[2]], [frames[0], frames[0]], "the frame is the same for all");
      equal(user.contents(), ["to all"], "it comes once");
      ok(owner.isOpen, "open");
    },
    async [`message.${gen}.id-is-its-own-and-the-same-in-every-dialect`](world, { room, owner, user }) {
      const contents = ["which id", "another id", "a third id"];
      contents.forEach((content) => user.send(content));
      const heard = await Promise.all(contents.map((content) => owner.heard(content)));
      const ids = heard.map((frame) => frame.payload.id);
      ids.forEach((id) => matches(id, UUID, "id"));
      equal(new Set(ids).size, contents.length, "different ids");
      const { messages } = await world.native("GET", `/rooms/${room}/messages?limit=100`);
      const native = contents.map((content) => messages.find((each) => each.parts[0].text === content)?.id);
      equal(native, ids, "ids of the same messages in our own API");
    },
    async [`message.${gen}.private-reaches-exactly-two`](world, { owner, user, guest }) {
      user.send("for the owner", "private", owner.id);
      user.send("behind it");
      const frames = await Promise.all([owner.heard("for the owner"), user.heard("for the owner")]);
      const { id, ...rest } = frames[0].payload;
      equal(rest, { message: "message_sent", source: user.id, content: "for the owner", scope: "private", target: owner.id }, "payload");
      matches(id, UUID, "id");
      equal(frames[1], frames[0], "the frame is the same for both");
      await guest.heard("behind it");
      ok(!guest.contents().includes("for the owner"), "the guest does not see it", guest.contents());
    },
    async [`message.${gen}.guests-use-private`](world, { owner, user, guest }) {
      guest.send("from the guest", "private", user.id);
      await user.heard("from the guest");
      user.send("to the guest", "private", guest.id);
      await guest.heard("to the guest");
      user.send("and on");
      await owner.heard("and on");
      equal(owner.contents().filter((content) => /guest/.test(content)), [], "what the owner saw of it");
    },
    async [`message.${gen}.private-to-nobody-is-accepted`](world, { owner, user, guest }) {
      const target = crypto.randomUUID();
      user.send("to nobody", "private", target);
      equal((await user.heard("to nobody")).payload.target, target, "target");
      user.send("after nobody");
      for (const raw of [owner, guest]) {
        await raw.heard("after nobody");
        ok(!raw.contents().includes("to nobody"), "others do not see it");
      }
    },
    async [`message.${gen}.group-reaches-its-members`](world, { owner, user, guest }) {
      owner.send("to the group", "group", BACKEND);
      owner.send("behind the group");
      const frames = await Promise.all([owner.heard("to the group"), user.heard("to the group")]);
      const { id, ...rest } = frames[0].payload;
      equal(rest, { message: "message_sent", source: owner.id, content: "to the group", scope: "group", target: BACKEND }, "payload");
      matches(id, UUID, "id");
      equal(frames[1], frames[0], "the frame is the same for both");
      await guest.heard("behind the group");
      ok(!guest.contents().includes("to the group"), "the guest does not see it");
    },
    async [`message.${gen}.group-of-one-stays-with-one`](world, { owner, user }) {
      user.send("only developers", "group", DEVELOPER);
      user.send("behind developers");
      await user.heard("only developers");
      await owner.heard("behind developers");
      ok(!owner.contents().includes("only developers"), "the owner does not see it");
    },
    async [`message.${gen}.group-not-ones-own-is-dropped-silently`](world, { owner, user, guest }) {
      const marks = [owner, user, guest].map((raw) => raw.frames.length);
      owner.send("not a developer", "group", DEVELOPER);
      guest.send("no groups", "group", BACKEND);
      owner.send("no such group", "group", "/Nobody");
      await Promise.all([owner.settled(), guest.settled()]);
      owner.send("after the drops");
      await Promise.all([owner, user, guest].map((raw) => raw.heard("after the drops")));
      for (const [n, raw] of [owner, user, guest].entries()) equal(raw.contents(marks[n]), ["after the drops"], "what came");
      equal([owner.errors("chat", marks[0]), guest.errors("chat", marks[2])], [[], []], "errors");
    },
    async [`message.${gen}.empty-is-dropped-silently`](world, { owner, user, guest }) {
      const marks = [owner, user, guest].map((raw) => raw.frames.length);
      owner.send("");
      owner.send("", "private", user.id);
      owner.send("", "group", BACKEND);
      owner.send("not empty");
      for (const [n, raw] of [owner, user, guest].entries()) {
        await raw.heard("not empty");
        equal(raw.story(marks[n]), ["chat/message_sent"], "what came");
      }
    },
    async [`message.${gen}.cut-at-4096-bytes-at-a-character`](world, { owner, user }) {
      const long = ["a".repeat(5000), "é".repeat(3000), "€".repeat(2000), `a${"😀".repeat(1024)}`, "😀".repeat(1024)];
      const cut = ["a".repeat(4096), "é".repeat(2048), "€".repeat(1365), `a${"😀".repeat(1023)}`, "😀".repeat(1024)];
      for (const [n, content] of long.entries()) {
        const from = user.frames.length;
        owner.send(content);
        await until(() => user.contents(from).length, "the message");
        equal(user.contents(from), [cut[n]], "content");
      }
    },
    async [`message.${gen}.text-comes-as-it-was-sent`](world, { owner, user }) {
      for (const content of [" spaces around ", "line\nline\r\n\ttab", "<b>&amp;</b>", "\u0000\u0007", "e\u0301 \u200d 👩‍🚀 \u202e", "\"\\/"]) {
        owner.send(content);
        await user.heard(content);
      }
    },
    async [`message.${gen}.timestamps-rise-and-orders-agree`](world, { all }) {
      const marks = all.map((raw) => raw.frames.length);
      for (let n = 0; n < 15; n++) for (const [who, raw] of all.entries()) raw.send(`burst ${who} ${n}`);
      const bursts = await Promise.all(
        all.map((raw, who) => until(() => {
          const frames = raw.of("chat", "message_sent", marks[who]).filter((frame) => frame.payload.content.startsWith("burst"));
          return frames.length === 45 && frames;
        }, "45 messages", 15_000)),
      );
      equal([bursts[1], bursts[2]], [bursts[0], bursts[0]], "the same frames in the same order");
      rises(bursts[0].map((frame) => frame.timestamp), "timestamps");
      for (const who of [0, 1, 2]) {
        const own = bursts[0].map((frame) => frame.payload.content).filter((content) => content.startsWith(`burst ${who}`));
        equal(own, own.map((_, n) => `burst ${who} ${n}`), "each sender's own order");
      }
      equal(new Set(bursts[0].map((frame) => frame.payload.id)).size, 45, "ids");
    },
    async [`history.${gen}.global-is-what-was-heard`](world, { room, owner, code }) {
      const late = await world.guestIn(room, code, { gen, name: "late" });
      const history = messagesOf(late.welcome.chat.room_history);
      const heard = owner.of("chat", "message_sent").filter((frame) => frame.payload.scope === "global");
      const asStored = heard.map(({ timestamp, payload: { id, source, content, scope } }) => ({ id, source, timestamp, content, scope }));
      equal(history, asStored.slice(gen === "new" ? -100 : 0), "room_history, oldest first, with the timestamps of the envelopes");
    },
    async [`history.${gen}.others-see-no-private-and-no-groups`](world, { room, code }) {
      const late = await world.guestIn(room, code, { gen, name: "late" });
      equal([late.welcome.chat.private_history, late.welcome.chat.groups_history], [[], []], "private_history and groups_history");
    },
    async [`history.${gen}.groups-of-a-member`](world, { room, owner, user, memberUser }) {
      await user.leave();
      const again = await world.in(room, memberUser, { gen });
      const entry = again.welcome.chat.groups_history.find((each) => each.name === BACKEND);
      const heard = owner.of("chat", "message_sent").filter((frame) => frame.payload.scope === "group");
      equal(messagesOf(entry?.history), heard.map(({ timestamp, payload: { message, ...payload } }) => ({ ...payload, timestamp })), "history of the group");
      equal(messagesOf(again.welcome.chat.groups_history.find((each) => each.name === DEVELOPER)?.history).map((each) => each.content), ["only developers"], "history of the other");
      if (gen === "new") for (const each of again.welcome.chat.groups_history) matches(each.id, /^[0-9a-f-]{36}$/, "id of a group");
    },
  },
});

export const chat_seed = chat("seed");
export const chat_new = chat("new");

/** People who come in while others talk: nothing is missed, nothing comes twice. */
const busy = (gen) => ({
  open: (world) => world.trio({ gen }),
  cases: {
    async [`history.${gen}.no-gap-and-no-double-at-a-join`](world, { room, code, owner, guest }) {
      let isOver = false;
      const talk = (async () => {
        for (let n = 0; !isOver; n++) {
          owner.send(`owner ${n}`);
          guest.send(`guest ${n}`);
          await pause(2);
        }
      })();
      const late = [];
      for (let n = 0; n < 6; n++) late.push(await world.guestIn(room, code, { gen, name: `late ${n}` }));
      isOver = true;
      await talk;
      // Each says when it is done: what one says may be overtaken by the other.
      owner.send("the end");
      guest.send("the guest's end");
      await Promise.all([owner, ...late].flatMap((raw) => [raw.heard("the end"), raw.heard("the guest's end")]));
      const all = owner.of("chat", "message_sent").map(({ timestamp, payload: { message, ...payload } }) => ({ ...payload, timestamp }));
      for (const raw of late) {
        const live = raw.of("chat", "message_sent").map(({ timestamp, payload: { message, ...payload } }) => ({ ...payload, timestamp }));
        const known = [...messagesOf(raw.welcome.chat.room_history), ...live];
        equal(known.map((each) => each.id), all.slice(-known.length).map((each) => each.id), "history and what came after it");
        if (gen === "seed") equal(known.length, all.length, "messages");
        equal(raw.story()[0], "control/join_success", "the first event");
      }
    },
    async [`people.${gen}.who-come-at-once-are-all-seen-once`](world, { room, code }) {
      const sockets = await Promise.all(Array.from({ length: 8 }, () => world.guestAt(room, code, { gen })));
      await Promise.all(sockets.map((raw, n) => raw.join({ display_name: `at once ${n}` })));
      for (const raw of sockets) {
        const others = sockets.filter((each) => each !== raw).map((each) => each.id);
        const seen = () => [...raw.welcome.participants.map((each) => each.id), ...raw.of("control", "joined").map((frame) => frame.payload.id)].filter((id) => others.includes(id));
        await until(() => seen().length >= others.length, "all the others");
        equal(seen().sort(), others.sort(), "who is seen");
        equal(raw.story()[0], "control/join_success", "the first event");
      }
    },
  },
});

export const busy_seed = busy("seed");
export const busy_new = busy("new");

export const chat_across = {
  async open(world) {
    const trio = await world.trio({ gen: "seed" });
    return { ...trio, newer: await world.in(trio.room, await world.user([BACKEND]), { gen: "new" }) };
  },
  cases: {
    async "across.both-generations-hear-the-same"(world, { owner, newer }) {
      owner.send("from arrays");
      newer.send("from chunks");
      for (const content of ["from arrays", "from chunks"]) equal(await newer.heard(content), await owner.heard(content), "frame");
    },
    async "across.groups-and-private"(world, { owner, user, guest, newer }) {
      newer.send("group across", "group", BACKEND);
      newer.send("private across", "private", guest.id);
      newer.send("end across");
      await Promise.all([owner.heard("group across"), user.heard("group across"), guest.heard("private across")]);
      await Promise.all([owner, user, guest].map((raw) => raw.heard("end across")));
      equal([guest.contents().includes("group across"), owner.contents().includes("private across")], [false, false], "who must not");
    },
  },
};

/** One user with two participants, as with two devices: each is somebody of its own. */
const twice = (gen) => ({
  async open(world) {
    const trio = await world.trio({ gen });
    return { ...trio, second: await world.in(trio.room, trio.memberUser, { gen }) };
  },
  cases: {
    async [`twice.${gen}.private-has-the-target-as-given`](world, { owner, user }) {
      owner.send("for the first of two", "private", user.id);
      equal((await user.heard("for the first of two")).payload.target, user.id, "target");
    },
    async [`twice.${gen}.private-is-not-for-the-other-one`](world, { owner, second }) {
      owner.send("behind the first of two");
      await second.heard("behind the first of two");
      ok(!second.contents().includes("for the first of two"), "the second does not hear it", second.contents());
    },
    async [`twice.${gen}.stored-source-is-who-sent-it`](world, { room, code, user, second }) {
      user.send("by the first");
      await second.heard("by the first");
      second.send("by the second");
      await user.heard("by the second");
      const late = await world.guestIn(room, code, { gen, name: "late" });
      const sources = messagesOf(late.welcome.chat.room_history).map((each) => [each.content, each.source]);
      equal(sources.filter(([content]) => content.startsWith("by the")), [["by the first", user.id], ["by the second", second.id]], "sources");
    },
    async [`twice.${gen}.one-leaves-and-the-other-stays`](world, { room, code, owner, user, second }) {
      await second.leave();
      await owner.event("control", "left", (payload) => payload.id === second.id);
      owner.send("for who stays");
      await user.heard("for who stays");
      const late = await world.guestIn(room, code, { gen, name: "late" });
      const gone = (id) => Boolean(late.welcome.participants.find((each) => each.id === id)?.control.left_at);
      equal([gone(user.id), gone(second.id)], [false, true], "whether they have left");
    },
  },
});

export const twice_seed = twice("seed");
export const twice_new = twice("new");

const switches = (gen) => ({
  open: (world) => world.trio({ gen }),
  cases: {
    async [`switch.${gen}.only-moderators`](world, { owner, user, guest }) {
      for (const raw of [user, guest]) {
        for (const action of ["disable_chat", "enable_chat", "clear_history"]) {
          const from = raw.frames.length;
          raw.chat(action);
          await raw.error("chat", "insufficient_permissions", from);
          equal(raw.errors("chat", from).length, 1, "one error");
        }
      }
      user.send("still on");
      await owner.heard("still on");
      equal(owner.of("chat").map((frame) => frame.payload.message), ["message_sent"], "what the owner heard");
    },
    async [`switch.${gen}.disable-is-told-to-all`](world, { owner, all }) {
      owner.chat("disable_chat");
      for (const raw of all) equal((await raw.event("chat", "chat_disabled")).payload.issued_by, owner.id, "issued_by");
    },
    async [`switch.${gen}.disabled-holds-for-moderators-and-all-scopes`](world, { owner, user, guest }) {
      const marks = [owner, user, guest].map((raw) => raw.frames.length);
      for (const [n, raw] of [owner, user, guest].entries()) {
        raw.send("into the silence");
        await raw.error("chat", "chat_disabled", marks[n]);
      }
      owner.send("into the silence", "private", user.id);
      owner.send("into the silence", "group", BACKEND);
      await until(() => owner.errors("chat", marks[0]).length === 3, "three errors");
      equal(owner.errors("chat", marks[0]), ["chat_disabled", "chat_disabled", "chat_disabled"], "errors of the owner");
      for (const [n, raw] of [owner, user, guest].entries()) equal(raw.contents(marks[n]), [], "messages");
    },
    async [`switch.${gen}.disabled-is-in-join_success`](world, { room, code }) {
      equal((await world.guestIn(room, code, { gen, name: "late" })).welcome.chat.enabled, false, "enabled");
    },
    async [`switch.${gen}.disable-again-is-told-again`](world, { owner, user }) {
      const from = user.frames.length;
      owner.chat("disable_chat");
      await user.event("chat", "chat_disabled", undefined, { from });
    },
    async [`switch.${gen}.enable-is-told-to-all`](world, { owner, guest, all }) {
      owner.chat("enable_chat");
      for (const raw of all) equal((await raw.event("chat", "chat_enabled")).payload.issued_by, owner.id, "issued_by");
      guest.send("sound again");
      await owner.heard("sound again");
      const from = guest.frames.length;
      owner.chat("enable_chat");
      await guest.event("chat", "chat_enabled", undefined, { from });
    },
    async [`clear.${gen}.is-told-to-all-and-empties-global-only`](world, { room, code, owner, user, memberUser, all }) {
      owner.send("in private", "private", user.id);
      owner.send("in the group", "group", BACKEND);
      await user.heard("in the group");
      owner.chat("clear_history");
      for (const raw of all) equal((await raw.event("chat", "history_cleared")).payload.issued_by, owner.id, "issued_by");
      owner.send("after the clearing");
      await user.heard("after the clearing");
      const late = await world.guestIn(room, code, { gen, name: "late" });
      equal(messagesOf(late.welcome.chat.room_history).map((each) => each.content), ["after the clearing"], "room_history");
      const { resumption } = user;
      await user.leave();
      const again = await world.in(room, memberUser, { gen, resumption });
      const group = again.welcome.chat.groups_history.find((each) => each.name === BACKEND);
      equal(messagesOf(group?.history).map((each) => each.content), ["in the group"], "history of the group");
      equal(again.welcome.chat.private_history.flatMap((each) => messagesOf(each.history)).map((each) => each.content), ["in private"], "private history");
    },
  },
});

export const switches_seed = switches("seed");
export const switches_new = switches("new");

/** The examples of the vendor's page, sent as printed; the group they name is one of the sender's. */
export const seed_examples = {
  async open(world) {
    const owner = await world.user(["management", ...GROUPS]);
    const room = await world.room(owner);
    const code = await world.invite(owner, room);
    return { owner: await world.in(room, owner), guest: await world.guestIn(room, code), ownerUser: owner, room };
  },
  cases: {
    async "seed.send_message.global"(world, { owner, guest }) {
      owner.say("chat", COMMANDS.send_global);
      for (const raw of [owner, guest]) {
        const { id, ...rest } = (await raw.heard("Hello all!")).payload;
        equal(rest, { ...EVENTS.sent_global, source: owner.id }, "as printed, but for the source");
        matches(id, UUID, "and an id");
      }
    },
    async "seed.send_message.group"(world, { owner }) {
      owner.say("chat", COMMANDS.send_group);
      const { id, ...rest } = (await owner.heard("Hello managers!")).payload;
      equal(rest, { ...EVENTS.sent_group, source: owner.id }, "as printed, but for the source");
      matches(id, UUID, "and an id");
    },
    async "seed.send_message.private"(world, { owner }) {
      owner.say("chat", COMMANDS.send_private);
      const { id, ...rest } = (await owner.heard("Hello Bob!")).payload;
      equal(rest, { ...EVENTS.sent_private, source: owner.id, target: COMMANDS.send_private.target }, "as printed, but for source and target");
      matches(id, UUID, "and an id");
    },
    async "seed.disable_chat"(world, { owner, guest }) {
      owner.say("chat", COMMANDS.disable_chat);
      await guest.event("chat", "chat_disabled");
    },
    async "seed.error.chat_disabled"(world, { guest }) {
      const from = guest.frames.length;
      guest.say("chat", COMMANDS.send_global);
      equal((await guest.event("chat", "error", undefined, { from })).payload, ERRORS.chat_disabled, "as printed");
    },
    async "seed.error.insufficient_permissions"(world, { guest }) {
      const from = guest.frames.length;
      guest.say("chat", COMMANDS.enable_chat);
      equal((await guest.event("chat", "error", undefined, { from })).payload, ERRORS.insufficient_permissions, "as printed");
    },
    async "seed.enable_chat"(world, { owner, guest }) {
      owner.say("chat", COMMANDS.enable_chat);
      await guest.event("chat", "chat_enabled");
    },
    async "seed.set_last_seen_timestamp"(world, { owner }) {
      const from = owner.frames.length;
      owner.say("chat", COMMANDS.last_seen_global);
      owner.say("chat", COMMANDS.last_seen_group);
      owner.say("chat", COMMANDS.last_seen_private);
      await owner.settled();
      equal(owner.story(from), [], "no answer");
    },
    async "seed.clear_history"(world, { owner, guest }) {
      owner.say("chat", COMMANDS.clear_history);
      await guest.event("chat", "history_cleared");
    },
    async "seed.state.last-seen-comes-back"(world, context) {
      const { owner, ownerUser, room } = context;
      await owner.leave();
      const again = (context.again = await world.in(room, ownerUser, { resumption: owner.resumption }));
      const { last_seen_timestamp_global, last_seen_timestamps_private, last_seen_timestamps_group } = again.welcome.chat;
      const at = time("2022-10-22T11:22:33Z");
      equal([time(last_seen_timestamp_global) === at, Object.keys(last_seen_timestamps_private), Object.keys(last_seen_timestamps_group)], [true, [COMMANDS.last_seen_private.target], [GROUPS[0]]], "last seen");
      ok([...Object.values(last_seen_timestamps_private), ...Object.values(last_seen_timestamps_group)].every((text) => time(text) === at), "their times");
    },
    async "seed.state.histories"(world, { owner, again }) {
      const group = again.welcome.chat.groups_history.find((each) => each.name === "management");
      equal(Object.keys(again.welcome.chat).sort(), ["enabled", "groups_history", "last_seen_timestamp_global", "last_seen_timestamps_group", "last_seen_timestamps_private", "private_history", "room_history"].filter((key) => key !== "last_seen_timestamp_global" || key in again.welcome.chat), "fields of the state");
      equal(group.history.map(({ id, timestamp, ...rest }) => rest), [{ source: owner.id, scope: "group", target: "management", content: "Hello managers!" }], "a stored message, but for id and timestamp");
      equal(Object.keys(group).sort(), ["history", "name"], "fields of a group's history");
    },
  },
};
