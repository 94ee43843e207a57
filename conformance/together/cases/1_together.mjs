import { BACKEND } from "../../opentalk/world.mjs";
import { equal, ok, pause, until } from "../../openvidu/expect.mjs";

const namesOf = (people) => Object.keys(people).sort();

/** Until everybody has heard that. */
async function allHear(people, text, among = namesOf(people)) {
  for (const name of among) await until(async () => (await people[name].heard()).includes(text), `${name} hears ${text}`, 20_000);
}

/** Says it, so that what others did before is over for everybody when all have heard it. */
async function fence(people, by, text) {
  await people[by].say(text);
  await allHear(people, text);
}

/** Those who are told of what moderators do. */
const TOLD = ["olga", "uwe", "gina", "nina", "mo"];
const storiesOf = (people) => Promise.all(TOLD.map(async (name) => effective(await people[name].story())));
const heardOf = (people, names) => Promise.all(names.map((name) => people[name].heard()));
const after = (lists, before) => lists.map((list, at) => list.slice(before[at].length));

/** OpenTalk tells of a switch that was so before, too; others do not. */
function effective(story) {
  let is = "<on>";
  return story.filter((line) => !/^<o/.test(line) || (is !== line && (is = line)));
}

/** `off`, `on` or `clear`, in the words of the moderator's dialect. */
function moderate({ raw, room }, deed) {
  if (raw) return raw.chat({ off: "disable_chat", on: "enable_chat", clear: "clear_history" }[deed]);
  return { off: () => room.disableChat(), on: () => room.enableChat(), clear: () => room.clearHistory() }[deed]();
}

/** Nobody may say anything, and everybody is told so. */
async function isOff(people) {
  await until(() => people.paula.page.locator(".composer .silence").isVisible(), "the panel does not let one write");
  for (const name of ["olga", "uwe", "gina"]) {
    const { raw } = people[name];
    const from = raw.frames.length;
    await people[name].say("not now");
    await raw.error("chat", "chat_disabled", from);
  }
  for (const name of ["nina", "mo"]) equal(await people[name].say("not now").then(() => "said", ({ code }) => code), "chat_disabled", name);
  equal((await people.otto.say("not now")).error, { code: 403, name: "OT_PERMISSION_DENIED" }, "otto");
  ok((await people.vera.say("not now")).error, "vera is refused");
  for (const name of namesOf(people)) ok(!(await people[name].heard()).includes("not now"), `${name} hears nothing`);
}

/** Those who are told of it know that all may talk. */
async function isOn(people) {
  await until(() => people.paula.page.locator(".composer textarea").isVisible(), "the panel lets one write");
  await until(async () => (await storiesOf(people)).every((story) => story.lastIndexOf("<on>") > story.lastIndexOf("<off>")), "all are told");
}

