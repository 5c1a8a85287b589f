// Sign-in without a token: at an issuer of OpenID Connect, and by a proxy.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { check } from "./cases.mjs";

const encoded = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** An issuer that signs in whoever comes as `claims`. */
class Issuer {
  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.jwk = { ...publicKey.export({ format: "jwk" }), kid: "k", use: "sig" };
    this.key = privateKey;
    this.claims = {};
    this.server = createServer((request, response) => this.answer(request, response));
  }
  async start() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }
  answer(request, response) {
    const url = new URL(request.url, this.url);
    const json = (value) => response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    if (url.pathname === "/keys") return json({ keys: [this.jwk] });
    if (url.pathname === "/token") {
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: this.url, aud: "tocsin", nonce: this.nonce, iat: now, exp: now + 60, ...this.claims };
      const text = `${encoded({ alg: "ES256", kid: "k" })}.${encoded(claims)}`;
      const signature = sign("sha256", Buffer.from(text), { key: this.key, dsaEncoding: "ieee-p1363" }).toString("base64url");
      return json({ id_token: `${text}.${signature}` });
    }
    if (url.pathname === "/authorize") {
      this.nonce = url.searchParams.get("nonce");
      const back = new URL(url.searchParams.get("redirect_uri"));
      if (this.refusal) back.searchParams.set("error", this.refusal);
      else back.searchParams.set("code", "c");
      back.searchParams.set("state", url.searchParams.get("state"));
      return response.writeHead(302, { Location: back.href }).end();
    }
    return json({ issuer: this.url, authorization_endpoint: `${this.url}/authorize`, token_endpoint: `${this.url}/token`, jwks_uri: `${this.url}/keys` });
  }
}

check("sign-in at an issuer: without a role it says who one is, with one it goes on where one wanted to", async ({ server, person }) => {
  const { page } = person;
  const issuer = new Issuer();
  await issuer.start();
  try {
    await server.end();
    server.more = ["--openid-issuer", issuer.url, "--openid-client", "tocsin", "--openid-server", server.url];
    await server.start();
    issuer.claims = { email: "ada@bank.example", email_verified: true, groups: ["fraud"] };
    await page.goto(`${server.url}/console/rules`);
    const link = page.getByRole("link", { name: "Sign in with your organisation" });
    await link.waitFor();
    await person.inspect("sign-in-issuer");
    person.expected.push(/status of 403/);
    await link.press("Enter");
    await person.sees("person:ada@bank.example has no role here");
    issuer.refusal = "access_denied";
    await link.press("Enter");
    await person.sees("access_denied");
    issuer.refusal = undefined;
    assert.equal((await server.ask("PUT", "/v1/people/group:fraud", { role: "reader" })).status, 201);
    await page.goto(`${server.url}/console/rules`);
    await link.press("Enter");
    await page.waitForURL(/console\/rules$/);
    await person.sees("A small payment");
    await person.sees("ada@bank.example reader");
    await page.reload();
    await person.sees("A small payment");
    await page.getByRole("button", { name: "Sign out" }).press("Enter");
    await link.waitFor();
  } finally {
    issuer.server.close();
    issuer.server.closeAllConnections();
  }
});

check("who is signed in at a proxy sees the console, and is not asked to sign out", async ({ server, person }) => {
  await server.end();
  server.more = ["--people-header", "X-Forwarded-User", "--people-proxies", "127.0.0.1"];
  await server.start();
  await server.ask("PUT", "/v1/people/person:bob", { role: "analyst" });
  await person.context.setExtraHTTPHeaders({ "X-Forwarded-User": "bob" });
  await person.page.goto(`${server.url}/console/alerts?rule=large`);
  await person.sees("900.00 on card c1");
  await person.sees("bob analyst");
  assert.equal(await person.page.getByRole("button", { name: "Sign out" }).count(), 0);
  await person.press("c");
  await person.sees("confirmed");
});
