// One alert on a page of its own: the queue's keys, why it was raised, and what was around it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { check } from "./cases.mjs";
import { MORE_RULES, enterAt, until } from "./world.mjs";

check("one alert by keys alone: on through the queue, triage with a reason, undo, silence, and back", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/alerts?status=open&rule=large");
  await page.locator("[role=option]").nth(3).waitFor();
  const ids = (await page.locator("[role=option]").evaluateAll((rows) => rows.map((row) => row.id))).map((id) => id.slice(4));
  const at = (place) => page.waitForURL(`${server.url}/console/alerts/${ids[place]}`);
  const found = page.getByRole("region", { name: "What was found" });
  const stateOf = async (place) => (await server.ask("GET", `/v1/alerts/${ids[place]}/triage`)).json;
  await person.press("j", "o");
  await at(1);
  await found.getByText("500.00 on card c2").waitFor();
  await person.sees("2 of 4");
  await person.press("c");
  await person.sees("1 alert confirmed.");
  await found.locator(".state.confirmed").waitFor();
  await page.getByRole("region", { name: "History" }).getByText("confirm: open to confirmed").waitFor();
  assert.equal((await stateOf(1)).state, "confirmed");
  await at(1); // it stays what one looks at
  await person.inspect("alert-triage");
  // The next one: dismissed, with a reason by its number; then one back by the undo of another.
  await person.press("j");
  await at(2);
  await found.getByText("12345678901234.50 on card c1").waitFor();
  await person.press("d");
  await page.getByRole("dialog").getByText("the data was wrong").waitFor();
  await person.press("5");
  await person.sees("1 alert dismissed.");
  await page.getByRole("region", { name: "History" }).getByText("the data was wrong").waitFor();
  assert.equal((await stateOf(2)).history.at(-1).comment, "the data was wrong");
  await person.press("j");
  await at(3);
  await person.press("j");
  await person.sees("It is the last alert of the queue.");
  await person.press("z");
  await at(2);
  await person.sees("Undone: 1 alert.");
  await found.locator(".state.open").waitFor();
  assert.equal((await stateOf(2)).state, "open");
  // The next of the key, from one of c1 to the other; taken, closed, and that undone.
  await person.press("n");
  await at(3);
  await found.getByText("900.00 on card c1").waitFor();
  await person.press("a");
  await person.sees("1 alert assigned.");
  await found.getByText("admin").waitFor();
  await person.press("e");
  await person.sees("1 alert closed.");
  await page.getByRole("button", { name: "Undo: 1 alert closed" }).press("Enter");
  await found.locator(".state.assigned").waitFor();
  assert.deepEqual([(await stateOf(3)).state, (await stateOf(3)).assignee], ["assigned", "admin"]);
  await person.press("s");
  await page.getByRole("heading", { name: /Silence alerts like 900.00 on card c1/ }).waitFor();
  await person.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  // A key that is typed is a letter, and no action.
  await page.getByLabel("Comment").press("c");
  assert.equal(await page.getByLabel("Comment").inputValue(), "c");
  await page.getByLabel("Comment").blur();
  await person.press("k", "k");
  await at(1);
  await person.press("Escape");
  await page.waitForURL(/alerts\?status=open&rule=large$/);
  await page.locator(`#row-${ids[1]}.current`, { hasText: "confirmed" }).waitFor();
  assert.deepEqual([(await stateOf(0)).version, (await stateOf(1)).state], [0, "confirmed"]);
});

