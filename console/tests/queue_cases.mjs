// The queue, one alert, rules and health: what an analyst does all day.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { check } from "./cases.mjs";
import { until } from "./world.mjs";

const stateOf = async (server, rule = "large") => Object.fromEntries((await server.alerts(`rule=${rule}`)).map((hit) => [hit.alert.message.split(":")[0], hit.status]));

check("sign-in: a wrong token is refused, a right one gets a cookie that no script reads; sign-out ends it", async ({ server, person }) => {
  const { page } = person;
  await page.goto(`${server.url}/`);
  await page.getByLabel("Token").waitFor();
  await person.inspect("sign-in");
  await person.press("w", "r", "o", "n", "g", "Enter");
  await person.sees("the token is unknown");
  await page.getByLabel("Token").fill("");
  await person.signIn();
  assert.match(page.url(), /\/console\/alerts\?status=open$/);
  const cookies = await person.context.cookies();
  assert.deepEqual(cookies.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]), [["tocsin", true, "Strict"]]);
  assert.equal(await page.evaluate(() => document.cookie + localStorage.length + sessionStorage.length), "00");
  await page.reload();
  await person.sees("900.00 on card c1");
  await page.getByRole("button", { name: "Sign out" }).press("Enter");
  await page.getByLabel("Token").waitFor();
  assert.equal((await fetch(`${server.url}/v1/me`, { headers: { Cookie: `tocsin=${cookies[0].value}` } })).status, 401);
});

check("queue: filters are in the URL, decimals keep their digits, and texts stay texts", async ({ server, person }) => {
  const { page } = person;
  await person.signIn();
  await page.locator("[role=option]").nth(5).waitFor();
  await person.inspect("queue");
  await person.sees("900.00 on card c1");
  await person.sees("12345678901234.50 on card c1");
  await page.getByLabel("high").press("Space");
  await page.waitForURL(/status=open&severity=high$/);
  await until(async () => (await page.locator("[role=option]").count()) === 4, "the four large ones");
  await page.goBack();
  await until(async () => (await page.locator("[role=option]").count()) === 6, "all six");
  await page.locator("[role=option]").nth(2).click();
  const shown = await page.locator("article").innerText();
  assert.ok(shown.includes("<img src=x onerror=window.hit=1> javascript:alert(1) ‹U+202E›evil‹U+202C›"), shown);
  assert.equal(await page.evaluate(() => [window.hit, document.querySelectorAll("main img, main script").length].join()), ",0");
  assert.equal(await page.locator("a[href^='javascript']").count(), 0);
  // A search by key, and one that finds nothing.
  await person.press("/", ...[..."card=c2"], "Enter");
  await page.waitForURL(/keys\/card%3Dc2$/);
  await page.getByRole("region", { name: "Its alerts" }).getByText("500.00 on card c2").waitFor();
  await page.goto(`${server.url}/console/alerts?status=closed`);
  await person.sees("No alert matches these filters");
  await person.inspect("queue-empty");
});

