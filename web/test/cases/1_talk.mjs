// Two and three people talk.
import { equal, ok, until } from "../browser.mjs";

const ada = { user: "ada", name: "Ada" };
const bob = { user: "bob", name: "Bob" };
const eve = { user: "eve", name: "Eve" };
const mod = { user: "mod", name: "Grace", role: "moderator" };

export async function messages_arrive_in_order_and_are_announced_once({ browser }) {
  const [a, b] = await Promise.all([browser.person("talk", ada), browser.person("talk", bob)]);
  for (const text of ["one", "two", "three"]) await a.say(text);
  await b.sees("three");
  await b.say("four");
  await a.sees("four");
  equal(await a.texts(), ["one", "two", "three", "four"], "what Ada sees");
  equal(await b.texts(), ["one", "two", "three", "four"], "what Bob sees");
  const heard = await until(async () => (await b.announcements()).length >= 3 && b.announcements(), "three announcements");
  equal(heard.map((text) => text.replace(/[\u2068\u2069]/g, "")), ["Ada: one", "Ada: two", "Ada: three"], "what a screen reader says to Bob");
  const late = await browser.person("talk", eve);
  await late.sees("four");
  await late.page.waitForTimeout(400);
  equal(await late.announcements(), [], "what a loaded history says");
}

export async function reply_reaction_edit_delete_and_pin_reach_the_other({ browser }) {
  const [a, b] = await Promise.all([browser.person("acts", { ...ada, role: "moderator" }), browser.person("acts", bob)]);
  await a.say("What is **the** plan?");
  await b.sees("What is the plan?");
  await b.choose("What is the plan?", "Reply");
  await b.say("Lunch first");
  await a.sees("Lunch first");
  equal((await a.row("Lunch first").locator(".quote").innerText()).replace(/\s+/g, " "), "You What is the plan?", "the quote");

  await b.row("What is the plan?").first().focus();
  await b.page.keyboard.press("Enter");
  await b.page.getByRole("menuitem", { name: "React 👍" }).click();
  await a.page.locator(".reaction", { hasText: "👍" }).waitFor();
  await a.page.locator(".reaction", { hasText: "👍" }).click();
  await b.page.locator(".reaction.mine", { hasText: "2" }).waitFor();

  await b.input.focus();
  await b.page.keyboard.press("ArrowUp");
  equal(await b.input.inputValue(), "Lunch first", "arrow up edits the last own message");
  await b.say("Lunch first, then work");
  await a.sees("Lunch first, then work");
  await a.row("then work").locator(".mark", { hasText: "edited" }).waitFor();

  await a.choose("What is the plan?", "Pin");
  for (const { page } of [a, b]) await page.locator(".pins", { hasText: "What is the plan?" }).waitFor();
  await a.choose("What is the plan?", "Unpin");
  await b.page.locator(".pins").waitFor({ state: "hidden" });

  await b.choose("Lunch first", "Delete");
  await b.confirm();
  await a.page.locator(".tombstone").waitFor();
  equal(await a.bubble("Lunch").count(), 0, "the deleted text");
}

/** What was deleted must not live on in the quotes of it, nor what was wrong before it was edited. */
export async function a_quote_says_what_became_of_its_message({ browser, server }) {
  await server.call("POST", "rooms", { name: "quotes" });
  const far = await server.post("quotes", "far away and rude", { sender: { user: "eve", name: "Eve" } });
  for (let n = 0; n < 60; n++) await server.post("quotes", `between ${n}`);
  const [a, b] = await Promise.all([browser.person("quotes", { ...ada, role: "moderator" }), browser.person("quotes", bob)]);
  await b.say("near and rude");
  await a.sees("near and rude");
  await a.choose("near and rude", "Reply");
  await a.say("please not");
  await server.post("quotes", "the same to you", { reply_to: far.id });
  for (const person of [a, b]) await person.row("the same to you").locator(".quote", { hasText: "far away and rude" }).waitFor();
  await b.row("please not").locator(".quote", { hasText: "near and rude" }).waitFor();
  await b.input.press("ArrowUp");
  await b.say("near and polite");
  for (const person of [a, b]) await person.row("please not").locator(".quote", { hasText: "near and polite" }).waitFor();
  await a.choose("near and polite", "Delete");
  await a.confirm();
  await server.call("DELETE", `rooms/quotes/messages/${far.id}`);
  for (const person of [a, b]) {
    for (const text of ["please not", "the same to you"]) await person.row(text).locator(".quote", { hasText: "Message deleted" }).waitFor();
    await person.seesNot("rude");
  }
}