check("one alert of its own URL has no next one; a colleague's change is not overwritten; a reader changes nothing", async ({ server, person }) => {
  const { page } = person;
  const [{ alert }] = await server.alerts("rule=large&key=card%3Dc2");
  await person.signIn(server.token, `/console/alerts/${alert.id}`);
  const found = page.getByRole("region", { name: "What was found" });
  await found.getByText("500.00 on card c2").waitFor();
  await person.press("j");
  await person.sees("It was not opened from the queue");
  person.expected.push(/status of 412/);
  await server.ask("POST", `/v1/alerts/${alert.id}/triage`, { action: "dismiss", comment: "a test" });
  await person.press("c");
  await person.sees("1 alert not: admin dismissed it meanwhile.");
  await found.locator(".state.dismissed").waitFor();
  assert.equal((await server.ask("GET", `/v1/alerts/${alert.id}/triage`)).json.state, "dismissed");
  await found.getByRole("button", { name: "Reopen" }).press("Enter");
  await found.locator(".state.open").waitFor();
  await page.getByLabel("Comment").fill("called the customer");
  await found.getByRole("button", { name: "Confirm" }).press("Enter");
  await page.getByRole("region", { name: "History" }).getByText("called the customer").waitFor();
  await page.getByRole("button", { name: "Sign out" }).press("Enter");
  await page.getByLabel("Token").waitFor();
  const { token } = (await server.ask("POST", "/v1/tokens", { name: "rita", role: "reader" })).json;
  await person.signIn(token, `/console/alerts/${alert.id}`);
  await found.getByText("Triage needs the role analyst.").waitFor();
  await person.press("e");
  await page.getByRole("status").getByText("Triage needs the role analyst.").waitFor();
  await person.press("s");
  await person.sees("Silencing needs the role analyst.");
  assert.equal((await server.ask("GET", `/v1/alerts/${alert.id}/triage`)).json.state, "confirmed");
});

check("why an alert was raised: conditions with their values, by the rule of that time; the key's other events; features", async ({ server, person }) => {
  const { page } = person;
  await server.send([[10, "c7", "1.25"], [20, "c7", "70.00"], [30, "c7", "2.50"], [40, "c7", "900.00"], [100, "c7", "30.00"]]);
  const [{ alert }] = await server.alerts("rule=burst");
  await person.signIn(server.token, `/console/alerts/${alert.id}`);
  const why = page.getByRole("region", { name: "Why it was raised" });
  await why.getByRole("row", { name: /^small .* p10 .* amount < 5 amount was 1.25/ }).waitFor();
  await why.getByRole("row", { name: /^big .* p40 .* amount > 500 amount was 900.00/ }).waitFor();
  assert.equal(await why.getByText("The rule has changed since").count(), 0);
  await why.getByText("What the rule says").press("Enter");
  await why.getByRole("heading", { name: "What has to happen, in this order" }).waitFor();
  await why.getByRole("listitem").filter({ hasText: /^2 or more `payment` events, called `small`, each one where `amount` is less than 5/ }).first().waitFor();
  await page.getByRole("button", { name: "Read them from the archive" }).press("Enter");
  const around = page.getByRole("region", { name: "Events of the key around it" });
  await around.getByRole("row", { name: /^small .* payment p10/ }).waitFor();
  await around.getByText("4 events within 30 s, 3 of them taken").waitFor();
  await around.getByRole("row", { name: /payment p20 .*`amount < 5` is not true: amount is 70.00/ }).waitFor();
  assert.equal(await around.getByRole("row", { name: /p100/ }).count(), 0);
  await around.getByRole("definition").filter({ hasText: /^973\.75$/ }).waitFor(); // the feature, then
  await person.inspect("alert-why");
  const until_ = around.getByLabel("Events up to");
  await until_.focus();
  await person.press("ArrowDown");
  await around.getByRole("row", { name: /payment p100/ }).waitFor();
  await around.getByText("5 events within 1 min, 3 of them taken").waitFor();
  assert.equal(await until_.evaluate((one) => one === document.activeElement), true);
  // The rule is changed, and then gone: what is shown is what it said then.
  const pack = await server.ask("GET", "/v1/pack");
  const put = async (rules) => {
    const now = await server.ask("GET", "/v1/pack");
    const put = await server.ask("PUT", "/v1/pack", { files: { "rules.tocsin": rules } }, "application/json", { "If-Match": now.headers.get("ETag") });
    assert.equal(put.status, 200, put.text);
  };
  const whole = pack.json.files["rules.tocsin"];
  await put(whole.replace("amount < 5 then payment as big", "amount < 9 then payment as big"));
  await page.reload();
  await why.getByText("The rule has changed since: the conditions are those of version 1").waitFor();
  await why.getByRole("row", { name: /^small .* p10 .* amount < 5 amount was 1.25/ }).waitFor();
  await why.getByRole("link", { name: "What was changed up to version 2" }).press("Enter");
  await person.sees("The rule burst is changed.");
  await put(whole.replace(/rule burst[^]*?\n}\ntest burst[^]*?\n}\n/, ""));
  await page.goto(`${server.url}/console/alerts/${alert.id}`);
  await why.getByRole("row", { name: /^small .* p10 .* amount < 5 amount was 1.25/ }).waitFor();
}, { rules: MORE_RULES });