check("triage by keyboard alone: confirm, dismiss with a reason, undo, many at once, open, the next of a key", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/alerts?status=open&rule=large");
  await page.locator("[role=option]").nth(3).waitFor();
  await person.press("?");
  await page.getByRole("dialog").getByText("next alert", { exact: true }).waitFor();
  await person.inspect("keys");
  await person.press("Escape", "j", "c"); // the second: c2
  await person.sees("1 alert confirmed.");
  assert.equal((await stateOf(server))["500.00 on card c2"], "confirmed");
  await person.press("d"); // the third
  await page.getByRole("dialog").getByText("the data was wrong").waitFor();
  await person.press("5");
  await person.sees("1 alert dismissed.");
  const [dismissed] = await server.alerts("status=dismissed");
  const { history } = (await server.ask("GET", `/v1/alerts/${dismissed.alert.id}/triage`)).json;
  assert.equal(history.at(-1).comment, "the data was wrong");
  await person.press("z");
  await person.sees("Undone: 1 alert.");
  assert.equal((await stateOf(server))["12345678901234.50 on card c1"], "open");
  // Two selected: it says how many before it does it, and does it by one request; so does undo.
  const changes = [];
  page.on("request", (request) => request.method() === "POST" && changes.push(new URL(request.url()).pathname));
  await person.press("x", "J", "e");
  await page.getByRole("heading", { name: "Close: 2 alerts" }).waitFor();
  await person.press("Enter");
  await person.sees("2 alerts closed.");
  await person.press("z");
  await person.sees("Undone: 2 alerts.");
  assert.deepEqual(changes, ["/v1/alerts/triage", "/v1/alerts/triage"]);
  assert.deepEqual(Object.values(await stateOf(server)).sort(), ["confirmed", "open", "open", "open"]);
  await person.press("n"); // from one alert of c1 to the other
  await until(async () => (await page.locator(".row.current").innerText()).includes("900.00"), "the other one of c1");
  await person.press("a");
  await person.sees("1 alert assigned.");
  await person.press("k", "j", "o");
  await page.waitForURL(/\/console\/alerts\/[0-9a-f]{32}$/);
  await page.getByRole("heading", { name: "Alert" }).waitFor();
});

check("two analysts: a change that a colleague made is not overwritten, by the page nor by undo", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/alerts?rule=large&key=card%3Dc2");
  await page.locator("[role=option]").first().waitFor();
  const [{ alert }] = await server.alerts("rule=large&key=card%3Dc2");
  await person.press("c");
  await person.sees("1 alert confirmed.");
  await server.ask("POST", `/v1/alerts/${alert.id}/triage`, { action: "close" });
  await person.press("z");
  await person.sees("Not everything could be undone");
  assert.equal((await stateOf(server))["500.00 on card c2"], "closed");
  await person.press("c");
  await person.sees("0 alerts confirmed; 1 alert not: admin closed it meanwhile.");
  // Without a key: what a colleague did shows at its row, which stays where it is.
  await page.goto(`${server.url}/console/alerts?status=open`);
  await page.locator("[role=option]").nth(4).waitFor();
  const other = (await server.alerts("rule=large&key=card%3Dc1"))[0].alert;
  const { token } = (await server.ask("POST", "/v1/tokens", { name: "ada", role: "analyst" })).json;
  await server.ask("POST", `/v1/alerts/${other.id}/triage`, { action: "dismiss" }, "application/json", { Authorization: `Bearer ${token}` });
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange"))); // as when one comes back to the page
  // Who it was is known where the stream told it first.
  await page.locator(`#row-${other.id}`, { hasText: /somebody else changed it|by ada/ }).waitFor();
  assert.equal(await page.locator("[role=option]").count(), 5);
});

check("two analysts: what a colleague does shows at its row at once, and the key that follows asks first", async ({ server, person }) => {
  const { page } = person;
  await person.looksAway();
  await person.signIn(server.token, "/console/alerts?rule=large&key=card%3Dc2");
  await person.sees("live");
  const [{ alert }] = await server.alerts("rule=large&key=card%3Dc2");
  const { token } = (await server.ask("POST", "/v1/tokens", { name: "ada", role: "analyst" })).json;
  const ada = { Authorization: `Bearer ${token}` };
  await until(async () => (await page.locator(".tools").innerText()).includes("live") && !(await page.locator(".tools").innerText()).includes("not live"), "the stream");
  await server.ask("POST", "/v1/alerts/triage", { action: "assign", assignee: "ada", alerts: [{ id: alert.id }] }, "application/json", ada);
  await page.locator(`#row-${alert.id}`, { hasText: "by ada" }).waitFor();
  assert.match(await page.locator(`#row-${alert.id}`).innerText(), /assigned/);
  await person.press("c");
  await person.sees("0 alerts confirmed; 1 alert not: ada took it meanwhile.");
  assert.equal((await stateOf(server))["500.00 on card c2"], "assigned");
  await person.press("c");
  await person.sees("1 alert confirmed.");
});