export async function an_edit_that_was_refused_is_not_lost({ browser }) {
  const a = await browser.person("edits", ada);
  await a.say("first thoughts");
  await a.sees("first thoughts");
  await a.page.evaluate(() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (frame) {
      const { id, method } = JSON.parse(frame);
      const refusal = { jsonrpc: "2.0", id, error: { code: -32000, message: "wait", data: { code: "rate_limited" } } };
      if (method === "message.edit") setTimeout(() => this.onmessage({ data: JSON.stringify(refusal) }));
      else send.call(this, frame);
    };
  });
  await a.input.press("ArrowUp");
  await a.say("second thoughts, at length");
  await a.page.locator(".status", { hasText: "Too fast" }).waitFor();
  await a.page.locator(".strip", { hasText: "Edit message" }).waitFor();
  equal(await a.input.inputValue(), "second thoughts, at length", "what was written");
}

export async function a_refusal_is_told_each_time({ browser }) {
  const a = await browser.person("refusals", ada);
  await a.page.evaluate(() => {
    const send = WebSocket.prototype.send;
    globalThis.refuse = "invalid";
    WebSocket.prototype.send = function (frame) {
      const { id, method } = JSON.parse(frame);
      const refusal = { jsonrpc: "2.0", id, error: { code: -32000, message: "no", data: { code: globalThis.refuse } } };
      if (method === "message.post" && globalThis.refuse) setTimeout(() => this.onmessage({ data: JSON.stringify(refusal) }));
      else send.call(this, frame);
    };
  });
  await a.say("no luck");
  await a.page.locator(".failure", { hasText: "Not sent" }).waitFor();
  await a.page.locator(".status", { hasText: "That did not work" }).waitFor();
  await a.page.evaluate(() => (globalThis.refuse = "private_chat_off"));
  const again = () => a.page.locator(".failure").getByRole("button", { name: "Try again" }).click();
  await again();
  await a.page.locator(".status", { hasText: "Private messages are off" }).waitFor();
  await a.page.evaluate(() => (globalThis.refuse = ""));
  await again();
  await a.page.locator(".bubble:not(.pending)", { hasText: "no luck" }).waitFor();
}

export async function a_day_ends_while_the_panel_is_open({ browser, server }) {
  const a = await browser.person("midnight", ada);
  await a.page.clock.install();
  await a.page.reload();
  await a.ready();
  await a.say("late");
  await a.sees("late");
  equal(await a.page.locator(".day").allInnerTexts(), ["Today"], "before midnight");
  await a.page.clock.setSystemTime(Date.now() + 86_400_000);
  await server.post("midnight", "early");
  await a.sees("early");
  await a.page.locator(".day", { hasText: "Yesterday" }).waitFor();
}

export async function a_private_message_stays_between_two({ browser, server }) {
  const [a, b, e] = await Promise.all([ada, bob, eve].map((who) => browser.person("whispers", who)));
  await a.page.locator(".scope-button").click();
  await a.page.getByRole("menuitemcheckbox", { name: /^Bob/ }).click();
  await a.page.keyboard.press("Escape");
  await a.say("only for Bob");
  await b.sees("only for Bob");
  equal(await b.row("only for Bob").locator(".scope").innerText(), "Private with Ada".replace("Ada", "\u2068\u2068Ada\u2069\u2069"), "how it is marked");
  await b.choose("only for Bob", "Reply");
  await b.say("only for Ada");
  await a.sees("only for Ada");
  await b.say("and again");
  await a.sees("and again");
  await a.page.locator(".scope-button").click();
  await a.page.getByRole("menuitemcheckbox", { name: /^Everyone/ }).click();
  await a.say("for all");
  await e.sees("for all");
  for (const text of ["only for Bob", "only for Ada", "and again"]) await e.seesNot(text);
  const again = await browser.person("whispers", eve);
  await again.sees("for all");
  await again.seesNot("only for");
  await again.page.locator("[aria-label=Search]").click();
  await again.page.locator("input[type=search]").fill("only");
  await again.page.locator(".search .count", { hasText: "Nothing found" }).waitFor();
}