check("why an alert was raised: the archive has what the alert does not: features, earlier steps, what a list held; without one the page says so", async ({ server, person }) => {
  const { page } = person;
  await server.send([[10, "c7", "1.25"], [20, "c7", "70.00"], [30, "c7", "2.50"], [40, "c7", "900.00"]]);
  const [{ alert }] = await server.alerts("rule=burst");
  await person.signIn(server.token, `/console/alerts/${alert.id}`);
  const why = page.getByRole("region", { name: "Why it was raised" });
  await why.getByRole("row", { name: /^big .* p40 .* amount > 20 \* avg\(small.amount\) amount was 900.00/ }).waitFor();
  const read = why.getByRole("button", { name: "Read the values of that time from the archive" });
  await page.route("**/explanation", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: '{"status":503,"title":"Not now","detail":"a trace is running"}' }), { times: 1 });
  person.expected.push(/status of 503/);
  await read.press("Enter");
  await why.getByText("a trace is running").waitFor();
  await why.getByRole("row", { name: /^small .* p10 .* amount < 5 amount was 1.25/ }).waitFor();
  await why.getByRole("button", { name: /again/i }).press("Enter");
  await why.getByText("The events of the key were replayed, and raised the alert again. Lists and tables are as they were then.").waitFor();
  await why.getByRole("row", { name: /^small .* p10 .* amount < 5 amount was 1.25/ }).waitFor();
  await why.getByRole("row", { name: /avg\(small.amount\) amount was 900.00 avg\(small.amount\) was 1.875.* spend > 100 feature spend was 973.75 not card in blocked card was c7 card in blocked was then false/ }).waitFor();
  await why.getByText("having count(small) = 2 count(small) was 2").waitFor();
  await person.inspect("alert-explained");
}, { rules: MORE_RULES.replace("amount > 500", "amount > 20 * avg(small.amount) and spend > 100 and card not in blocked").replace("within 10m", "within 10m\n  having count(small) = 2") });

check("a delivery of an alert is sent once more from its page, by who may", async ({ server, person }) => {
  const { page } = person;
  const got = [];
  const hook = createServer((request, response) => {
    got.push(request.headers["webhook-id"]);
    response.writeHead(200).end();
  });
  await new Promise((resolve) => hook.listen(0, "127.0.0.1", resolve));
  try {
    await server.ask("POST", "/v1/subscriptions", { url: `http://127.0.0.1:${hook.address().port}/`, name: "the desk" });
    await server.send([[7, "c9", "650.00"]]);
    await until(() => got.length === 1, "the alert at the endpoint");
    const [{ alert }] = await server.alerts("key=card%3Dc9");
    const stateOf = async () => (await server.ask("GET", `/v1/alerts/${alert.id}`)).json.deliveries[0].state;
    await until(async () => (await stateOf()) === "delivered", "the delivery's end");
    await person.signIn(server.token, `/console/alerts/${alert.id}`);
    const deliveries = page.getByRole("region", { name: "Deliveries" });
    await deliveries.getByRole("row", { name: /delivered .*: status 200, [\d.]+ ms/ }).waitFor();
    await person.inspect("alert-deliveries");
    await deliveries.getByRole("button", { name: "Send it again" }).press("Enter");
    await until(() => got.length === 2, "the alert once more");
    assert.equal(got[0], got[1]);
    await page.getByRole("button", { name: "Sign out" }).press("Enter");
    await page.getByLabel("Token").waitFor();
    const { token } = (await server.ask("POST", "/v1/tokens", { name: "rita", role: "reader" })).json;
    await person.signIn(token, `/console/alerts/${alert.id}`);
    await deliveries.getByRole("row", { name: /the desk|delivered|pending/ }).first().waitFor();
    assert.equal(await deliveries.getByRole("button").count(), 0);
  } finally {
    hook.close();
  }
}, { more: ["--webhooks-allow", "127.0.0.1"] });

