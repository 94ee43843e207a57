// Tokens by hand: what no SDK makes, or no longer.
import { createHmac, createSign, generateKeyPairSync } from "node:crypto";

const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export const seconds = () => Math.floor(Date.now() / 1000);

/** An application of the Vonage kind. */
export function keyPair() {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

/** A JWT: `key` is a secret for HS256, a private key for RS256, nothing for `none`. */
export function jwt(claims, key, { alg = "HS256", ...header } = {}) {
  const body = `${base64url({ alg, typ: "JWT", ...header })}.${base64url(claims)}`;
  const signatures = {
    HS256: () => createHmac("sha256", key).update(body).digest("base64url"),
    RS256: () => createSign("sha256").update(body).sign(key, "base64url"),
    none: () => "",
  };
  return `${body}.${signatures[alg]()}`;
}

/** The same token with other claims under the old signature. */
export function forged(token, change) {
  const [head, body, signature] = token.split(".");
  return [head, base64url({ ...JSON.parse(Buffer.from(body, "base64url")), ...change }), signature].join(".");
}

/** The same token with one bit of its signature turned. */
export function bent(token) {
  const parts = token.split(".");
  const signature = Buffer.from(parts[2], "base64url");
  signature[0] ^= 1;
  return [parts[0], parts[1], signature.toString("base64url")].join(".");
}

export function t1(fields, key, secret) {
  const payload = new URLSearchParams(fields).toString();
  const signature = createHmac("sha1", secret).update(payload).digest("hex");
  return `T1==${Buffer.from(`partner_id=${key}&sig=${signature}:${payload}`).toString("base64")}`;
}

/** The fields of a session id. */
export function fieldsOf(session) {
  return Buffer.from(session.slice(2), "base64url").toString("utf8").split("~");
}

/** A session id of the right form that no server gave. */
export function strangeSession(project) {
  return `1_${base64url(`1~${project}~~${Date.now()}~${"Ab3".repeat(8)}~`)}`;
}