const choose = async ({ page }, name) => {
  await page.locator(".scope-button").click();
  await page.getByRole("menuitemcheckbox", { name }).click();
  await page.keyboard.press("Escape");
};

/** Nothing can be sent, by key or button, and the text says why; what was typed and for whom is as before. */
async function stuck({ page, input }, why, text) {
  await page.locator(".limit", { hasText: why }).waitFor();
  equal(await page.evaluate(() => document.querySelector("sidetalk-chat").shadowRoot.activeElement?.localName), "textarea", "the focus");
  await input.press("Enter");
  equal(await page.locator(".send").getAttribute("aria-disabled"), "true", "the button");
  await page.locator(".send").click({ force: true });
  await input.focus();
  equal(await input.inputValue(), text, "what was typed");
  ok((await page.locator(".scope-button").innerText()).includes("Bob"), "the readers are as they were");
}

export async function a_private_audience_never_becomes_the_room_by_itself({ browser, server }) {
  const [a, b] = [await browser.person("alone", ada), await browser.person("alone", bob)];
  await choose(a, /^Bob/);
  await a.input.fill("the password is");
  await b.page.context().setOffline(true);
  await b.page.goto("about:blank").catch(() => undefined);
  await b.page.close();
  await a.page.locator(".count", { hasText: "1 person" }).waitFor();
  await a.input.pressSequentially(" 1234");
  await stuck(a, "Not in the room now", "the password is 1234");
  const again = await browser.person("alone", bob);
  await until(async () => !(await a.page.locator(".limit").innerText()), "he is back");
  await server.call("PATCH", "rooms/alone", { private_chat: "off" });
  await stuck(a, "Private messages are off", "the password is 1234");
  await server.call("PATCH", "rooms/alone", { private_chat: "with_moderators" });
  await stuck(a, "only with moderators", "the password is 1234");
  await server.call("PATCH", "rooms/alone", { private_chat: "off" });
  await a.page.locator(".limit", { hasText: "are off" }).waitFor();
  await choose(a, /^Everyone/);
  equal(await a.input.inputValue(), "", "nothing of it goes along to everyone");
  await a.say("for all");
  await again.sees("for all");
  await server.call("PATCH", "rooms/alone", { private_chat: "everyone" });
  await choose(a, /^Bob/);
  await a.input.press("Enter");
  await again.sees("the password is 1234");
  equal((await server.messages("alone")).map(({ audience }) => audience.type), ["room", "users"], "who could read what");
}

export async function what_was_carried_to_a_private_audience_is_no_draft_for_everyone({ browser }) {
  const [a] = [await browser.person("carried", ada), await browser.person("carried", bob)];
  await a.input.fill("between you and me");
  await choose(a, /^Bob/);
  equal(await a.input.inputValue(), "between you and me", "it goes along");
  equal(await a.page.evaluate(() => Object.entries(sessionStorage).filter(([key]) => key.endsWith(" room")).map(([, text]) => text)), [], "what is kept for everyone");
  await a.input.press("Enter");
  await a.sees("between you and me");
  await choose(a, /^Everyone/);
  equal(await a.input.inputValue(), "", "what stands there for everyone");
  equal(await a.page.evaluate(() => Object.values(sessionStorage)), [], "what is kept");
  // A draft that waits there keeps its place, and so does what was typed here.
  await a.input.fill("public");
  await choose(a, /^Bob/);
  await a.input.fill("private");
  await choose(a, /^Everyone/);
  await a.input.fill("public again");
  await choose(a, /^Bob/);
  equal(await a.input.inputValue(), "private", "the draft for Bob");
  await choose(a, /^Everyone/);
  equal(await a.input.inputValue(), "public again", "the draft for everyone");
}

export async function a_group_message_stays_in_the_group({ browser }) {
  const [a, b, e] = await Promise.all([browser.person("groups", { ...ada, groups: ["staff"] }), browser.person("groups", { ...bob, groups: ["staff"] }), browser.person("groups", eve)]);
  await a.page.locator(".scope-button").click();
  await a.page.getByRole("menuitemcheckbox", { name: /staff/ }).click();
  await a.say("for the staff");
  await b.sees("for the staff");
  ok((await b.row("for the staff").locator(".scope").innerText()).includes("staff"), "the group is named");
  await b.say("for all");
  await e.sees("for all");
  await e.seesNot("for the staff");
}

