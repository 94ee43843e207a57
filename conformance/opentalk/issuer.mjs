// An OpenID Connect issuer's public side, as much of it as a chat server and its clients read: the discovery document, the
// keys, and tokens that it signs. Keys are made for the run.
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";

const HOUR_S = 3600;
const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export class Issuer {
  #listener;
  #keys = {
    RS256: { kid: "rsa", ...generateKeyPairSync("rsa", { modulusLength: 2048 }) },
    EdDSA: { kid: "edwards", ...generateKeyPairSync("ed25519") },
  };
  /** Keys that nobody trusts. */
  #strangers = { RS256: { kid: "rsa", ...generateKeyPairSync("rsa", { modulusLength: 2048 }) } };

  static async open() {
    const issuer = new Issuer();
    issuer.#listener = createServer((request, response) => issuer.#answer(request, response));
    await new Promise((resolve) => issuer.#listener.listen(0, "127.0.0.1", resolve));
    issuer.url = `http://127.0.0.1:${issuer.#listener.address().port}`;
    return issuer;
  }

  get keySet() {
    const keys = Object.entries(this.#keys).map(([alg, { kid, publicKey }]) => ({ ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" }));
    return { keys };
  }

  /** The PEM of the RSA key: public, so anybody may try to sign with it as a shared secret. */
  get publicPem() {
    return this.#keys.RS256.publicKey.export({ type: "spki", format: "pem" });
  }

  token(claims, { algorithm = "RS256", stranger = false } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const { kid, privateKey } = (stranger ? this.#strangers : this.#keys)[algorithm];
    const body = `${encode({ alg: algorithm, typ: "JWT", kid })}.${encode({ iss: this.url, iat: now, exp: now + HOUR_S, ...claims })}`;
    return `${body}.${sign(algorithm === "EdDSA" ? null : "RSA-SHA256", Buffer.from(body), privateKey).toString("base64url")}`;
  }

  #answer(request, response) {
    const documents = {
      "/.well-known/openid-configuration": {
        issuer: this.url,
        jwks_uri: `${this.url}/keys`,
        authorization_endpoint: `${this.url}/authorize`,
        token_endpoint: `${this.url}/token`,
        userinfo_endpoint: `${this.url}/userinfo`,
        end_session_endpoint: `${this.url}/end`,
        revocation_endpoint: `${this.url}/revoke`,
      },
      "/keys": this.keySet,
    };
    const document = documents[request.url];
    response.writeHead(document ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(document ?? {}));
  }

  async close() {
    this.#listener.closeAllConnections();
    await new Promise((resolve) => this.#listener.close(resolve));
  }
}
