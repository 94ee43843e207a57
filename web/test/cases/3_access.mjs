// What axe finds, what the keyboard reaches, and what fits.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { equal, ok, until } from "../browser.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function check(page, where) {
  // Evaluated by the debugger, which the page's policy does not bind.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const lines = bad.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
  ok(!bad.length, `axe, ${where}:\n${lines.join("\n")}`);
}

async function fill(browser, room, server, options) {
  const mod = await browser.person(room, { user: "grace", name: "Grace Hopper", role: "moderator", groups: ["staff"] }, options);
  const ada = await browser.person(room, { user: "ada", name: "Ada" });
  await ada.say("Hello **all**, see https://example.org and `code`");
  await ada.say("> quoted\n\n- a list\n\n```\nlet a = 1;\n```");
  await mod.sees("Hello all");
  await mod.choose("Hello all", "Reply");
  await mod.say("A reply for @Ada, at once");
  await mod.choose("Hello all", "Pin");
  await mod.row("Hello all").first().focus();
  await mod.page.keyboard.press("Enter");
  await mod.page.getByRole("menuitem", { name: "React 🎉" }).click();
  await mod.page.locator(".reaction").waitFor();
  await mod.page.locator(".scope-button").click();
  await mod.page.getByRole("menuitemcheckbox", { name: /^Ada/ }).click();
  await mod.page.keyboard.press("Escape");
  await mod.say("a private word");
  await ada.say("to be deleted");
  await ada.choose("to be deleted", "Delete");
  await ada.confirm();
  await mod.page.locator(".tombstone").waitFor();
  return mod;
}

async function tour(context, colorScheme) {
  const { browser, server } = context;
  const mod = await fill(browser, `axe-${colorScheme}`, server, { colorScheme });
  const { page } = mod;
  await check(page, "the list");
  await mod.row("A reply").first().hover();
  await check(page, "a message under the pointer");
  await mod.row("Hello all").first().focus();
  await page.keyboard.press("Enter");
  await check(page, "a message's menu");
  await page.keyboard.press("Escape");
  await page.locator(".head .count").click();
  await check(page, "the people");
  await page.locator(".side [aria-label=Back]").click();
  await page.locator("[aria-label='Room settings']").click();
  await check(page, "the settings");
  await page.locator(".side [aria-label=Back]").click();
  await page.locator("[aria-label=Search]").click();
  await page.locator("input[type=search]").fill("Hello");
  await page.locator(".results li").first().waitFor();
  await check(page, "the search");
  await page.keyboard.press("Escape");
  await page.locator("[aria-label=Emoji]").click();
  await check(page, "the emoji");
}

export const axe_finds_nothing_serious_in_light = (context) => tour(context, "light");
export const axe_finds_nothing_serious_in_dark = (context) => tour(context, "dark");

export async function the_demo_page_passes_axe_too({ browser, server }) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      const page = await (await browser.context({ colorScheme, viewport: { width, height: 800 } })).newPage();
      await page.goto(server.url);
      await page.locator(".panel .count:not([hidden])").first().waitFor({ timeout: 15_000 });
      await check(page, `the demo, ${colorScheme}, ${width}`);
      await page.locator(".tabs [data-view=Code]").click();
      await check(page, `the code, ${colorScheme}, ${width}`);
      ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `no sideways scrolling at ${width}`);
    }
  }
}

export async function the_keyboard_reaches_everything({ browser }) {
  const a = await browser.person("keys", { user: "ada", name: "Ada" });
  for (const text of ["first", "second", "third"]) await a.say(text);
  await a.sees("third");
  const focused = () => a.page.evaluate(() => document.querySelector("sidetalk-chat").shadowRoot.activeElement?.getAttribute("aria-label") ?? "");
  await a.input.focus();
  await a.page.keyboard.press("Escape");
  ok((await focused()).includes("third"), `Escape goes to the newest message: ${await focused()}`);
  await a.page.keyboard.press("ArrowUp");
  await a.page.keyboard.press("Home");
  ok((await focused()).includes("first"), `Home goes to the first: ${await focused()}`);
  await a.page.keyboard.press("Enter");
  equal(await focused(), "React 👍", "the menu has the focus");
  await a.page.keyboard.press("ArrowDown");
  await a.page.keyboard.press("Escape");
  ok((await focused()).includes("first"), "the focus comes back");
  await a.page.locator("[aria-label=Emoji]").press("Enter");
  await a.page.keyboard.press("ArrowRight");
  await a.page.keyboard.press("Tab");
  ok((await focused()).includes("Message everyone"), `Tab closes what is open: ${await focused()}`);
  equal(await a.page.locator(".popover").count(), 0, "what is open");
  await a.page.keyboard.press("Escape");
  await a.page.keyboard.press("r");
  await a.page.locator(".strip", { hasText: "Reply to" }).waitFor();
  ok((await focused()).includes("Message everyone"), "a reply is written at once");
  await a.page.keyboard.press("Escape");
  await a.page.locator(".strip").waitFor({ state: "hidden" });
}