check("triage: the reasons of a dismissal are those of the settings, as text", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/alerts?status=open&rule=large");
  await page.locator("[role=option]").nth(3).waitFor();
  await person.press("d");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("<b>too small</b>").waitFor();
  assert.equal(await dialog.locator("li").count(), 2);
  await person.inspect("dismiss");
  await person.press("3"); // there is none
  await person.press("2");
  await person.sees("1 alert dismissed.");
  const [dismissed] = await server.alerts("status=dismissed");
  assert.equal((await server.ask("GET", `/v1/alerts/${dismissed.alert.id}/triage`)).json.history.at(-1).comment, "<b>too small</b>");
}, { more: ["--console-dismiss-reasons", "a test\\, of ours,<b>too small</b>"] });

check("two analysts: what a colleague has taken or judged is not taken or dismissed by a row that is older", async ({ server, person }) => {
  const { page } = person;
  const made = async (name) => (await server.ask("POST", "/v1/tokens", { name, role: "analyst" })).json.token;
  const [ann, bob] = [await made("ann"), await made("bob")];
  const as = (token, id, step) => server.ask("POST", `/v1/alerts/${id}/triage`, step, "application/json", { Authorization: `Bearer ${token}` });
  const triageOf = async (id) => (await server.ask("GET", `/v1/alerts/${id}/triage`)).json;
  const dismiss = async () => {
    await person.press("d");
    await page.getByRole("dialog").getByText("the data was wrong").waitFor();
    await person.press("5");
  };
  await person.looksAway();
  await person.signIn(ann, "/console/alerts?status=open&rule=large");
  await page.locator("[role=option]").nth(3).waitFor();
  const ids = (await page.locator("[role=option]").evaluateAll((rows) => rows.map((row) => row.id))).map((id) => id.slice(4));
  // Taken by bob: ann's key says so, and the same key once more takes it.
  await as(bob, ids[0], { action: "assign" });
  await person.press("a");
  await person.sees("1 alert not: bob took it meanwhile.");
  assert.equal((await triageOf(ids[0])).assignee, "bob");
  await page.locator(`#row-${ids[0]}.current`, { hasText: "bob took it" }).waitFor();
  await person.press("a");
  await person.sees("1 alert assigned.");
  assert.equal((await triageOf(ids[0])).assignee, "ann");
  // Dismissed while bob works on it; then between the look and the change.
  await as(bob, ids[1], { action: "assign" });
  await dismiss();
  await page.locator(`#row-${ids[1]}`, { hasText: "bob took it" }).waitFor();
  assert.equal((await triageOf(ids[1])).state, "assigned");
  await person.press("j");
  await page.route("**/v1/alerts/triage", async (route) => {
    if (route.request().method() === "POST") await as(bob, ids[2], { action: "confirm", comment: "called the customer" });
    await route.continue();
  });
  await dismiss();
  await person.sees("1 alert not: bob confirmed it meanwhile.");
  assert.equal((await triageOf(ids[2])).state, "confirmed");
});

check("groups and silences: alerts of one key stand together, are selected at once, and are silenced from one of them", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/alerts?status=open&rule=large");
  const cards = async () => (await page.locator("[role=option] .key").allInnerTexts()).map((text) => text.replace(/<.*/, "").trim());
  await page.locator("[role=option]").nth(3).waitFor();
  assert.deepEqual(await cards(), ["card=", "card=c2", "card=c1", "card=c1"]);
  await person.press("j", "j", "j", "g");
  await page.waitForURL(/group=key$/);
  assert.deepEqual(await cards(), ["card=", "card=c2", "1 of 2 card=c1", "2 of 2 card=c1"]);
  assert.ok((await page.locator(".row.current").innerText()).includes("900.00"), "the current one stays current");
  await server.send([[9, "c2", "101.00"]]);
  await page.getByRole("button", { name: "1 new, press ." }).waitFor();
  await person.press(".");
  await until(async () => (await cards()).join() === "1 of 2 card=c2,2 of 2 card=c2,card=,1 of 2 card=c1,2 of 2 card=c1", "the new one in its group");
  await person.inspect("queue-groups");
  await person.press("X");
  await person.sees("2 alerts selected");
  await person.press("Escape", "s");
  await page.getByRole("heading", { name: /Silence alerts like 101.00 on card c2/ }).waitFor();
  await person.inspect("silence");
  await page.getByLabel("Alerts of").selectOption("every rule on card=c2");
  await page.getByRole("button", { name: "What would it have matched?" }).press("Enter");
  await person.sees("It would have met 2 alerts in the last 7 days.");
  await page.getByLabel("Reason").fill("a card of our own");
  await person.press("Enter");
  await person.sees("Nobody is told of them until");
  const [silence] = (await server.ask("GET", "/v1/silences")).json.silences;
  assert.deepEqual([silence.filter, silence.reason, silence.state], [{ key: { card: "c2" } }, "a card of our own", "active"]);
  // A key that follows Escape at once: what had the focus in the dialog may have it still.
  await page.getByLabel("Reason").evaluate((input) => {
    input.focus();
    input.closest("dialog").close();
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "g", bubbles: true }));
  });
  await until(async () => (await cards())[0] === "card=c2" && (await cards())[1] === "card=", "newest first again");
});

