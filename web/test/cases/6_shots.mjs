// Pictures of the demo for people to look at, in web/test/shots.
import { mkdir } from "node:fs/promises";
import { ok, until } from "../browser.mjs";

const folder = new URL("../shots/", import.meta.url).pathname;

export async function a_newcomer_gets_a_room_and_a_second_person_joins({ browser, server }) {
  await mkdir(folder, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    const page = await (await browser.context({ colorScheme, viewport: { width: 1280, height: 800 } })).newPage();
    await page.goto(server.url);
    await page.locator(".invitation").waitFor({ timeout: 15_000 });
    ok(/#\/r\/[\w-]+/.test(page.url()), `the room is in the address: ${page.url()}`);
    await page.screenshot({ path: `${folder}alone-${colorScheme}-1280.png` });
    const phone = await (await browser.context({ colorScheme, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 })).newPage();
    await phone.goto(page.url());
    await page.locator(".count", { hasText: "2 people" }).waitFor();
    const say = async (who, text) => {
      await who.locator("textarea").first().fill(text);
      await who.locator(".send").first().click();
    };
    await say(page, "Good morning! The numbers of *last week* are in:\n\n- p99 went from 31 ms to **12 ms**\n- nothing was lost");
    await say(phone, "That is wonderful 🎉");
    await say(phone, "How did you do it? https://example.org/notes");
    await page.locator(".bubble", { hasText: "How did you" }).waitFor();
    await page.locator(".message", { hasText: "wonderful" }).last().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "React ❤️" }).click();
    await page.locator(".message", { hasText: "How did you" }).last().focus();
    await page.keyboard.press("r");
    await say(page, "One write to the disk for all rooms that have something to say");
    await phone.locator(".bubble", { hasText: "One write" }).waitFor();
    await page.locator("textarea").first().blur();
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${folder}talk-${colorScheme}-1280.png` });
    await phone.screenshot({ path: `${folder}talk-${colorScheme}-390.png` });
    await page.locator(".tabs [data-view=Code]").click();
    await page.screenshot({ path: `${folder}code-${colorScheme}-1280.png` });
  }
  return folder;
}

export async function the_page_says_calmly_that_the_demo_is_off({ browser, server }) {
  for (const [colorScheme, width] of [["light", 1280], ["dark", 390]]) {
    const context = await browser.context({ colorScheme, viewport: { width, height: 800 } });
    await context.route("**/demo/session", (route) => route.fulfill({ status: 404, body: "" }));
    const page = await context.newPage();
    await page.goto(server.url);
    await page.getByText("sidetalk dev").waitFor();
    ok(await page.getByRole("link", { name: "Read the documents" }).isVisible(), "it links to the documents");
    await page.screenshot({ path: `${folder}off-${colorScheme}-${width}.png` });
  }
}

export async function a_new_name_is_seen_by_the_other({ browser, server }) {
  const page = await (await browser.context({ viewport: { width: 1280, height: 800 } })).newPage();
  await page.goto(server.url);
  await page.locator(".invitation").waitFor();
  const other = await (await browser.context({ viewport: { width: 1280, height: 800 } })).newPage();
  await other.goto(page.url());
  await page.locator(".tile figcaption").nth(1).waitFor();
  await page.locator("[aria-label='Room settings']").waitFor();
  await page.reload();
  // Who opened the room still moderates it after a reload.
  await page.locator("[aria-label='Room settings']").waitFor();
  await page.locator(".me button").click();
  await page.locator(".me input").fill("Ada Lovelace");
  await page.keyboard.press("Enter");
  await other.locator(".tile", { hasText: "Ada Lovelace" }).waitFor();
  ok((await other.locator(".tile figure, figure.tile").count()) === 2, "nobody is there twice");
}

export async function a_name_that_cannot_be_changed_now_is_not_lost({ browser, server }) {
  const context = await browser.context({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(server.url);
  await page.locator(".invitation").waitFor();
  const name = page.locator(".me input");
  await page.locator(".me button").click();
  await name.fill("あだ");
  // The key that ends a composition is not the one that ends the field.
  await name.evaluate((input) => input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true })));
  ok(await name.isVisible(), "the field stays");
  await context.route("**/demo/session", (route) => route.abort());
  await page.keyboard.press("Enter");
  await until(() => name.evaluate((input) => /cannot be reached/.test(input.validationMessage)).catch(() => false), "it says why");
  ok((await name.inputValue()) === "あだ", "what was typed is there");
  await context.unroute("**/demo/session");
  let asked = 0;
  page.on("request", (request) => (asked += /demo\/session$/.test(request.url())));
  await page.keyboard.press("Enter");
  await page.locator(".tile", { hasText: "あだ" }).waitFor();
  ok(await page.locator(".me button").evaluate((button) => button === document.activeElement), "the focus is where it was");
  ok(asked === 1, `asked ${asked} times`);
}

/** What people see when something is in the way of writing. */
export async function what_is_in_the_way_is_said({ browser, server }) {
  await mkdir(folder, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, lang] of [[1280, "en"], [390, "en"], [390, "ar"], [390, "de"]]) {
      const room = `way-${colorScheme}-${width}-${lang}`;
      const mod = await browser.person(room, { user: "grace", name: "Grace", role: "moderator" }, { colorScheme, viewport: { width, height: 700 }, attributes: { lang } });
      const { page } = mod;
      const shot = (name) => page.screenshot({ path: `${folder}${name}-${lang}-${colorScheme}-${width}.png` });
      const ada = await browser.person(room, { user: "ada", name: "Ada Lovelace" });
      await ada.say("Are you there?");
      await mod.sees("Are you there?");
      await page.locator(".scope-button").click();
      await page.locator("[role=menuitemcheckbox]", { hasText: "Ada" }).click();
      await page.keyboard.press("Escape");
      await mod.input.fill("Only for you: the numbers are good");
      await ada.page.close();
      await page.locator(".limit.bad", { hasText: "Ada" }).waitFor();
      await shot("away");
      await page.locator(".head .icon-button").last().click();
      await page.locator(".setting select").first().selectOption("120");
      await page.locator("[role=switch]").click();
      await shot("settings");
      await page.locator(".side .head button").click();
      await page.locator(".silence:not([hidden])").waitFor();
      ok(await page.locator(".limit").isHidden(), "one reason is enough");
      await shot("chat-off");
      await page.context().close();
    }
  }
  const line = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) line.push([colorScheme, width, (await browser.person("way-line", { user: `u${line.length}`, name: "Ada" }, { colorScheme, viewport: { width, height: 700 } })).page]);
  }
  await server.kill();
  for (const [colorScheme, width, page] of line) {
    await page.getByRole("button", { name: "Try now" }).waitFor();
    await page.screenshot({ path: `${folder}offline-${colorScheme}-${width}.png` });
  }
  await server.restart();
  for (const [colorScheme, width, page] of line) {
    await page.locator(".status", { hasText: "Connected again" }).waitFor({ timeout: 20_000 });
    if (width === 390) await page.screenshot({ path: `${folder}online-${colorScheme}-${width}.png` });
  }
}