check("a test made of an alert: in the editor of its rule and saved, in its file, for a reader to be copied; all by keys", async ({ server, person }) => {
  const { page } = person;
  await server.send([[10, "c8", "1.25"], [20, "c8", "1.50"], [30, "c8", "700.00", 'a "quoted" one']]);
  const [{ alert }] = await server.alerts("rule=burst");
  await person.signIn(server.token, `/console/alerts/${alert.id}`);
  await page.getByRole("link", { name: "Make a test of this alert" }).press("Enter");
  const tests = page.getByRole("region", { name: "Tests" });
  await tests.getByText("2 of 2 tests pass.").waitFor();
  await person.sees("Not saved.");
  const content = page.locator(".cm-content");
  const written = (await content.innerText()).replaceAll("\u200b", "");
  assert.ok(written.includes(`test burst "alert ${alert.id.slice(0, 8)} of 2026-03-02T12:00:30Z" {`), written);
  assert.ok(written.includes('amount: 700.00, note: "a \\"quoted\\" one" }') && written.includes("expect alert at 20s {"), written);
  assert.ok(written.indexOf("two and a large one") < written.indexOf("of 2026-03-02"), written);
  await person.inspect("alert-test");
  await page.getByLabel("Why").fill("seen in March");
  await page.getByRole("button", { name: "Save it" }).press("Enter");
  await person.sees("It holds, with");
  await person.sees("As it is on the server.");
  assert.equal((await server.ask("GET", "/v1/rules/burst")).json.source.split("of 2026-03-02T12:00:30Z").length, 2);
  // In a file it stands behind its rule; once it is there, it is not put there again.
  const [{ alert: large }] = await server.alerts("rule=large&key=card%3Dc2");
  await page.goto(`${server.url}/console/pack/rules.tocsin?test=${large.id}`);
  await person.sees("Not saved.");
  await tests.getByText("1 of 1 test passes.").waitFor();
  const file = (await content.innerText()).replaceAll("\u200b", "");
  assert.ok(file.indexOf("rule large") < file.indexOf("test large") && file.indexOf("test large") < file.indexOf("rule small"), file);
  await page.getByRole("button", { name: "Give up what was written" }).press("Enter");
  await page.goto(`${server.url}/console/rules/burst/edit?test=${alert.id}`);
  await person.sees("As it is on the server.");
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Sign out" }).press("Enter")]);
  await page.getByLabel("Token").waitFor();
  const { token } = (await server.ask("POST", "/v1/tokens", { name: "rita", role: "reader" })).json;
  await person.signIn(token, `/console/alerts/${alert.id}`);
  await page.getByRole("button", { name: "Make a test of this alert" }).press("Enter");
  await page.getByLabel("The test", { exact: true }).getByText("expect alert at 20s {").waitFor();
  await person.inspect("alert-test-read");
}, { rules: MORE_RULES });

check("a test is made of the alert beside the queue, by keys alone: in the editor of its rule, for a reader as text", async ({ server, person, enter }) => {
  const openQueue = async (one, token) => {
    await one.signIn(token, "/console/alerts?status=open&rule=large");
    await one.page.locator("[role=option]").nth(3).waitFor();
    await one.page.locator("#rows").focus();
    await one.press("j"); // the second: c2
  };
  const making = (one, role) => one.page.getByRole("article", { name: "The current alert" }).getByRole(role, { name: "Make a test of this alert" });
  await openQueue(person, server.token);
  await enterAt(person.page, making(person, "link"));
  await person.page.waitForURL(/\/rules\/large\/edit\?test=[0-9a-f]{32}$/);
  await person.page.getByRole("region", { name: "Tests" }).getByText("1 of 1 test passes.").waitFor();
  await until(async () => (await person.page.locator(".cm-content").innerText()).includes('card: "c2"'), "the test of c2");
  const { token } = (await server.ask("POST", "/v1/tokens", { name: "rita", role: "reader" })).json;
  const rita = await enter();
  await openQueue(rita, token);
  await enterAt(rita.page, making(rita, "button"));
  const written = rita.page.getByLabel("The test", { exact: true });
  await written.getByText("expect alert").waitFor();
  await rita.inspect("queue-test");
  await rita.press("k"); // the text was of another alert
  await written.waitFor({ state: "detached" });
});