export async function typing_is_shown_and_ends({ browser }) {
  const [a, b] = await Promise.all([browser.person("typing", ada), browser.person("typing", bob)]);
  await a.input.pressSequentially("hel");
  await b.page.locator(".typing", { hasText: "is typing" }).waitFor();
  ok((await b.page.locator(".typing").innerText()).includes("Ada"), "the name is there");
  await a.input.press("Enter");
  await b.sees("hel");
  await until(async () => !(await b.page.locator(".typing").innerText()), "the line goes away");
}

export async function mentions_are_completed_and_marked({ browser }) {
  const [a, b] = await Promise.all([browser.person("mentions", ada), browser.person("mentions", bob)]);
  await a.page.locator(".count", { hasText: "2 people" }).waitFor();
  await a.input.pressSequentially("hi @b");
  await a.page.getByRole("option", { name: "Bob" }).waitFor();
  await a.page.keyboard.press("Enter");
  equal(await a.input.inputValue(), "hi @Bob ", "what was completed");
  await a.input.press("Enter");
  await b.page.locator(".own-mention", { hasText: "@Bob" }).waitFor();
}

export async function a_moderator_mutes_and_turns_the_chat_off({ browser, server }) {
  const [m, a] = await Promise.all([browser.person("order", mod), browser.person("order", ada)]);
  await m.page.locator(".count", { hasText: "2 people" }).waitFor();
  await m.page.locator(".head .count").click();
  const menu = async (label) => {
    await m.page.getByRole("button", { name: /^Actions for .*Ada/ }).click();
    await m.page.getByRole("menuitem", { name: label, exact: true }).click();
  };
  await menu("Mute");
  await a.page.locator(".silence", { hasText: "muted you" }).waitFor();
  ok(!(await a.input.isVisible()), "the muted have no field");
  await m.page.locator(".badge", { hasText: "muted" }).waitFor();
  await menu("Unmute");
  await a.input.waitFor();
  await m.page.locator(".side [aria-label=Back]").click();

  await m.page.locator("[aria-label='Room settings']").click();
  await m.page.locator("[role=switch]").click();
  await a.page.locator(".silence", { hasText: "turned the chat off" }).waitFor();
  // The server refuses moderators too.
  await m.page.locator(".silence", { hasText: "turned the chat off" }).waitFor();
  ok(!(await m.input.isVisible()), "moderators have no field either");
  await m.page.locator("[role=switch]").click();
  await a.input.waitFor();
  const slow = m.page.locator(".setting select").first();
  for (const pause of await slow.locator("option").evaluateAll((options) => options.map(({ value }) => value))) {
    if (pause === "0") continue;
    await slow.selectOption(pause);
    await until(async () => String((await server.call("GET", "rooms/order")).room.settings.slow_mode_s) === pause, `the server takes ${pause} s`, 3000);
  }
  await slow.selectOption("10");
  await m.page.locator(".side [aria-label=Back]").click();
  await a.say("slowly");
  await m.sees("slowly");
  await a.page.locator(".send.waits").waitFor();
  ok(/^Wait \d+ s$/.test(await a.page.locator(".send").getAttribute("aria-label")), "the button counts down");
}

export async function a_timed_mute_ends_by_itself({ browser, server }) {
  const [m, a] = await Promise.all([browser.person("timed", mod), browser.person("timed", ada)]);
  await m.page.locator(".count", { hasText: "2 people" }).waitFor();
  await m.page.locator(".head .count").click();
  await server.call("POST", "rooms/timed/members/ada/mute", { duration_s: 4 });
  await a.page.locator(".silence", { hasText: "muted you until" }).waitFor();
  const badge = m.page.locator(".badge", { hasText: "muted" });
  await badge.waitFor();
  await a.input.waitFor({ timeout: 6000 });
  await badge.waitFor({ state: "detached" });
  await m.page.getByRole("button", { name: /^Actions for .*Ada/ }).click();
  await m.page.getByRole("menuitem", { name: "Mute", exact: true }).waitFor();
  await a.say("here I am again");
  await m.sees("here I am again");
  // Who comes while it lasts is let go in time too.
  await server.call("POST", "rooms/timed/members/ada/mute", { duration_s: 5 });
  const late = await browser.person("timed", ada);
  await late.page.locator(".silence", { hasText: "muted you until" }).waitFor();
  await late.input.waitFor({ timeout: 7000 });
}

