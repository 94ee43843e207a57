// 0, 1, 100, 101 and 250 messages: whole in one generation, in chunks, by page and by search in the other; checklist 15.
import { equal, ok, until } from "../../openvidu/expect.mjs";
import { BACKEND } from "../world.mjs";

const COUNTS = [0, 1, 100, 101, 250];
const CHUNK = 100;

/** Sends until there are `count` messages, one of three with a needle, and returns all of them as heard. */
async function fill(raw, heard, count) {
  const from = raw.frames.length;
  for (let n = heard.length; n < count; n++) raw.send(`message ${n}${n % 3 === 0 ? " Needle" : ""}`);
  const wanted = count - heard.length;
  const fresh = await until(() => {
    const frames = raw.of("chat", "message_sent", from);
    return frames.length >= wanted && frames;
  }, `${wanted} messages`, 15_000);
  return [...heard, ...fresh.map(({ timestamp, payload: { message, ...payload } }) => ({ ...payload, timestamp }))];
}

/** What a chunk of the list is that ends with position `last`. */
function chunk(list, last) {
  if (last >= list.length) return { messages: [], next_index: null };
  const start = Math.max(0, last - CHUNK + 1);
  return { messages: list.slice(start, last + 1), next_index: start > 0 ? start - 1 : null };
}

const newest = (list) => (list.length ? chunk(list, list.length - 1) : { messages: [], next_index: null });

async function page(raw, scope, target, message_index) {
  const from = raw.frames.length;
  raw.chat("get_history_chunk", { scope, ...(target ? { target } : {}), message_index });
  const message = { global: "room", group: "group", private: "private" }[scope];
  return (await raw.event("chat", `${message}_chat_history_chunk`, undefined, { from })).payload;
}

async function search(raw, term, { scope = "global", target, message_index } = {}) {
  const from = raw.frames.length;
  raw.chat("search_history", { scope, ...(target ? { target } : {}), term, ...(message_index === undefined ? {} : { message_index }) });
  return (await raw.event("chat", "search_results", undefined, { from })).payload;
}

export const counts = {
  limit_ms: 40_000,
  async open(world) {
    const ownerUser = await world.user([BACKEND]);
    const room = await world.room(ownerUser);
    const code = await world.invite(ownerUser, room);
    return { room, code, owner: await world.in(room, ownerUser), reader: await world.guestIn(room, code, { gen: "new", name: "reader" }), heard: [] };
  },
  cases: Object.fromEntries(
    COUNTS.flatMap((count) => [
      [
        `count.${count}.whole-in-the-seed-generation`,
        async (world, context) => {
          context.heard = await fill(context.owner, context.heard, count);
          const guest = await world.guestIn(context.room, context.code, { name: "late" });
          equal(guest.welcome.chat.room_history, context.heard, "room_history");
          await guest.leave();
        },
      ],
      [
        `count.${count}.newest-chunk-in-join_success`,
        async (world, { room, code, heard }) => {
          const guest = await world.guestIn(room, code, { gen: "new", name: "late" });
          equal(guest.welcome.chat.room_history, newest(heard), "room_history");
          await guest.leave();
        },
      ],
      [
        `count.${count}.pages-back-to-the-beginning`,
        async (world, { reader, heard }) => {
          let at = newest(heard);
          const seen = [...at.messages];
          while (at.next_index !== null) {
            const expected = chunk(heard, at.next_index);
            const { message, history, ...rest } = await page(reader, "global", null, at.next_index);
            equal([rest, history], [{}, expected], `the chunk at ${at.next_index}`);
            seen.unshift(...history.messages);
            at = history;
          }
          equal(seen, heard, "all of them, once");
        },
      ],
      [
        `count.${count}.chunks-at-the-edges`,
        async (world, { reader, heard }) => {
          for (const index of [0, 1, 98, 99, 100, 101, 198, 199, 200, 249].filter((each) => each < heard.length)) {
            equal((await page(reader, "global", null, index)).history, chunk(heard, index), `the chunk at ${index}`);
          }
          for (const index of [heard.length, heard.length + 1, 100_000]) equal((await page(reader, "global", null, index)).history.messages, [], `nothing at ${index}`);
        },
      ],
      [
        `count.${count}.search-finds-and-pages`,
        async (world, { reader, heard }) => {
          for (const term of ["message", "Needle", "ge 1"]) {
            const found = heard.filter((each) => each.content.includes(term));
            const results = await search(reader, term);
            equal([results.scope, results.target ?? null, results.matches], ["global", null, newest(found)], `the newest with "${term}"`);
            for (let index = results.matches.next_index; index !== null; ) {
              const { matches } = await search(reader, term, { message_index: index });
              equal(matches, chunk(found, index), `those with "${term}" at ${index}`);
              index = matches.next_index;
            }
          }
        },
      ],
    ]),
  ),
};

