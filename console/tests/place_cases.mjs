// The queue as a place: where one is in it, how one comes back, and how it is searched.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { check } from "./cases.mjs";
import { enterAt, MORE_RULES, until } from "./world.mjs";

check("the place in the queue stays when an alert is opened and left, and what came meanwhile is counted", async ({ server, person }) => {
  const { page } = person;
  await server.send(Array.from({ length: 60 }, (_, n) => [20 + n, `y${n}`, "300.00"]));
  await person.signIn(server.token, "/console/alerts?status=open&rule=large");
  await page.locator("[role=option]").nth(10).waitFor();
  for (let n = 0; n < 40; n += 1) await person.press("j");
  const current = () => page.locator(".row.current").getAttribute("aria-posinset");
  await until(async () => (await current()) === "41", "the 41st");
  // The list is shorter while there is something to undo: then it keeps where the last row in view ends.
  const view = () => page.locator("#rows").evaluate((element) => ({ top: element.scrollTop, height: element.clientHeight }));
  const before = await view();
  assert.ok(before.top > 0);
  await person.press("o");
  await page.getByRole("heading", { name: "Alert", exact: true }).waitFor();
  await page.getByRole("button", { name: "Confirm" }).press("Enter");
  await page.getByRole("region", { name: "History" }).getByText("confirm: open to confirmed").waitFor();
  await server.send([[100, "z", "900.00"]]);
  await page.goBack();
  await page.locator(".row.current", { hasText: "confirmed" }).waitFor();
  assert.equal(await current(), "41");
  // Time to undo may be over by now, and the list as long as before, from the row on where it was shorter.
  const after = await view();
  const longer = after.height === before.height ? after.top - before.top : 0;
  assert.equal(after.top + after.height - longer, before.top + before.height);
  assert.ok(longer >= 0 && longer < before.height / 4, `${longer}`);
  await page.getByRole("button", { name: "1 new, press ." }).waitFor();
  await person.press("k", "j", "j");
  await until(async () => (await current()) === "42", "the next one");
});

check("what came is counted again where the server had no answer", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/alerts?status=open&rule=large");
  await page.locator("[role=option]").nth(3).waitFor();
  const alerts = /\/v1\/alerts\?/;
  await page.route(alerts, (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: '{"status":503,"title":"Not now"}' }));
  person.expected.push(/status of 503/);
  await server.send([[100, "z", "900.00"]]);
  await page.waitForResponse((response) => response.status() === 503);
  // Counts are a second apart, and the first may be of what came before.
  await page.waitForTimeout(1500);
  await page.unroute(alerts);
  await page.getByRole("button", { name: "1 new, press ." }).waitFor();
});

check("keys work on after a click on a filter or an order; a search finds rules, and otherwise words", async ({ server, person }) => {
  const { page } = person;
  await person.signIn();
  await page.locator("[role=option]").nth(5).waitFor();
  const current = () => page.locator(".row.current").getAttribute("aria-posinset");
  await page.locator("label.facet", { hasText: "high" }).first().click();
  await page.waitForURL(/severity=high/);
  await until(async () => (await page.locator("[role=option]").count()) === 4, "the four large ones");
  await person.press("j", "j");
  await until(async () => (await current()) === "3", "two rows down");
  const order = page.getByLabel("Order");
  await order.dispatchEvent("pointerdown");
  await order.selectOption("oldest");
  await page.waitForURL(/order=oldest/);
  await page.getByRole("listbox", { name: "Alerts, oldest first" }).waitFor();
  await until(async () => (await current()) === "1", "from the top");
  await person.press("j");
  await until(async () => (await current()) === "2", "one row down");
  // A rule, a card, words of a message, and nothing.
  const find = (text) => person.press("/", ...[...text], "Enter");
  await find("large");
  await page.waitForURL(/rules\/large$/);
  await page.getByRole("heading", { name: "Rule large" }).waitFor();
  await server.send([[300, "c63229", "450.00"]]);
  await find("c63229");
  await page.waitForURL(/alerts\?text=c63229$/);
  await until(async () => /^[^|]*450\.00 on card c63229[^|]*$/.test((await page.locator("[role=option]").allInnerTexts()).join("|")), "the card's alert alone");
});

