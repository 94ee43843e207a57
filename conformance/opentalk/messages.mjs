// Stored messages and their times.
import { ok } from "../openvidu/expect.mjs";

/** The messages of a history, whichever generation. */
export const messagesOf = (history) => history?.messages ?? history ?? [];

/** Nanoseconds, so that microseconds can be compared. */
export function time(text) {
  const [, seconds, fraction = "", zone] = /^(.*?:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  return BigInt(Date.parse(`${seconds}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

export function rises(stamps, what) {
  for (let n = 1; n < stamps.length; n++) ok(time(stamps[n]) > time(stamps[n - 1]), `${what}: strictly rising`, [stamps[n - 1], stamps[n]]);
}
