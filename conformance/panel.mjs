// The panel of our own page, as whoever sits before it: what is seen and typed, in a Playwright page that has one.

/** Waits until it shows who is there. */
export async function shows(page) {
  await page.locator(".panel .count:not([hidden])").first().waitFor();
}

export async function say(page, text) {
  const input = page.locator(".composer textarea");
  await input.fill(text);
  await input.press("Enter");
}

/** What can be read in it now. */
export function heard(page) {
  return page.locator(".message .text").allInnerTexts();
}
