// The server dies in the middle of a talk and comes back with the same data.
import { equal, until } from "../browser.mjs";

const ROUNDS = 12;

export async function nothing_is_lost_doubled_or_out_of_order_after_kill_9({ browser, server }) {
  const room = "crash";
  const people = await Promise.all([browser.person(room, { user: "ada", name: "Ada" }), browser.person(room, { user: "bob", name: "Bob" })]);
  const said = [];
  const talk = async (person, from, to) => {
    for (let n = from; n < to; n++) {
      said.push(`${person.user} ${n}`);
      await person.say(`${person.user} ${n}`);
    }
  };
  await Promise.all(people.map((person) => talk(person, 0, ROUNDS)));
  await server.kill();
  await Promise.all(people.map((person) => talk(person, ROUNDS, ROUNDS * 2)));
  for (const person of people) await person.page.locator(".status:not([hidden])").waitFor();
  await server.restart();
  await Promise.all(people.map((person) => talk(person, ROUNDS * 2, ROUNDS * 3)));
  for (const person of people) await until(async () => (await person.page.locator(".pending, .failure").count()) === 0, `${person.name} has sent all`, 40_000);

  const stored = (await server.messages(room)).map((message) => message.parts[0].text);
  equal([...stored].sort(), [...said].sort(), "what is stored, each once");
  for (const person of people) {
    equal(stored.filter((text) => text.startsWith(person.user)), said.filter((text) => text.startsWith(person.user)), `the order in which ${person.name} wrote`);
    const seen = await until(async () => {
      const texts = await allTexts(person);
      return texts.length === stored.length && texts;
    }, `${person.name} sees ${stored.length} messages`);
    equal(seen, stored, `what ${person.name} sees`);
  }
}

/** The list is a window; all that it knows is read by scrolling through it. */
async function allTexts(person) {
  return person.page.evaluate(async () => {
    const root = document.querySelector("sidetalk-chat").shadowRoot;
    const scroller = root.querySelector(".scroller");
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const found = new Map();
    scroller.scrollTop = 0;
    for (;;) {
      await frame();
      for (const row of root.querySelectorAll(".message")) {
        const y = new DOMMatrix(row.style.transform).f;
        found.set(row.dataset.key, { y, text: row.querySelector(".text")?.innerText ?? "" });
      }
      if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2) break;
      scroller.scrollTop += scroller.clientHeight;
    }
    return [...found.values()].sort((a, b) => a.y - b.y).map(({ text }) => text);
  });
}