export const together = {
  open: (world) => world.everybody(),
  cases: {
    async "together.all-are-known-to-all"(_, people) {
      for (const name of ["Vera", "Otto", "Nina", "Mo", "Paula"]) {
        await people.gina.knows(name);
        await people.nina.knows(name);
      }
      await people.nina.knows(people.uwe.name);
      await people.vera.knows("Otto");
      await people.otto.knows("Vera");
    },

    async "together.one-after-the-other-each-is-heard-once-by-all"(_, people) {
      const said = [];
      for (const name of namesOf(people)) {
        said.push(`from ${name}`);
        await fence(people, name, said.at(-1));
      }
      for (const name of namesOf(people)) equal(await people[name].heard(), said, name);
    },

    async "together.all-at-once-the-order-is-one-and-nothing-comes-twice"(_, people) {
      const before = (await people.olga.heard()).length;
      const talkative = namesOf(people).filter((name) => name !== "paula");
      await Promise.all(talkative.flatMap((name) => Array.from({ length: 6 }, (_, n) => people[name].say(`${name} ${n}`))));
      await fence(people, "paula", "that is enough");
      const order = (await people.olga.heard()).slice(before);
      equal([order.length, new Set(order).size], [talkative.length * 6 + 1, talkative.length * 6 + 1], "how many, and how many different ones");
      for (const name of talkative) {
        const own = order.filter((text) => text.startsWith(`${name} `));
        equal(own, Array.from({ length: 6 }, (_, n) => `${name} ${n}`), `what ${name} said, in order`);
      }
      for (const name of talkative) equal((await people[name].heard()).slice(before), order, name);
      // The panel has only those in the page that can be seen.
      const seen = await people.paula.heard();
      equal(seen, order.slice(-seen.length), "the panel");
    },

    async "together.what-is-for-some-reaches-them-and-nobody-else"(_, people) {
      const { uwe, gina, nina, vera, otto } = people;
      const secrets = [
        ["uwe to the group", ["uwe", "olga", "nina"], (text) => uwe.whisper(text, BACKEND, "group")],
        ["nina to the group", ["nina", "uwe", "olga"], (text) => nina.whisper(text, { type: "group", group: BACKEND })],
        ["uwe to gina", ["uwe", "gina"], async (text) => uwe.whisper(text, gina.raw.id)],
        ["gina to olga", ["gina", "olga"], async (text) => gina.whisper(text, people.olga.raw.id)],
        ["uwe to otto", ["uwe", "otto"], async (text) => uwe.whisper(text, await uwe.knows("Otto"))],
        ["uwe to vera", ["uwe", "vera"], async (text) => uwe.whisper(text, await uwe.knows("Vera"))],
        ["gina to paula", ["gina", "paula"], async (text) => gina.whisper(text, await gina.knows("Paula"))],
        ["nina to uwe", ["nina", "uwe"], async (text) => nina.whisper(text, { type: "users", users: [(await nina.knows(uwe.name)).user] })],
        ["nina to otto", ["nina", "otto"], async (text) => nina.whisper(text, { type: "users", users: [(await nina.knows("Otto")).user] })],
        ["vera to otto", ["otto"], async (text) => vera.whisper(text, await vera.knows("Otto"))],
        ["otto to vera", ["vera"], async (text) => otto.whisper(text, await otto.knows("Vera"))],
      ];
      for (const [secret, , tell] of secrets) await tell(secret);
      for (const [secret, to] of secrets) await allHear(people, secret, to);
      await fence(people, "mo", "no more secrets");
      await pause(300);
      for (const name of namesOf(people)) {
        const wire = await people[name].wire();
        const leaked = secrets.filter(([secret, to]) => !to.includes(name) && wire.includes(secret)).map(([secret]) => secret);
        equal(leaked, [], `what came over the line of ${name} and was for others`);
        const heard = await people[name].heard();
        for (const [secret, to] of secrets) equal(heard.filter((text) => text === secret).length, Number(to.includes(name)), `how often ${name} hears “${secret}”`);
      }
    },

    async "together.a-moderator-of-one-dialect-switches-off-and-one-of-another-on-for-all"(_, people) {
      for (const [off, on] of [["olga", "mo"], ["mo", "olga"]]) {
        await moderate(people[off], "off");
        await isOff(people);
        await moderate(people[on], "on");
        await isOn(people);
        for (const name of namesOf(people)) await fence(people, name, `${name} may talk again after ${off}`);
      }
    },

    async "together.what-one-moderator-clears-is-gone-for-all"(world, people) {
      for (const [by, late] of [["olga", "first"], ["mo", "second"]]) {
        await fence(people, "uwe", `before ${by} clears`);
        await moderate(people[by], "clear");
        // What was said to her alone is no part of it.
        const left = await until(async () => people.paula.heard().then((texts) => !texts.includes(`before ${by} clears`) && [texts]), "the panel shows it no more");
        equal(left[0].filter((text) => text !== "gina to paula"), [], "what the panel still shows");
        await fence(people, "gina", `after ${by} has cleared`);
        const told = await Promise.all([world.tok(`Late ${late}`), world.vidu(`Late ${late}`), world.native(`late-${late}`)]);
        const texts = async ([tok, vidu, native]) => [await tok.heard(), await vidu.heard(), native.room.joined.history.messages.map(({ parts }) => parts[0].text)];
        const only = [`after ${by} has cleared`];
        await until(async () => (await texts(told)).every(({ length }) => length), "the late ones are told what is stored");
        equal(await texts(told), [only, only, only], "what late ones are told");
      }
    },

    async "together.all-are-told-of-what-moderators-do-at-the-same-place"(_, people) {
      const [before, heardBefore] = await Promise.all([storiesOf(people), heardOf(people, ["vera", "otto"])]);
      const talk = async (name) => {
        // While the chat is off it is refused, in whatever words.
        for (let n = 0; n < 30; n++) await Promise.all([Promise.resolve(people[name].say(`${name} says ${n}`)).catch(() => undefined), pause(20)]);
      };
      const act = async (name, ...deeds) => {
        for (const deed of deeds) await moderate(people[name], deed), await pause(70);
      };
      await Promise.all([...["uwe", "gina", "nina", "vera", "otto"].map(talk), act("olga", "off", "on", "clear", "off", "on"), act("mo", "clear", "on", "off", "on", "on")]);
      await moderate(people.mo, "on");
      await isOn(people);
      await fence(people, "olga", "the end of it");
      const [story, ...others] = after(await storiesOf(people), before);
      for (const deed of ["<off>", "<on>", "<cleared>"]) ok(story.includes(deed), `${deed} is told`, story);
      for (const [at, other] of others.entries()) {
        const place = story.findIndex((line, at) => line !== other[at]);
        equal([place, other.slice(place, place + 5), other.length], [-1, story.slice(place, place + 5), story.length], TOLD[at + 1]);
      }
      const texts = story.filter((line) => !line.startsWith("<"));
      equal(new Set(texts).size, texts.length, "nothing comes twice");
      ok(texts.length > 1, "something was said", texts);
      for (const [at, heard] of after(await heardOf(people, ["vera", "otto"]), heardBefore).entries()) equal(heard, texts, ["vera", "otto"][at]);
    },
  },
};