check("in a narrow window the current alert is below the rows, each row has its key, and nothing is cut in the filters", async ({ server, person }) => {
  const { page } = person;
  await server.send([[200, "c77", "5.00"]]);
  await person.signIn(server.token, "/console/alerts?status=open");
  await page.locator("[role=option]").nth(6).waitFor();
  const medium = () => page.locator(".row .severity").first().evaluate((one) => ((one.textContent = "medium"), one.scrollWidth <= one.clientWidth));
  for (const [width, height] of [
    [1400, 860],
    [1150, 800],
    [700, 430],
    [360, 740],
  ]) {
    await page.setViewportSize({ width, height });
    const aside = page.getByRole("article", { name: "The current alert" });
    await aside.scrollIntoViewIfNeeded();
    const box = await aside.boundingBox();
    assert.ok(box.height > 0 && box.y < height && box.width > 0, `${width}: ${JSON.stringify(box)}`);
    const list = await page.locator("#rows").boundingBox();
    assert.ok(list.height > 100 && (list.y + list.height <= box.y + 1 || list.x + list.width <= box.x + 1), `${width}: the rows stand over it`);
    await page.locator("[role=option]").first().getByText("card=c77").waitFor();
    assert.ok(await medium(), `${width}: medium is cut`);
    const facets = await page.locator(".facets").boundingBox();
    for (const field of await page.locator(".facets input:not([type=checkbox])").all()) {
      const at = await field.boundingBox();
      assert.ok(!at || at.x + at.width <= facets.x + facets.width, `${width}: a field runs out of the filters`);
    }
  }
});

check("eight tabs of the queue: all answer, one holds the stream for all, and another takes over when it is closed", async ({ server, person }) => {
  const { context, page } = person;
  const streams = new Set();
  context.on("request", (request) => request.url().includes("/v1/stream") && streams.add(request));
  await person.signIn(server.token, "/console/alerts?status=open");
  const tabs = [page];
  for (const place of ["status=open", "severity=high", "rule=large", "rule=small", "status=open&order=oldest", "text=card", "severity=low"]) {
    const tab = await context.newPage();
    tabs.push(tab);
    await tab.goto(`${server.url}/console/alerts?${place}`);
    await tab.locator("[role=option]").first().waitFor();
  }
  for (const tab of tabs) await tab.locator(".tools .quiet", { hasText: /^live$/ }).waitFor();
  assert.equal(streams.size, 1, "the first tab's stream is the only one");
  const isTold = (tab, times) => tab.getByRole("button", { name: `${times} new, press .` }).waitFor();
  await server.send([[400, "c9", "650.00"]]);
  for (const at of [0, 1, 2, 3, 5, 6]) await isTold(tabs[at], 1);
  for (const at of [4, 7]) assert.equal(await tabs[at].getByRole("button", { name: "Refresh" }).count(), 1, "of another filter");
  await page.close();
  await until(() => streams.size === 2, "another tab to open the stream");
  await server.send([[401, "c9", "651.00"]]);
  for (const at of [1, 2, 3, 5, 6]) await isTold(tabs[at], 2);
  for (const tab of tabs.slice(1)) await tab.close();
});