check("live: what is raised is counted, and moves no row until it is asked for", async ({ server, person }) => {
  const { page } = person;
  await person.signIn();
  await person.sees("live");
  await until(async () => (await page.locator(".tools").innerText()).includes("live") && !(await page.locator(".tools").innerText()).includes("not live"), "the stream");
  const before = await page.locator("[role=option]").allInnerTexts();
  await server.send([[7, "c9", "650.00"]]);
  await page.getByRole("button", { name: "1 new, press ." }).waitFor();
  assert.equal((await page.locator("[role=option]").allInnerTexts()).length, before.length);
  await person.press(".");
  await person.sees("650.00 on card c9");
});

check("one alert: evidence, others of its key, history, comments and its line byte by byte", async ({ server, person }) => {
  const { page } = person;
  const [{ alert }] = await server.alerts("rule=large&key=card%3Dc1&order=oldest");
  await server.ask("POST", "/v1/subscriptions", { url: "https://example.com/hook" });
  await person.signIn(server.token, `/console/alerts/${alert.id}`);
  await person.sees("900.00 on card c1");
  await page.getByRole("region", { name: "Others of this key" }).getByText("12345678901234.50").waitFor();
  await page.getByLabel("Comment").fill("called the customer");
  await page.getByRole("button", { name: "Comment" }).press("Enter");
  await page.getByRole("region", { name: "History" }).getByText("called the customer").waitFor();
  await page.getByRole("button", { name: "Confirm" }).press("Enter");
  await page.getByRole("region", { name: "History" }).getByText("confirm: open to confirmed").waitFor();
  await page.getByText("Raw").press("Enter");
  assert.ok((await page.locator("pre").innerText()).includes('"amount":900.00'));
  await person.inspect("alert");
  person.expected.push(/status of 404/);
  await page.goto(`${server.url}/console/alerts/${"0".repeat(32)}`);
  await person.sees("there is no alert with the id");
  await person.inspect("alert-missing");
});

