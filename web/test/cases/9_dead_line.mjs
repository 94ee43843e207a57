// Lines that go dead without a word: nobody closes anything, so nobody is told. It must be noticed.
import { equal, ok, until } from "../browser.mjs";
import { Line } from "../line.mjs";
import { lesson } from "../opentok.mjs";

/** Nothing is heard for 10 s, a question stays unanswered for 10 s. */
const NOTICED_MS = 24_000;
const BACK_MS = 25_000;

async function overLines(world, count, run) {
  const lines = await Promise.all(Array.from({ length: count }, () => Line.to(world.server.url)));
  try {
    await run(lines);
  } finally {
    await Promise.all(lines.map((line) => line.close()));
  }
}

const signals = (person) => person.heard().then((all) => all.map(([, data]) => data));
const isAway = (person) => person.heard("story").then((story) => story.includes("sessionReconnecting"));

export async function a_page_notices_that_its_line_is_dead_and_misses_nothing(world) {
  await overLines(world, 2, async ([healing, forgotten]) => {
    const { tabs } = await lesson(world, [{ line: healing }, { line: forgotten }, {}]);
    const [ada, bob, carol] = tabs;
    const said = [];
    const say = (...texts) => (said.push(...texts), carol.run((texts) => Promise.all(texts.map((data, at) => send({ type: at % 2 ? "msg" : "x", data }))), texts));
    await say("before");
    for (const person of tabs) await person.hears(1);

    healing.die();
    forgotten.silence();
    const started = Date.now();
    await say("one", "two", "three", "four");
    // Into the dead line, of which the page does not know yet.
    for (const [person, name] of [[ada, "Ada"], [bob, "Bob"]]) await person.run((data) => void (window.end = send({ type: "x", data })), `from ${name}`);
    for (const person of [ada, bob]) await until(() => isAway(person), "it is noticed", NOTICED_MS);
    const tookMs = Date.now() - started;
    ok(tookMs < NOTICED_MS, `noticed after ${tookMs} ms`);
    await say("five", "six");
    await bob.story("sessionReconnecting", "sessionReconnected");
    // Only now: what is opened meanwhile gets stuck too.
    equal(await ada.heard("story"), ["sessionReconnecting"], "while the line is dead");
    healing.heal();
    await until(async () => (await ada.heard("story")).length > 1, "Ada is back", BACK_MS);
    await say("seven");

    for (const [person, name] of [[ada, "Ada"], [bob, "Bob"]]) {
      await person.story("sessionReconnecting", "sessionReconnected");
      equal(await person.run("session.connection.connectionId"), person.id, `the connection of ${name}`);
      equal(await person.run("end"), "sent", `what ${name} said into the dead line`);
      equal(await person.run("send({ type: 'x', data: 'the last' })"), "sent", "afterwards");
    }
    for (const person of tabs) {
      const heard = await person.hears(said.length + 4, "everything");
      const ofCarol = heard.filter(([, , from]) => from === carol.id).map(([, data]) => data);
      equal(ofCarol, said, "what Carol said, once and in order");
      for (const [other, name] of [[ada, "Ada"], [bob, "Bob"]]) {
        equal(heard.filter(([, , from]) => from === other.id).map(([, data]) => data), [`from ${name}`, "the last"], `what ${name} said, once`);
      }
    }
    equal(await carol.heard("story"), [], "nobody went, in Carol's eyes");
    equal((await signals(carol)).length, said.length + 4, "Carol hears nothing twice");
  });
}