check("one stream tells all screens what changes, and while there is one nothing is asked for every few seconds", async ({ server, person }) => {
  const { page } = person;
  const asked = [];
  person.context.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const times = (path) => asked.filter((one) => one === path).length;
  await page.clock.install();
  await person.signIn(server.token, "/console/alerts?status=open");
  await page.locator(".tools .quiet", { hasText: /^live$/ }).waitFor();
  await enterAt(page, page.getByRole("link", { name: "Rules", exact: true }));
  const small = page.getByRole("row", { name: /small/ });
  await small.getByText("live", { exact: true }).waitFor();
  const rule = await server.ask("GET", "/v1/rules/small");
  await server.ask("PUT", "/v1/rules/small/stage", { stage: "shadow" }, "application/json", { "If-Match": rule.headers.get("ETag") });
  await small.getByText("shadow", { exact: true }).waitFor();
  await enterAt(page, page.getByRole("link", { name: "Backtests", exact: true }));
  await person.sees("There are none yet.");
  assert.equal((await server.ask("POST", "/v1/backtests", { files: {}, patch: true })).status, 202);
  await page.getByRole("row", { name: /^1 done/ }).waitFor();
  // It may have been told of the progress and of the end, and have asked for both.
  for (let asked = -1; asked !== times("/v1/backtests"); await page.waitForTimeout(500)) asked = times("/v1/backtests");
  const before = [times("/v1/backtests"), times("/readyz")];
  await page.clock.fastForward(60_000);
  await enterAt(page, page.getByRole("link", { name: "Health", exact: true }));
  await person.sees("Events are accepted.");
  assert.deepEqual([times("/v1/backtests"), times("/readyz")], before, "asked for by the clock");
  assert.equal(times("/v1/stream"), 1);
  assert.equal(times("/v1/alerts/stream"), 0);
});

check("what waits for another person, and what is wrong, come by the stream and not by the clock", async ({ server, person }) => {
  const { page } = person;
  const asked = [];
  person.context.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const times = (path) => asked.filter((one) => one === path).length;
  const tokenOf = async (name, role) => ({ Authorization: `Bearer ${(await server.ask("POST", "/v1/tokens", { name, role })).json.token}` });
  const [dan, ben] = [await tokenOf("dan", "analyst"), await tokenOf("ben", "approver")];
  const stage = (to, more) => server.ask("PUT", "/v1/rules/small/stage", { stage: to }, "application/json", { "If-Match": "*", ...more });
  assert.equal((await stage("shadow", {})).status, 200);
  const endpoint = createServer((_, response) => response.writeHead(410).end());
  await new Promise((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  try {
    await page.clock.install();
    await person.signIn(server.token, "/console/alerts?status=open");
    await page.locator(".tools .quiet", { hasText: /^live$/ }).waitFor();
    await enterAt(page, page.getByRole("link", { name: "Changes", exact: true }));
    await person.sees("No change waits.");
    const before = [times("/v1/changes"), times("/v1/proposals")];
    await page.clock.fastForward(60_000);
    await person.sees("No request waits.");
    assert.deepEqual([times("/v1/changes"), times("/v1/proposals")], before, "asked for by the clock");
    const waits = await stage("live", dan);
    assert.equal(waits.status, 202);
    await enterAt(page, page.getByRole("link", { name: "stage of small: live" }));
    await page.getByRole("button", { name: "Approve" }).waitFor();
    assert.equal((await server.ask("POST", `/v1/changes/${waits.json.change}/approval`, undefined, undefined, ben)).status, 200);
    await person.sees("It no longer waits: it was approved, withdrawn or refused.");
    await enterAt(page, page.getByRole("link", { name: "Health", exact: true }));
    await person.sees("Events are accepted.");
    await server.ask("POST", "/v1/subscriptions", { url: `http://127.0.0.1:${endpoint.address().port}/hook` });
    await server.send([[9, "c9", "650.00"]]);
    await page.getByRole("row", { name: /delivery_disabled/ }).waitFor(); // by the clock it would come after 30 s
  } finally {
    endpoint.close();
  }
}, { more: ["--rollout-approvals", "1", "--webhooks-allow", "127.0.0.1/32"] });

check("without locks a tab has a stream of its own while it is looked at, and then counts what came meanwhile", async ({ server, person }) => {
  const { page } = person;
  await page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
    Object.defineProperty(Document.prototype, "visibilityState", { get: () => globalThis.seen ?? "visible" });
  });
  await person.signIn(server.token, "/console/alerts?status=open");
  const live = page.locator(".tools .quiet", { hasText: /^live$/ });
  await live.waitFor();
  await page.locator("[role=option]").nth(3).waitFor(); // what is loaded later is not new
  const closed = page.waitForEvent("requestfailed", (request) => request.url().includes("/stream"));
  const look = (how) => page.evaluate((now) => ((globalThis.seen = now), document.dispatchEvent(new Event("visibilitychange"))), how);
  await look("hidden");
  await closed;
  await server.send([[500, "c9", "650.00"]]);
  await look("visible");
  await page.getByRole("button", { name: "1 new, press ." }).waitFor();
});