check("rules and health: what runs, in a table; how it is, in words; a failure says what and which request", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/rules");
  await page.getByRole("row", { name: /large.*live 4/ }).waitFor();
  await page.getByRole("button", { name: "Alerts" }).press("Enter");
  await page.locator("th[aria-sort=descending]").waitFor();
  assert.match(await page.locator("tbody tr").first().innerText(), /^large/);
  await person.inspect("rules");
  await page.getByRole("link", { name: "Health" }).press("Enter");
  await person.sees("Events are accepted.");
  await person.sees("Event time has reached 02/03/2026, 12:00:06; the source http holds it.");
  await page.getByText("Alerts of all rules").waitFor();
  await page.getByRole("row", { name: /^An event to its alert that is stored [\d.]+ m?s [\d.]+ m?s 6$/ }).waitFor();
  assert.match(await page.locator("dt", { hasText: "Event time is behind the clock by" }).locator("+ dd").innerText(), /\d/);
  await server.ask("POST", "/v1/checkpoints");
  await page.reload();
  await page.getByRole("row", { name: /a start goes on from it .* 12:00:06/ }).waitFor();
  const settings = page.getByRole("region", { name: "Settings" });
  await settings.getByRole("row", { name: /^data.path data --data-path$/ }).waitFor();
  assert.equal(await settings.getByRole("row", { name: /^http.workers/ }).count(), 0);
  await settings.getByRole("checkbox").check();
  await settings.getByRole("row", { name: /^http.workers \d+ default$/ }).waitFor();
  await person.inspect("health");
  person.expected.push(/status of 500/);
  const problem = { type: "urn:tocsin:problem:internal", title: "The server failed", status: 500, detail: "a part of it" };
  await page.route("**/v1/rules", (route) => route.fulfill({ status: 500, contentType: "application/problem+json", headers: { "X-Request-Id": "r-17" }, body: JSON.stringify(problem) }));
  await page.getByRole("link", { name: "Rules" }).press("Enter");
  await person.sees("Request r-17");
  await page.unroute("**/v1/rules");
  await page.getByRole("button", { name: "Try again" }).press("Enter");
  await page.getByRole("row", { name: /large/ }).waitFor();
});

check("a reader reads, is told what is needed for more, and changes nothing; a producer cannot sign in", async ({ server, person }) => {
  const { page } = person;
  const { token } = (await server.ask("POST", "/v1/tokens", { name: "rita", role: "reader" })).json;
  const producer = (await server.ask("POST", "/v1/tokens", { name: "till", role: "producer" })).json.token;
  person.expected.push(/status of 403/);
  await page.goto(server.url);
  await page.getByLabel("Token").fill(producer);
  await person.press("Enter");
  await person.sees("requires the role reader");
  await page.getByLabel("Token").fill("");
  await person.signIn(token);
  await person.sees("Triage needs the role analyst.");
  await page.locator("[role=option]").first().waitFor();
  await person.press("c", "e", "d");
  assert.equal((await server.alerts("status=open")).length, 6);
  // Revoked: the page asks to sign in, and stays where it is.
  await server.ask("DELETE", "/v1/tokens/rita");
  await person.press(".");
  await page.getByLabel("Token").waitFor();
  assert.match(page.url(), /\/console\/alerts\?status=open$/);
  // Whoever signs in then has a page in which nothing of the other is left.
  await page.evaluate(() => (window.isOld = true));
  await page.getByLabel("Token").fill(server.token);
  await person.press("Enter");
  await person.sees("900.00 on card c1");
  assert.equal(await page.evaluate(() => window.isOld), undefined);
});

check("a page of somebody else changes nothing, though the browser sends the cookie", async ({ server, person }) => {
  await person.signIn();
  const [{ alert }] = await server.alerts();
  const foreign = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><title>other</title>"));
  await new Promise((resolve) => foreign.listen(0, "127.0.0.1", resolve)); // another port: another origin, and the same site
  try {
    const page = await person.context.newPage();
    await page.goto(`http://127.0.0.1:${foreign.address().port}/`);
    const refused = new Promise((resolve) => person.context.on("response", (answer) => answer.request().method() === "POST" && resolve(answer.status())));
    await page.evaluate(async (url) => {
      await fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body: '{"action":"close"}' });
    }, `${server.url}/v1/alerts/${alert.id}/triage`);
    assert.equal(await refused, 403);
    const read = await page.evaluate(async (url) => fetch(url, { credentials: "include" }).then(() => "read", () => "refused"), `${server.url}/v1/alerts`);
    assert.equal(read, "refused");
    await page.close();
  } finally {
    foreign.close();
  }
  assert.equal((await server.alerts("status=open")).length, 6);
});