export const searching = {
  async open(world) {
    const trio = await world.trio({ gen: "new" });
    const { owner, user } = trio;
    for (const content of ["Straße é", "straße", "100% _x_ .* [a]", "\\ and \""]) owner.send(content);
    owner.send("secret for two", "private", user.id);
    owner.send("secret of the group", "group", BACKEND);
    owner.send("the end");
    await user.heard("the end");
    return trio;
  },
  cases: {
    async "search.is-case-sensitive-and-literal"(world, { guest }) {
      const found = async (term) => (await search(guest, term)).matches.messages.map((each) => each.content);
      equal(await found("Stra"), ["Straße é"], "with a capital");
      equal(await found("STRA"), [], "other capitals");
      equal(await found("0% _"), ["100% _x_ .* [a]"], "signs of patterns");
      equal(await found(".*"), ["100% _x_ .* [a]"], "more signs");
      equal(await found("\\ "), ["\\ and \""], "a backslash");
      equal(await found("nothing like it"), [], "nothing");
    },
    async "search.two-bytes-at-least"(world, { guest }) {
      for (const term of ["", "x"]) {
        const from = guest.frames.length;
        guest.chat("search_history", { scope: "global", term });
        equal((await guest.event("chat", "error", undefined, { from })).payload, { message: "error", error: "invalid_search_term_length", min: 2 }, `error for "${term}"`);
      }
      equal((await search(guest, "é")).matches.messages.map((each) => each.content), ["Straße é"], "one character of two bytes");
    },
    async "search.private-and-group-in-their-own-scope-only"(world, { owner, user, guest }) {
      equal((await search(guest, "secret")).matches.messages, [], "globally, nothing");
      equal((await search(user, "secret")).matches.messages, [], "globally, nothing for those who may either");
      const results = await search(user, "secret", { scope: "private", target: owner.id });
      equal([results.scope, results.target, results.matches.messages.map((each) => each.content)], ["private", owner.id, ["secret for two"]], "private");
      const inGroup = await search(user, "secret", { scope: "group", target: BACKEND });
      equal([inGroup.scope, inGroup.target, inGroup.matches.messages.map((each) => each.content)], ["group", BACKEND, ["secret of the group"]], "group");
      equal((await search(guest, "secret", { scope: "private", target: owner.id })).matches.messages, [], "a guest's own conversation with the owner is empty");
    },
    async "search.group-not-ones-own-is-insufficient_permissions"(world, { guest }) {
      const from = guest.frames.length;
      guest.chat("search_history", { scope: "group", target: BACKEND, term: "secret" });
      await guest.error("chat", "insufficient_permissions", from);
      guest.chat("get_history_chunk", { scope: "group", target: BACKEND, message_index: 0 });
      await until(() => guest.errors("chat", from).length === 2, "the second error");
      equal(guest.errors("chat", from), ["insufficient_permissions", "insufficient_permissions"], "errors");
    },
    async "page.private-and-group"(world, { owner, user, guest }) {
      const pair = await page(user, "private", owner.id, 0);
      equal([pair.correspondent, pair.history.messages.map((each) => each.content), pair.history.next_index], [owner.id, ["secret for two"], null], "private");
      const group = await page(user, "group", BACKEND, 0);
      equal([group.name, typeof group.id, group.history.messages.map((each) => each.content), group.history.next_index], [BACKEND, "string", ["secret of the group"], null], "group");
      equal((await page(guest, "private", owner.id, 0)).history.messages, [], "of a guest with the owner");
    },
    async "page.id-of-a-group-is-always-the-same"(world, { user, owner }) {
      const ids = [user, owner].map((raw) => raw.welcome.chat.groups_history.find((each) => each.name === BACKEND).id);
      equal([ids[1], (await page(user, "group", BACKEND, 0)).id], [ids[0], ids[0]], "id in join_success of another, and in a chunk");
    },
    async "page.private-with-nobody-is-empty"(world, { user }) {
      const nobody = crypto.randomUUID();
      const { correspondent, history } = await page(user, "private", nobody, 0);
      equal([correspondent, history.messages], [nobody, []], "correspondent and messages");
    },
    async "search.index-beyond-the-end-is-empty"(world, { user }) {
      equal((await search(user, "Stra", { message_index: 1000 })).matches.messages, [], "messages");
    },
    async "page.long-private-and-group"(world, { owner, user }) {
      for (let n = 0; n < 101; n++) {
        owner.send(`pair ${n}`, "private", user.id);
        owner.send(`team ${n}`, "group", BACKEND);
      }
      await Promise.all([user.heard("pair 100"), user.heard("team 100")]);
      for (const [scope, target, word] of [["private", owner.id, "pair"], ["group", BACKEND, "team"]]) {
        const { history } = await page(user, scope, target, 101);
        equal([history.messages.length, history.messages.at(-1).content, history.next_index], [100, `${word} 100`, 1], "the newest");
        const rest = (await page(user, scope, target, 1)).history;
        equal([rest.messages.map((each) => each.content).at(-1), rest.messages.length, rest.next_index], [`${word} 0`, 2, null], "the rest");
      }
    },
    async "page.cleared-history-is-empty"(world, { owner, user }) {
      owner.chat("clear_history");
      await user.event("chat", "history_cleared");
      equal([(await page(user, "global", null, 0)).history.messages, (await search(user, "Stra")).matches.messages], [[], []], "chunk and search");
      equal((await page(user, "group", BACKEND, 0)).history.messages.length, 1, "the group's stays");
    },
  },
};

/** In the generation of arrays the commands of the other do not exist: undecodable, so not answered. */
export const not_in_seed = {
  open: (world) => world.trio({ gen: "seed" }),
  cases: {
    async "page.not-in-the-seed-generation"(world, { user }) {
      const from = user.frames.length;
      user.chat("get_history_chunk", { scope: "global", message_index: 0 });
      user.chat("search_history", { scope: "global", term: "something" });
      await user.settled();
      equal(user.story(from), [], "what came");
    },
  },
};

/** With the limits that an operator has by default. */
export const limited = {
  server: { limits: true },
  waits_s: 25,
  limit_ms: 45_000,
  open: (world) => world.trio(),
  cases: {
    async "limits.a-quick-writer-loses-nothing-and-hears-no-unknown-error"(world, { owner, user, guest }) {
      for (let n = 0; n < 60; n++) guest.send(`quick ${n}`);
      await until(() => user.contents().length >= 60, "60 messages", 40_000);
      equal(user.contents(), Array.from({ length: 60 }, (_, n) => `quick ${n}`), "messages, in order");
      equal([guest.errors("chat"), guest.errors("control"), guest.isOpen], [[], [], true], "errors");
      ok(owner.isOpen, "open");
    },
  },
};
