// Who may do what: people, groups and certificates, and tokens.
import assert from "node:assert/strict";
import { check } from "./cases.mjs";
import { HOSTILE, until } from "./world.mjs";

/** By Tab alone to the element, from where the focus is. */
async function tabTo(page, target, what) {
  for (let steps = 0; steps < 200; ++steps) {
    if (await target.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not lead to ${what}`);
}

check("people and tokens by keyboard alone: an entry is added, changed and removed, a token made, renewed and revoked", async ({ server, person }) => {
  const { page } = person;
  const people = async () => (await server.ask("GET", "/v1/people")).json.people;
  await person.signIn(server.token, "/console/tokens");
  await person.sees("Nobody has a role without a token.");
  const region = page.getByRole("region", { name: "People, groups and certificates without a token" });
  await tabTo(page, region.getByText("New entry"), "a new entry");
  await person.press("Enter");
  await tabTo(page, region.getByLabel("Kind"), "its kind");
  await page.keyboard.type("group");
  await tabTo(page, region.getByLabel("Name"), "its name");
  await page.keyboard.type("fraud");
  await tabTo(page, region.getByLabel("Tags of rules"), "its tags");
  await page.keyboard.type("money, cards");
  await person.press("Enter");
  await person.sees("group:fraud is added. It counts from the next request on.");
  assert.deepEqual(await people(), [{ who: "group:fraud", role: "analyst", tags: ["cards", "money"] }]);
  const row = region.getByRole("row", { name: /^group:fraud analyst/ });
  await row.getByText("cards").waitFor();
  await tabTo(page, row.getByRole("button", { name: "Change group:fraud" }), "its change");
  await person.press("Enter");
  await until(() => region.getByLabel("Role").evaluate((one) => one === document.activeElement), "the focus at the role");
  assert.equal(await region.getByLabel("Tags of rules").inputValue(), "cards, money");
  await page.keyboard.type("reader");
  await tabTo(page, region.getByLabel("Personal data"), "personal data");
  await page.keyboard.type("masked");
  await person.press("Enter");
  await tabTo(page, region.getByRole("button", { name: "Change it" }), "the button");
  await person.press("Enter");
  await person.sees("group:fraud is changed. It counts from the next request on.");
  assert.deepEqual(await people(), [{ who: "group:fraud", role: "reader", tags: ["cards", "money"], pii: false }]);
  await person.inspect("people");
  await tabTo(page, region.getByRole("button", { name: "Remove" }), "its removal");
  await person.press("Enter", "Enter");
  await person.sees("Nobody has a role without a token.");
  assert.deepEqual(await people(), []);

  const tokens = page.getByRole("region", { name: "Who may sign in or send" });
  await page.evaluate(() => document.getElementById("main").focus());
  await tabTo(page, tokens.getByText("New token"), "a new token");
  await person.press("Enter");
  await tabTo(page, tokens.getByLabel("Name"), "its name");
  await page.keyboard.type("till");
  await tabTo(page, tokens.getByLabel("Role"), "its role");
  await page.keyboard.type("producer");
  await tabTo(page, tokens.getByLabel("Ends in"), "its end");
  await page.keyboard.type("90d");
  await tabTo(page, tokens.getByLabel("Types of events"), "its types");
  await page.keyboard.type("payment");
  await person.press("Enter");
  const once = tokens.locator("code.once").first();
  await once.waitFor();
  const first = await once.innerText();
  const may = async (token) => (await fetch(`${server.url}/v1/events`, { method: "POST", headers: { Authorization: `Bearer ${token}` }, body: "" })).status !== 401;
  assert.equal(await may(first), true);
  const till = tokens.getByRole("row", { name: /^till producer/ });
  await till.getByText("payment").waitFor();
  await tabTo(page, till.getByRole("button", { name: "New secret" }), "a new secret");
  await person.press("Enter", "Enter");
  await till.locator("code.once").waitFor();
  const second = await till.locator("code.once").innerText();
  assert.notEqual(second, first);
  assert.equal(await may(second), true);
  await tabTo(page, till.getByRole("button", { name: "Revoke" }), "its end");
  await person.press("Enter", "Enter");
  await until(async () => (await till.count()) === 0, "the token to be gone");
  assert.equal(await may(second), false);
});

check("people and tokens: what is refused is said, and whoever is no admin is told which role it needs", async ({ server, person, enter }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/tokens");
  const region = page.getByRole("region", { name: "People, groups and certificates without a token" });
  await region.getByText("New entry").press("Enter");
  await region.getByLabel("Name").fill("x".repeat(1000));
  person.expected.push(/status of 400/, /status of 409/, /status of 503/);
  await person.press("Enter");
  await region.getByText("who takes person:NAME").waitFor();
  const tokens = page.getByRole("region", { name: "Who may sign in or send" });
  await tokens.getByRole("row", { name: /^admin/ }).getByRole("button", { name: "Revoke" }).press("Enter");
  await person.press("Enter");
  await tokens.getByText("is the last token of an admin").first().waitFor();
  await server.ask("PUT", `/v1/people/${encodeURIComponent("person:<img>")}`, { role: "reader" });
  await page.route("**/v1/people", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ title: "Not now", detail: HOSTILE }) }));
  await page.reload();
  await region.getByText("Not now").waitFor();
  await page.unroute("**/v1/people");
  await region.getByRole("button", { name: "Try again" }).press("Enter");
  await region.getByRole("row", { name: /^person:<img>/ }).waitFor();
  const rita = await enter();
  await rita.signIn((await server.ask("POST", "/v1/tokens", { name: "rita", role: "operator" })).json.token, "/console/tokens");
  await rita.sees("Looking at people and tokens needs the role admin.");
  assert.equal(await rita.page.locator("main form").count(), 0);
});