export async function it_fits_320_px_and_runs_from_the_right({ browser }) {
  for (const lang of ["ar", "de", "fr"]) {
    const a = await browser.person(`lang-${lang}`, { user: "ada", name: "عمر", role: "moderator" }, { viewport: { width: 320, height: 560 }, attributes: { lang } });
    await a.say(`A_long_word_without_any_space_that_does_not_fit_into_the_panel_at_all ${lang}`);
    await a.sees("A_long_word");
    const seen = await a.page.evaluate(() => {
      const root = document.querySelector("sidetalk-chat").shadowRoot;
      const wide = [...root.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > innerWidth + 1 || element.getBoundingClientRect().left < -1);
      return { dir: getComputedStyle(root.querySelector(".panel")).direction, wide: wide.map((element) => element.className), words: root.querySelector("textarea").placeholder };
    });
    equal(seen.wide.filter((name) => name !== "hidden"), [], `what sticks out in ${lang}`);
    equal(seen.dir, lang === "ar" ? "rtl" : "ltr", `the direction of ${lang}`);
    equal(seen.words, { ar: "رسالة إلى الجميع", de: "Nachricht an alle", fr: "Message à tout le monde" }[lang], "the words");
  }
}

/** In a busy room what the focus came from is drawn anew, or far out of sight, before a menu is closed. */
export async function the_focus_comes_back_though_its_place_has_changed({ browser, server }) {
  const room = "focus";
  const a = await browser.person(room, { user: "ada", name: "Ada", role: "moderator" });
  const b = await browser.person(room, { user: "bob", name: "Bob" });
  const focused = () => a.page.evaluate(() => document.querySelector("sidetalk-chat").shadowRoot.activeElement?.getAttribute("aria-label") ?? "");
  for (const text of ["one", "two", "three"]) await b.say(text);
  await a.sees("three");
  await a.row("two").first().focus();
  await a.page.keyboard.press("Enter");
  equal(await focused(), "React 👍", "the menu has the focus");
  await b.choose("two", "React 🎉");
  await a.page.locator(".reaction").waitFor();
  await a.page.keyboard.press("Escape");
  ok((await focused()).includes("two"), `a message that has changed: ${await focused()}`);

  await a.page.keyboard.press("Enter");
  await Promise.all(Array.from({ length: 60 }, (_, n) => server.post(room, `more ${n}`)));
  await until(async () => (await a.texts()).filter((text) => /^more/.test(text)).length > 5, "the list has moved on");
  await a.page.keyboard.press("Escape");
  ok((await focused()).includes("two"), `a message out of sight: ${await focused()}`);

  await a.page.locator(".head .count").click();
  await a.page.getByRole("button", { name: /^Actions for .*Bob/ }).focus();
  await a.page.keyboard.press("Enter");
  await browser.person(room, { user: "carol", name: "Carol" });
  await a.page.locator(".people li").nth(2).waitFor();
  await a.page.keyboard.press("Escape");
  ok(/^Actions for .*Bob/.test(await focused()), `somebody in the list of people: ${await focused()}`);
  await a.page.keyboard.press("Escape");

  // A jump takes the focus along, so that what was jumped to is read out and the arrows go on from there.
  await a.page.locator("[aria-label=Search]").click();
  await a.page.locator("input[type=search]").fill("three");
  await a.page.locator(".results button").first().press("Enter");
  await until(async () => (await focused()).includes("three"), "the focus is where the jump went");
  await a.page.locator(".jump").press("Enter");
  await until(async () => (await focused()).includes("more"), "the focus is at the newest message");
}

export async function an_input_method_keeps_its_enter({ browser }) {
  const a = await browser.person("ime", { user: "ada", name: "Ada" });
  await a.input.focus();
  const keyboard = await a.page.context().newCDPSession(a.page);
  await keyboard.send("Input.imeSetComposition", { text: "こん", selectionStart: 2, selectionEnd: 2 });
  await keyboard.send("Input.dispatchKeyEvent", { type: "rawKeyDown", key: "Enter", code: "Enter", windowsVirtualKeyCode: 229 });
  await keyboard.send("Input.insertText", { text: "こん" });
  // Safari says that the composition is over before it tells of the key that ended it.
  await a.input.evaluate((input) => input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true, composed: true })));
  equal(await a.input.inputValue(), "こん", "it was not sent");
  await a.input.press("Enter");
  await a.sees("こん");
}