export async function try_now_tries_now({ browser, server }) {
  const a = await browser.person("now", ada);
  await a.page.evaluate(() => {
    const Native = WebSocket;
    globalThis.cut = true;
    globalThis.WebSocket = class extends Native {
      constructor(...args) {
        super(...args);
        if (globalThis.cut) this.close();
      }
    };
  });
  await server.kill();
  await server.restart();
  await a.page.locator(".status", { hasText: /Next try in \D?[4-9]/ }).waitFor({ timeout: 20_000 });
  const now = a.page.getByRole("button", { name: "Try now" });
  await now.focus();
  await a.page.waitForTimeout(1100);
  ok(await now.evaluate((button) => button.getRootNode().activeElement === button), "the button keeps the focus while the seconds count down");
  await a.page.evaluate(() => (globalThis.cut = false));
  await a.page.keyboard.press("Enter");
  await a.page.locator(".status", { hasText: "Connected again" }).waitFor({ timeout: 1500 });
}

export async function copying_works_without_https_or_says_that_it_does_not({ browser }) {
  const a = await browser.person("copy", ada);
  await a.say("take **this**");
  await a.page.evaluate(() => {
    Object.defineProperty(navigator, "clipboard", { value: undefined });
    globalThis.addEventListener("copy", (event) => (globalThis.copied = event.clipboardData.getData("text/plain")));
  });
  await a.choose("take this", "Copy text");
  await a.page.locator(".status", { hasText: "Copied" }).waitFor();
  equal(await a.page.evaluate(() => globalThis.copied), "take **this**", "what was copied");
  await a.page.evaluate(() => (document.execCommand = () => false));
  await a.choose("take this", "Copy text");
  await a.page.locator(".status", { hasText: "That did not work" }).waitFor();
  await a.page.evaluate(() => Object.defineProperty(Navigator.prototype, "clipboard", { get: () => ({ writeText: () => Promise.reject(new DOMException("no", "NotAllowedError")) }) }));
  await a.choose("take this", "Copy text");
  await a.page.locator(".status", { hasText: "That did not work" }).waitFor();
}

export async function drafts_stay_and_failed_messages_can_be_sent_again({ browser, server }) {
  const a = await browser.person("drafts", ada);
  await a.input.fill("not yet");
  await a.page.reload();
  await a.ready();
  equal(await a.input.inputValue(), "not yet", "the draft after a reload");
  // Somebody else at the same machine has no part in it.
  const as = (token) => a.page.evaluate((token) => document.querySelector("sidetalk-chat").setAttribute("token", token), token);
  for (const [user, draft] of [["bob", ""], ["ada", "not yet"]]) {
    await as(server.token({ sub: user, name: user }));
    await a.page.locator(".composer:not([inert])").waitFor();
    await a.page.waitForTimeout(300);
    equal(await a.input.inputValue(), draft, `the draft of ${user}`);
  }
  await a.page.context().setOffline(true);
  await a.input.fill("");
  await a.say("sent while offline");
  await a.page.locator(".pending", { hasText: "sent while offline" }).waitFor();
  await a.page.context().setOffline(false);
  await until(async () => (await a.page.locator(".pending").count()) === 0, "it goes out", 20_000);
}

export async function who_is_removed_sees_why_and_does_not_come_back({ browser }) {
  const [m, a] = await Promise.all([browser.person("kick", mod), browser.person("kick", ada)]);
  await a.say("hello");
  await m.sees("hello");
  await m.page.locator(".head .count").click();
  await m.page.getByRole("button", { name: /^Actions for .*Ada/ }).click();
  await m.page.getByRole("menuitem", { name: "Remove from room" }).click();
  await a.page.locator(".status", { hasText: "removed you from this room" }).waitFor();
  await m.page.locator(".people li").nth(1).waitFor({ state: "detached" });
  await a.page.waitForTimeout(1500);
  equal(await m.page.locator(".people li").count(), 1, "who is there later");
}