check("the server is killed and started again: the page says so, and goes on without signing in", async ({ server, person }) => {
  const { page } = person;
  person.expected.push(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|status of 503/);
  await person.signIn();
  await page.locator("[role=option]").nth(5).waitFor();
  await server.end("SIGKILL");
  await person.press("c");
  await person.sees("The server cannot be reached");
  await page.getByText("alert not:").waitFor();
  await server.start();
  await page.getByRole("link", { name: "ready" }).waitFor();
  await until(async () => !(await page.locator(".tools").innerText()).includes("not live"), "the stream");
  await server.send([[8, "c9", "650.00"]]);
  await page.getByRole("button", { name: "1 new, press ." }).waitFor();
  await person.press("k", "c");
  await person.sees("1 alert confirmed.");
});

check("the queue counts, searches and orders all alerts of the filter, not the loaded ones alone", async ({ server, person }) => {
  const { page } = person;
  const many = Array.from({ length: 700 }, (_, n) => [20 + n, `x${n % 7}`, n % 100 === 0 ? "500.00" : "3.00", n === 3 ? "Grand Hotel" : "-"]);
  await server.send(many);
  await person.signIn();
  // 500 rows are loaded; the counts are of all.
  await person.sees("706 alerts.");
  const facet = (group, name) => page.getByRole("group", { name: group }).locator("label", { hasText: name });
  await facet("Severity", "low").getByText("695", { exact: true }).waitFor();
  // A choice leaves the counts of the others as they are.
  await facet("Severity", "high").getByRole("checkbox").press("Space");
  await person.sees("11 alerts.");
  await facet("Severity", "low").getByText("695", { exact: true }).waitFor();
  await facet("Rule", "small").waitFor({ state: "detached" });
  await page.goto(`${server.url}/console/alerts`);
  // What stands in the text, by words.
  await page.getByLabel("With the words").fill("HOTEL grand");
  await page.keyboard.press("Enter");
  await page.waitForURL(/text=HOTEL\+grand$/);
  await person.sees("No alert matches these filters.");
  await page.getByLabel("With the words").fill("x3 small");
  await page.keyboard.press("Enter");
  await person.sees("99 alerts.");
  await person.inspect("queue-search");
  // By a condition on the fields, also one that has a mistake.
  await page.goto(`${server.url}/console/alerts?text=x3`);
  await page.getByLabel("Where", { exact: true }).fill("amount > 100");
  await page.keyboard.press("Enter");
  await page.waitForURL(/text=x3&condition=amount\+%3E\+100$/);
  await person.sees("1 alert.");
  person.expected.push(/status of 422/);
  await page.getByLabel("Where", { exact: true }).fill("amuont > 100");
  await page.keyboard.press("Enter");
  await person.sees("alerts has no field `amuont`");
  await page.goto(`${server.url}/console/alerts`);
  // The severest first, also those that would be on the second page; no row of a lower one before.
  await page.getByLabel("Order").selectOption("severity");
  await page.waitForURL(/order=severity$/);
  const rows = page.getByRole("option").locator(".severity");
  await page.getByRole("listbox", { name: "Alerts, the severest first" }).waitFor();
  await until(async () => (await rows.first().innerText()) === "high", "a high one first");
  assert.deepEqual((await rows.allInnerTexts()).slice(0, 12), [...Array(11).fill("high"), "low"]);
  // Those of nobody, of somebody, and several states.
  await page.getByRole("listbox").press("a");
  await person.sees("1 alert assigned.");
  await facet("Assigned to", "admin").getByText("1", { exact: true }).waitFor();
  await facet("Assigned to", "admin").getByRole("checkbox").press("Space");
  await person.sees("1 alert.");
  await facet("State", "open").getByText("0", { exact: true }).waitFor();
  await facet("Assigned to", "admin").getByRole("checkbox").press("Space");
  await facet("State", "open").getByRole("checkbox").press("Space");
  await facet("State", "assigned").getByRole("checkbox").press("Space");
  await person.sees("706 alerts.");
  await facet("Day (UTC)", "2026-03-02").getByRole("checkbox").press("Space");
  await page.waitForURL(/from=2026-03-02T00%3A00%3A00Z&to=2026-03-03T00%3A00%3A00Z/);
  await person.sees("706 alerts.");
});