check("a trace shows the times within its texts as all others, in the zone of the browser", async ({ server, person }) => {
  const { page } = person;
  const notes = [{ rule: "large", text: "refused by the partial match since 2026-03-02T09:05:52.686142Z (3 events)" }];
  const trace = { events: 1, alerts: 0, entries: [{ time: "2026-03-02T09:06:00Z", event: null, notes }] };
  await page.route(/\/v1\/trace\?/, (route) => route.fulfill({ contentType: "application/json", body: JSON.stringify(trace) }));
  await person.signIn(server.token, "/console/keys/card%3Dc1");
  await page.getByRole("button", { name: "Read it from the archive" }).press("Enter");
  await person.sees("refused by the partial match since");
  const time = page.locator(".notes time");
  assert.deepEqual([await time.innerText(), await time.getAttribute("title")], ["02/03/2026, 09:05:52", "2026-03-02T09:05:52.686142Z (UTC)"]);
});

check("keys nearest to an alert: those of a rule, those that begin so, none, and none that may be seen; by keys alone", async ({ server, person, enter }) => {
  const { page } = person;
  await server.send([[20, "b51", "1.00"], [21, "b51", "2.00"], ...Array.from({ length: 60 }, (_, at) => [100 + at, `k${at}`, "1.00"])]);
  await person.signIn(server.token, "/console/rules/burst");
  await page.getByRole("button", { name: "Find its keys" }).press("Enter");
  await person.sees("50 of 63 keys, the nearest to an alert first.");
  const rows = page.getByRole("group", { name: "Keys nearest to an alert" }).getByRole("row");
  assert.match(await rows.nth(1).innerText(), /card=c3\s+1 of 2\s+small\s+.*in .* of event time\s+1/);
  assert.match(await rows.filter({ hasText: "card=b51" }).innerText(), /card=b51\s+1 of 2\s+big\s+.*\s+2/);
  await person.inspect("keys-of-rule");
  await page.getByRole("button", { name: "More keys" }).press("Enter");
  await person.sees("63 of 63 keys, the nearest to an alert first.");
  assert.equal(await rows.count(), 64);
  await rows.getByRole("link", { name: "card=b51" }).press("Enter");
  await page.getByRole("heading", { name: "Key card=b51" }).waitFor();
  await person.press("/");
  await page.keyboard.type("card=b5*");
  await person.press("Enter");
  await person.sees("1 of 1 key, the nearest to an alert first.");
  await rows.filter({ hasText: "burst" }).getByRole("link", { name: "card=b51" }).waitFor();
  await person.inspect("keys");
  await page.getByLabel("Begins with").fill("nobody");
  await person.press("Enter");
  await person.sees("No key that begins so is part of anything that a rule waits for.");
  person.expected.push(/status of 400/);
  await page.getByRole("textbox", { name: "Rule" }).fill("burts");
  await person.press("Enter");
  await person.sees(/did you mean burst/);
  const { token } = (await server.ask("POST", "/v1/tokens", { name: "few", role: "reader", tags: ["money"] })).json;
  const other = await enter();
  other.expected.push(/status of 403/);
  await other.signIn(token, "/console/keys");
  await other.sees(/this operation is about more than that/);
}, { rules: MORE_RULES });
