// What cases say: the words of the other suite, and two of our own.
import { Different } from "../openvidu/expect.mjs";

export * from "../openvidu/expect.mjs";

/** What the promise is rejected with; a failure if it is not. */
export async function rejection(promise, what) {
  const value = await promise.then((it) => ({ it }), (reason) => ({ reason }));
  if (!("reason" in value)) throw new Different(what, "a failure", value.it ?? "nothing");
  return value.reason;
}

/** A failed REST call: its status, and a body that every SDK can read. */
export function refused(answer, status, what = "the call") {
  const statuses = [status].flat();
  if (!statuses.includes(answer.status)) throw new Different(`${what}: status`, statuses.join(" or "), `${answer.status} ${answer.text}`);
  if (!/^application\/json\b/.test(answer.headers["content-type"] ?? "")) throw new Different(`${what}: type of the body`, "application/json", answer.headers["content-type"] ?? "none");
  if (typeof answer.json?.message !== "string" || answer.json.message === "") throw new Different(`${what}: message in the body`, "a text", answer.text);
}