check("views of the queue are saved under a name, moved from the browser, shared, changed and removed, by keys alone", async ({ server, person, enter }) => {
  const { page } = person;
  // What an earlier page has kept in this browser moves to the server.
  await page.addInitScript(() => {
    if (!sessionStorage.getItem("once")) localStorage.setItem("tocsin views of admin", JSON.stringify([{ name: "of old", query: "severity=low" }]));
    sessionStorage.setItem("once", "1");
  });
  await person.signIn(server.token, "/console/alerts?severity=high&order=severity");
  const views = page.getByRole("region", { name: "Views" });
  await views.getByRole("link", { name: "of old" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("tocsin views of admin")), null);
  await page.getByLabel("Save this view as").fill("the worst <img src=x onerror=window.hit=1>");
  await page.keyboard.press("Enter");
  await person.sees("is saved.");
  await page.goto(`${server.url}/console/alerts`);
  await views.getByRole("link", { name: "the worst <img" }).waitFor();
  await page.getByRole("row").first().waitFor().catch(() => undefined);
  await person.press("v");
  await until(async () => (await page.evaluate(() => document.activeElement?.textContent)) === "of old", "the first view");
  await views.getByRole("link", { name: "the worst <img" }).press("Enter");
  await page.waitForURL(/alerts\?severity=high&order=severity$/);
  await person.sees("4 alerts.");
  assert.equal(await views.getByRole("link", { name: "the worst" }).getAttribute("aria-current"), "page");
  assert.equal(await page.evaluate(() => window.hit), undefined);
  // Shared, others see it; what somebody else has changed is not overwritten.
  await views.getByText("change", { exact: true }).nth(1).press("Enter");
  await views.getByRole("button", { name: "Share with all" }).press("Enter");
  await views.getByText("shared", { exact: true }).waitFor();
  await person.inspect("queue-views");
  const { token } = (await server.ask("POST", "/v1/tokens", { name: "bo", role: "analyst" })).json;
  const other = await enter();
  await other.signIn(token, "/console/alerts");
  const theirs = other.page.getByRole("region", { name: "Views" });
  await theirs.getByText("shared by admin").waitFor();
  assert.equal(await theirs.getByRole("link").count(), 1);
  assert.equal(await theirs.getByText("change", { exact: true }).count(), 0);
  const shared = (await server.ask("GET", "/v1/views")).json.views.find((one) => one.shared);
  const elsewhere = { name: shared.name, query: "status=open", shared: true };
  assert.equal((await server.ask("PUT", `/v1/views/${shared.id}`, elsewhere, "application/json", { "If-Match": `"${shared.version}"` })).status, 200);
  await page.goto(`${server.url}/console/alerts?severity=low`);
  await views.getByText("shared", { exact: true }).waitFor();
  const now = (await server.ask("GET", `/v1/views/${shared.id}`)).json;
  const again = { ...elsewhere, query: "status=closed" };
  assert.equal((await server.ask("PUT", `/v1/views/${shared.id}`, again, "application/json", { "If-Match": `"${now.version}"` })).status, 200);
  person.expected.push(/status of 412/);
  await views.getByText("change", { exact: true }).nth(1).press("Enter");
  await views.getByRole("button", { name: "Put what is shown now there" }).press("Enter");
  await person.sees("The resource has changed since it was read");
  assert.equal((await server.ask("GET", `/v1/views/${shared.id}`)).json.query, "status=closed");
  await until(async () => (await views.getByRole("link", { name: "the worst" }).getAttribute("href"))?.endsWith("?status=closed"), "what somebody else has made of it");
  await views.getByRole("button", { name: "Put what is shown now there" }).press("Enter");
  await until(async () => (await server.ask("GET", `/v1/views/${shared.id}`)).json.query === "severity=low", "the query of now");
  await until(async () => (await views.getByRole("link", { name: "the worst" }).getAttribute("aria-current")) === "page", "the list of now");
  await views.getByRole("button", { name: "Remove" }).press("Enter");
  await person.sees("also for all others?");
  await person.press("Enter");
  await until(async () => (await views.getByRole("link").count()) === 1, "one view");
  assert.equal((await server.ask("GET", "/v1/views")).json.views.length, 1);
});
