// The screens for those who look after rules, deliveries, lists and the server: keys, changes, backtests, and so on.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { check } from "./cases.mjs";
import { enterAt, HOSTILE, MORE_RULES, until, writeAt } from "./world.mjs";

const WITH_MORE = { rules: MORE_RULES };
const tokenFor = async (server, name, role) => (await server.ask("POST", "/v1/tokens", { name, role })).json.token;
/** Opens each [screen, what it shows], and looks closely at those with a name. */
async function visit(person, rows) {
  for (const [place, text, name] of rows) {
    await person.page.goto(`${person.server.url}/console${place}`);
    await person.sees(text);
    await until(async () => (await person.page.locator("[aria-busy=true]").count()) === 0, `all of ${place}`);
    if (name) await person.inspect(name);
  }
}

check("every other screen with content: nothing that axe finds, none wider than the page", async ({ server, person }) => {
  await server.send([[7, "c1", "0.50"], [8, "c1", "0.75"]]);
  await server.ask("POST", "/v1/subscriptions", { url: "https://example.invalid/a", name: "the desk", filter: { least_severity: "high", key: { card: "c1" } } });
  const [subscription] = (await server.ask("GET", "/v1/subscriptions")).json.subscriptions;
  await server.ask("POST", `/v1/subscriptions/${subscription.id}/test`);
  await server.ask("POST", "/v1/silences", { filter: { rules: ["small"] }, until: "2126-01-01T00:00:00Z", reason: HOSTILE });
  await server.ask("POST", "/v1/lists/blocked/entries", { entries: [{ value: HOSTILE, until: "2126-01-01T00:00:00Z" }] });
  const pack = await server.ask("GET", "/v1/pack");
  const edited = pack.json.files["rules.tocsin"].replace("amount <= 100", "amount <= 90");
  await server.ask("PATCH", "/v1/pack", { files: { "rules.tocsin": edited } }, "application/json", { "If-Match": pack.headers.get("ETag") });
  await server.ask("POST", "/v1/savepoints", { name: "first" });
  await server.ask("POST", "/v1/events", '{"type":"payment","id":"bad"}\n', "application/x-ndjson");
  await server.send([[9, "c1", "600.00"]]);
  const [{ alert }] = await server.alerts("rule=large");
  const [{ alert: burst }] = await server.alerts("rule=burst");
  await server.ask("POST", `/v1/alerts/${alert.id}/triage`, { action: "confirm" });
  await server.ask("POST", "/v1/backtests", { files: {}, patch: true, against: "live", labels: "triage", vary: true, samples: 2 });
  await until(async () => (await server.ask("GET", "/v1/backtests/1")).json.state === "done", "the backtest");
  await person.signIn(server.token, "/console/health");
  await visit(person, [
    [`/alerts/${burst.id}`, "3 events within 2 s", "alert-timeline"],
    ["/keys/card%3Dc1", "1 of 2", "key"],
    [`/keys/${encodeURIComponent(`card=${HOSTILE}`)}`, "‹U+202E›evil"],
    ["/rules/burst", "small to big: takes payment where amount > 500; if small has come 2 times or more", "rule"],
    ["/changes", "the first", "changes"],
    ["/versions/1", "It is the first version"],
    ["/versions/2", "Beside version 1", "version"],
    ["/backtests", "the active rules"],
    ["/backtests/1", "Neighbouring bounds", "backtest"],
    ["/lists", "merchants"],
    ["/lists/blocked", "‹U+202E›evil", "list"],
    ["/tables/merchants", "200.00", "table"],
    ["/subscriptions", "‹U+202E›evil", "subscriptions"],
    [`/subscriptions/${subscription.id}`, "a test", "subscription"],
    ["/set-aside", "no event time", "set-aside"],
    ["/tokens", "New token", "tokens"],
    ["/audit", "createSubscription", "audit"],
    ["/nothing", "There is no such page"],
  ]);
  assert.equal(await person.page.evaluate(() => window.hit), undefined);
}, WITH_MORE);

check("a change of a live rule and a long silence wait for somebody else, who approves them", async ({ server, person, enter }) => {
  const { page } = person;
  await person.signIn(await tokenFor(server, "ann", "operator"), "/console/rules/small");
  await enterAt(page, page.getByText("Change its stage"));
  await writeAt(page, page.getByLabel("Stage"), "retired");
  await writeAt(page, page.getByLabel("Reason"), "too much noise");
  await person.press("Enter");
  await person.sees(/It holds with/); // back goes alone
  await page.goto(`${server.url}/console/rules/large`);
  await enterAt(page, page.getByText("Change its stage"));
  await writeAt(page, page.getByLabel("Stage"), "live");
  await writeAt(page, page.getByLabel("Share"), "10 %");
  await writeAt(page, page.getByLabel("Reason"), "a tenth is enough");
  await person.press("Enter");
  await person.sees(/It holds with/); // fewer keys: also back
  await writeAt(page, page.getByLabel("Stage"), "live");
  await writeAt(page, page.getByLabel("Reason"), "all of them <b>again</b>");
  await person.press("Enter");
  await enterAt(page, page.getByRole("link", { name: "the change" }));
  await person.sees("You asked for it: somebody else has to approve it.");
  await person.sees("live 10%, then live");
  const would = page.getByRole("region", { name: "What it would do" });
  await would.getByText("Keep their state", { exact: true }).waitFor();
  assert.equal((await would.getByRole("definition").allInnerTexts()).join(), "large");
  await would.getByText("All other rules keep their state.").waitFor();
  await would.getByText("There are no tests.").waitFor();
  await person.inspect("change");
  const change = page.url();
  await page.goto(`${server.url}/console/subscriptions`);
  const silences = page.getByRole("region", { name: "Silences" });
  await enterAt(page, silences.getByText("New silence"));
  await writeAt(page, silences.getByLabel("Of rules"), "large");
  const preview = silences.getByRole("button", { name: "What would it have matched?" });
  await preview.press("Enter"); // it needs no reason
  await person.sees("It would have met 4 alerts in the last 7 days.");
  await silences.getByRole("link", { name: "900.00 on card c1" }).waitFor();
  await writeAt(page, silences.getByLabel("For", { exact: true }), "7 days");
  await writeAt(page, silences.getByLabel("Reason"), "a long holiday");
  person.expected.push(/status of 422/);
  await writeAt(page, silences.getByLabel("Where"), "sum > 1");
  await preview.press("Enter");
  await person.sees("alerts has no field `sum`");
  await writeAt(page, silences.getByLabel("Where"), "amount > 600");
  await preview.press("Enter");
  await person.sees("It would have met 3 alerts in the last 7 days.");
  assert.match(await silences.getByRole("link", { name: "Look at them" }).getAttribute("href"), /condition=amount\+%3E\+600$/);
  await writeAt(page, silences.getByLabel("Where"), "");
  await enterAt(page, silences.getByRole("button", { name: "Silence them" }));
  await enterAt(page, page.getByRole("link", { name: "the request" }));
  await person.sees('"reason":"a long holiday"');
  await person.inspect("proposal");
  const request = page.url();
  const ben = await enter();
  await ben.signIn(await tokenFor(server, "ben", "approver"), new URL(change).pathname);
  await ben.page.getByRole("button", { name: "Approve" }).press("Enter");
  await ben.page.getByRole("link", { name: "What holds now" }).press("Enter");
  await ben.sees("live 10%, then live");
  await ben.page.goto(request);
  await ben.page.getByRole("button", { name: "Approve" }).press("Enter");
  await ben.sees("Approved.");
  assert.equal((await server.ask("GET", "/v1/rules/large")).json.stage, "live");
  assert.equal((await server.ask("GET", "/v1/silences")).json.silences[0].reason, "a long holiday");
  const wide = { filter: { rules: ["large"] }, until: new Date(Date.now() + 9 * 86_400_000).toISOString(), reason: "a year" };
  const cid = `Bearer ${await tokenFor(server, "cid", "analyst")}`;
  const asked = await server.ask("POST", "/v1/silences", wide, "application/json", { Authorization: cid });
  assert.equal(asked.status, 202);
  await ben.page.goto(`${server.url}/console/proposals/${asked.json.id}`);
  await ben.page.getByText("Refuse the request").press("Enter");
  await ben.page.getByLabel("Why").fill("too long <i>by far</i>");
  await ben.inspect("refusal");
  await ben.page.getByRole("button", { name: "Refuse it" }).press("Enter");
  await ben.page.waitForURL(/\/console\/changes$/);
  assert.deepEqual((await server.ask("GET", "/v1/proposals")).json.proposals, []);
  const refusal = (await server.ask("GET", "/v1/audit?action=withdrawProposal")).json.entries[0];
  assert.deepEqual([refusal.actor, refusal.asked_by, refusal.comment], ["ben", "cid", "too long <i>by far</i>"]);
  await page.goto(`${server.url}/console/subscriptions`);
  await enterAt(page, page.getByRole("button", { name: "End it" }));
  await enterAt(page, page.getByRole("button", { name: "End it" })); // asked first; the button has the focus
  await page.getByRole("row", { name: /ended by ann/ }).waitFor();
}, { more: ["--rollout-approvals", "1", "--four-eyes-silence-longer", "1d"] });

const WATCHED = `\
event payment { ts: time, id: string id, card: string, amount: decimal(2), note: string? }

rule large "A large payment" {
  status shadow
  by card
  when payment as p where amount > 100
  alert "{p.amount} on card {card}"
}
`;
check("a rule that its text holds in shadow is shown so, with its alerts, and the way to let it out", async ({ server, person }) => {
  const { page } = person;
  assert.equal((await server.ask("GET", "/v1/rules/large")).json.stage, "live");
  await person.signIn(server.token, "/console/rules");
  await page.getByRole("row", { name: /large.*shadow by its text 4/ }).waitFor();
  await page.getByRole("row", { name: /large/ }).getByRole("link", { name: "4", exact: true }).press("Enter");
  await page.waitForURL(/alerts\?rule=large&shadow=true$/);
  await until(async () => (await page.locator("[role=option]").count()) === 4, "its alerts");
  await page.goto(`${server.url}/console/rules/large`);
  await person.sees("shadow by its text");
  assert.match(await page.getByRole("link", { name: "4", exact: true }).getAttribute("href"), /shadow=true$/);
  await page.getByText("Change its stage").press("Enter");
  await person.sees("no stage lets it out further than that");
  await person.inspect("rule-held");
  await page.getByRole("link", { name: "Take that out of the text" }).press("Enter");
  await person.sees("Not saved.");
  assert.ok(!(await page.locator(".cm-content").innerText()).includes("status shadow"));
  await page.getByLabel("Why").fill("proved");
  await page.getByRole("button", { name: "Save it" }).press("Enter");
  await person.sees("It holds, with");
  assert.equal((await server.ask("GET", "/v1/rules/large")).json.status, "live");
  await page.goto(`${server.url}/console/rules`);
  await page.getByRole("row", { name: /large.* live 4/ }).waitFor();
}, { rules: WATCHED });

check("a subscription by keyboard alone: made, tried, paused, and gone; its secret is shown once", async ({ server, person }) => {
  const { page } = person;
  const got = [];
  let isGone = false;
  const endpoint = createServer((request, response) => {
    got.push(request.headers["webhook-signature"]);
    response.writeHead(isGone ? 410 : 204).end();
  });
  await new Promise((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  try {
    await person.signIn(server.token, "/console/subscriptions");
    await enterAt(page, page.getByText("New subscription"));
    await writeAt(page, page.getByLabel("URL"), `http://127.0.0.1:${endpoint.address().port}/hook`);
    await writeAt(page, page.getByLabel("Name"), "the desk");
    await writeAt(page, page.getByLabel("At least as severe as").first(), "high");
    person.expected.push(/status of 422/);
    await writeAt(page, page.getByLabel("Where").first(), "sum > 1");
    await enterAt(page, page.getByLabel("Name"));
    await person.sees("alerts has no field `sum`");
    await writeAt(page, page.getByLabel("Where").first(), "amount > 1");
    await enterAt(page, page.getByLabel("Name"));
    await page.locator("code.once", { hasText: "whsec_" }).waitFor();
    await enterAt(page, page.getByRole("link", { name: "the desk" }));
    await enterAt(page, page.getByRole("button", { name: "Send a test" }));
    await person.sees("It was delivered: 204.");
    await page.getByRole("row", { name: /a test 1 delivered \(204\)/ }).waitFor();
    assert.equal(got.length, 1);
    await server.send([[7, "c9", "650.00"]]);
    await until(() => got.length === 2, "the alert");
    await page.reload();
    await page.getByRole("row", { name: /an alert 1 delivered/ }).waitFor();
    await enterAt(page, page.getByText("Change it").first());
    await writeAt(page, page.getByLabel("Of the key"), "card=c9");
    await writeAt(page, page.getByLabel("Where"), "");
    await enterAt(page, page.getByLabel("Name"));
    await person.sees("least severity high key card=c9");
    const [changed] = (await server.ask("GET", "/v1/subscriptions")).json.subscriptions;
    assert.deepEqual(changed.filter, { least_severity: "high", key: { card: "c9" } });
    await enterAt(page, page.getByRole("button", { name: "Pause" }));
    await enterAt(page, page.getByRole("button", { name: "Resume" }));
    await person.sees("It goes on.");
    // An endpoint that is gone: Health says so, and what to do.
    isGone = true;
    await server.send([[8, "c9", "651.00"]]);
    await until(() => got.length === 3, "the second alert");
    const subscription = page.url();
    await enterAt(page, page.getByRole("link", { name: "Health" }));
    await page.getByRole("row", { name: /warning .* repair the endpoint .* delivery_disabled/ }).waitFor();
    await person.inspect("health-causes");
    await page.goto(subscription);
    await enterAt(page, page.getByRole("button", { name: "Delete" }));
    await enterAt(page, page.getByRole("button", { name: "Cancel" }));
    await until(async () => (await page.evaluate(() => document.activeElement?.textContent)) === "Send a test", "the focus on the buttons");
    await enterAt(page, page.getByRole("button", { name: "Delete" }));
    await person.sees("What it is owed is not sent then.");
    await person.press("Enter"); // the button that does it has the focus
    await person.sees("Nobody is told of alerts yet.");
  } finally {
    endpoint.close();
  }
}, { more: ["--webhooks-allow", "127.0.0.1/32"] });

check("lists and tables: entries are added with their digits, their end, and who and why, and taken out", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(await tokenFor(server, "ann", "analyst"), "/console/lists/limits");
  await enterAt(page, page.getByText("Add entries"));
  await writeAt(page, page.getByLabel("Values, one in each line", { exact: true }), "12345678901234567.80\n0.50");
  await page.getByLabel("Until").fill("2126-01-01T00:00");
  await writeAt(page, page.getByLabel("Why"), "a café's, 100%");
  await enterAt(page, page.getByRole("button", { name: "Add them" }));
  await page.getByRole("row", { name: /^12345678901234567.80 added by ann, \d.* a café's, 100% 01\/01\/2126/ }).waitFor();
  person.expected.push(/status of 400/);
  await writeAt(page, page.getByLabel("Values, one in each line", { exact: true }), "much");
  await enterAt(page, page.getByRole("button", { name: "Add them" }));
  await person.sees("entry 1: ");
  await enterAt(page, page.getByRole("row", { name: /^0.50/ }).getByRole("button"));
  await person.press("Enter");
  await until(async () => (await page.getByRole("row").count()) === 3, "two entries and the head");
  await page.getByLabel("Values, one in each line: from a file").setInputFiles({ name: "more.txt", mimeType: "text/plain", buffer: Buffer.from("7.25\n7.75\n") });
  await until(async () => (await page.getByLabel("Values, one in each line", { exact: true }).inputValue()) === "7.25\n7.75\n", "the file");
  await enterAt(page, page.getByRole("button", { name: "Add them" }));
  await page.getByRole("row", { name: /^7.75/ }).waitFor();
  await page.goto(`${server.url}/console/tables/merchants`);
  await enterAt(page, page.getByText("Add a row"));
  await writeAt(page, page.getByLabel("merchant"), "m2");
  await writeAt(page, page.getByLabel("limit"), "7.00");
  await writeAt(page, page.getByLabel("Why"), "by contract");
  await enterAt(page, page.getByRole("button", { name: "Put it there" }));
  await page.getByRole("row", { name: /^m2 7.00 missing added/ }).waitFor();
  // From the key's page, and back.
  await page.goto(`${server.url}/console/keys/card%3Dc1`);
  await enterAt(page, page.getByRole("button", { name: "Read it from the archive" }));
  await person.sees(/alert [0-9a-f]{32}: p p1/);
  await person.inspect("key-trace");
  await enterAt(page, page.getByText("Put it on a list"));
  await enterAt(page, page.getByRole("button", { name: "Put it on the list" }));
  await person.sees("It is on blocked now.");
  await enterAt(page, page.getByRole("button", { name: "Take it from the list" }));
  await person.sees("It is no longer on blocked.");
}, WITH_MORE);

check("a backtest, a savepoint, a dead letter, a token: each is started from its screen, and says what came of it", async ({ server, person }) => {
  const { page } = person;
  await server.ask("POST", "/v1/events", '{"type":"payment","id":"bad"}\n', "application/x-ndjson");
  await person.signIn(server.token, "/console/backtests");
  await page.getByLabel("Compare with the rules as they are staged").press("Space");
  await enterAt(page, page.getByRole("button", { name: "Start" }));
  await page.waitForURL(/backtests\/1$/);
  await page.getByRole("row", { name: /^large .* 4 4 4 0 0/ }).waitFor();
  await enterAt(page, page.getByText("large: days and examples"));
  await page.getByRole("img", { name: "2026-03-02: 4 alerts, before 4" }).waitFor();
  await person.inspect("backtest-days");
  await enterAt(page, page.getByRole("button", { name: "Remove it" }));
  await person.press("Enter");
  await person.sees("There are none yet.");
  // Two versions, a span of time, and what is known of it.
  await writeAt(page, page.getByLabel("Rules of version"), "1");
  await writeAt(page, page.getByLabel("Compare with version"), "1");
  await page.getByLabel("From", { exact: true }).fill("2026-03-02");
  await page.getByLabel("To", { exact: true }).fill("2026-03-03");
  await page.getByLabel("Or events known as fraud, an id in each line", { exact: true }).fill('p1\n{"event": "p2", "label": "ok"}\n');
  await enterAt(page, page.getByRole("button", { name: "Start" }));
  await page.waitForURL(/backtests\/2$/);
  await page.getByRole("row", { name: /^large .* 4 4 4 0 0/ }).waitFor();
  const { request } = (await server.ask("GET", "/v1/backtests/2")).json;
  assert.deepEqual([request.files, request.against, request.from, request.to, request.labels], [["rules.tocsin"], ["rules.tocsin"], "2026-03-02", "2026-03-03", 2]);
  await page.goto(`${server.url}/console/set-aside`);
  await enterAt(page, page.getByRole("button", { name: "Put it in again" }));
  await person.sees("1 line was put in again; 1 rejected again");
  await enterAt(page, page.getByText("Correct it"));
  await person.inspect("dead-letter");
  await writeAt(page, page.getByLabel("Line", { exact: true }), '{"type":"payment","ts":1772452900000000,"id":"corrected","card":"c9","amount":"5.00"}');
  await enterAt(page, page.getByRole("button", { name: "Put this in instead" }));
  await until(async () => (await page.getByText("was put in again", { exact: true }).count()) === 2, "both rows to be done with");
  await person.sees(/^1 line was put in again\.$/);
  await enterAt(page, page.getByText("Make a savepoint"));
  await writeAt(page, page.getByLabel("Name"), "before-easter");
  await person.press("Enter");
  await page.getByRole("row", { name: /^before-easter/ }).waitFor();
  await page.goto(`${server.url}/console/tokens`);
  const tokens = page.getByRole("region", { name: "Who may sign in or send" });
  await enterAt(page, tokens.getByText("New token"));
  await writeAt(page, tokens.getByLabel("Name"), "rita");
  await writeAt(page, tokens.getByLabel("Role"), "reader");
  await enterAt(page, tokens.getByLabel("Name"));
  const once = page.locator("code.once");
  await once.waitFor();
  const token = await once.innerText();
  assert.equal((await fetch(`${server.url}/v1/me`, { headers: { Authorization: `Bearer ${token}` } })).status, 200);
  await enterAt(page, page.getByRole("row", { name: /^rita/ }).getByRole("button", { name: "Revoke" }));
  await person.press("Enter");
  await until(async () => (await page.getByRole("row", { name: /^rita/ }).count()) === 0, "rita to be gone");
  assert.equal((await fetch(`${server.url}/v1/me`, { headers: { Authorization: `Bearer ${token}` } })).status, 401);
  await page.goto(`${server.url}/console/audit?action=makeToken`);
  await page.getByRole("row", { name: /admin.*makeToken.*done/ }).waitFor();
});

check("a reader is told on each screen which role its actions need", async ({ server, person }) => {
  await person.signIn(await tokenFor(server, "rita", "reader"), "/console/health");
  for (const [place, text, offered = []] of [
    ["/rules/large", "Change its stage needs the role operator."],
    ["/versions/1", "Go back to this version needs the role operator.", ["Compare"]],
    ["/backtests", "needs the role analyst."],
    ["/lists/blocked", "Add entries needs the role analyst."],
    ["/subscriptions", "New subscription needs the role analyst."],
    ["/set-aside", "Make a savepoint needs the role operator."],
    ["/tokens", "Looking at people and tokens needs the role admin."],
    ["/audit", "What you did yourself. Operators see what all did.", ["Show"]],
  ]) {
    await person.page.goto(`${server.url}/console${place}`);
    await person.sees(text);
    assert.deepEqual(await person.page.locator("main form button[type=submit]").allTextContents(), offered, place);
  }
  await person.inspect("no-permission");
}, WITH_MORE);

check("nobody is offered a change of a live rule that only operators make, as no approvals are asked for", async ({ server, person }) => {
  const { page } = person;
  const [{ alert }] = await server.alerts("rule=large");
  await server.ask("POST", `/v1/alerts/${alert.id}/triage`, { action: "confirm" });
  await person.signIn(await tokenFor(server, "ann", "author"), "/console/rules/large");
  await person.sees("Change its stage needs the role operator.");
  const byDay = page.getByRole("region", { name: "By day" });
  await byDay.getByRole("row", { name: /^\d{4}-\d\d-\d\d 4 0 100 % of 1 / }).waitFor();
  assert.match(await byDay.getByRole("img").getAttribute("aria-label"), /: 4 alerts$/);
  await page.goto(`${server.url}/console/rules/large/edit`);
  await person.sees("Save needs the role operator.");
  await page.goto(`${server.url}/console/pack/rules.tocsin`);
  await person.sees("Save needs the role operator.");
  await server.ask("PUT", "/v1/rules/large/stage", { stage: "shadow" }, "application/json", { "If-Match": "*" });
  await page.goto(`${server.url}/console/rules/large`);
  await page.getByText("Change its stage").press("Enter");
  const stage = page.getByLabel("Stage");
  await stage.waitFor();
  assert.deepEqual(await stage.locator("option").allInnerTexts(), ["draft", "shadow", "retired"]);
  assert.equal(await page.getByLabel("Share of the keys").count(), 0);
  await page.goto(`${server.url}/console/rules/large/edit`);
  await page.getByRole("button", { name: "Save it" }).waitFor();
});

check("a whole list or table is replaced, not over what somebody else changed, and set back to what the rules declare", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(await tokenFor(server, "ann", "operator"), "/console/lists/limits");
  await page.getByText("Replace the whole list").press("Enter");
  const whole = page.getByLabel("All entries that it is to have", { exact: true });
  await whole.fill("12345678901234567.80\n0.50\n");
  await page.getByRole("button", { name: "What would change" }).last().press("Enter");
  await person.sees("2 values are new, 0 there already, 1 that are there now would be gone.");
  const sure = page.getByLabel(/^The 1 entry that it has now/);
  const replace = page.getByRole("button", { name: "Replace the list" });
  await replace.press("Enter");
  assert.equal(await sure.evaluate((box) => box.validity.valueMissing), true); // it is asked first
  assert.equal((await server.ask("GET", "/v1/lists/limits")).json.size, 1);
  // Somebody else was faster.
  await server.ask("POST", "/v1/lists/limits/entries", "77.25", "text/plain");
  person.expected.push(/status of 412/);
  await sure.press("Space");
  await replace.press("Enter");
  await person.sees(/If-Match/);
  await page.reload();
  await page.getByRole("row", { name: /^77.25/ }).waitFor();
  await page.getByText("Replace the whole list").press("Enter");
  await whole.fill("12345678901234567.80\n0.50\n");
  await page.getByLabel(/^The 2 entries that it has now/).press("Space");
  await page.getByLabel("Why").last().fill("the new year's");
  await replace.press("Enter");
  await page.getByRole("row", { name: /^12345678901234567.80 added by ann, .* the new year's/ }).waitFor();
  await until(async () => (await page.getByRole("row").count()) === 3, "two entries and the head");
  await person.inspect("list-replaced");
  await page.getByRole("button", { name: "Set back to what the rules declare" }).press("Enter");
  await person.press("Enter");
  await page.getByRole("row", { name: /^10.00 the rules/ }).waitFor();
  await page.goto(`${server.url}/console/tables/merchants`);
  await page.getByText("Replace the whole table").press("Enter");
  await page.getByLabel("All rows that it is to have", { exact: true }).fill('{"merchant":"m7","limit":7.50}');
  await page.getByRole("button", { name: "What would change" }).press("Enter");
  await person.sees("1 row instead of 1.");
  await page.getByLabel(/^The 1 row that it has now/).press("Space");
  await page.getByRole("button", { name: "Replace the table" }).press("Enter");
  await page.getByRole("row", { name: /^m7 7.50 missing/ }).waitFor();
  assert.equal((await server.ask("GET", "/v1/tables/merchants")).json.size, 1);
}, { rules: MORE_RULES });

check("a key: its features at each of its events as lines and as a table, by keys alone", async ({ server, person }) => {
  const { page } = person;
  await server.send([[20, "c1", "1.00"], [21, "c1", "2.00"], [22, "c1", "700.00"]]);
  await person.signIn(server.token, "/console/keys/card%3Dc1");
  await page.getByRole("button", { name: "Replay its events" }).press("Enter");
  await person.sees("5 events of the key. Upright lines are its alerts.");
  const spend = page.getByRole("slider", { name: "spend" });
  // All digits, at each event; End is the newest, and the arrows go from one to the next.
  await spend.focus();
  await person.press("End");
  const said = () => spend.getAttribute("aria-valuetext");
  await until(async () => (await said())?.endsWith(": 12345678902837.50"), "the newest value");
  await person.press("Home");
  await until(async () => (await said())?.endsWith(": 900.00"), "the first value");
  await person.press("ArrowRight");
  await until(async () => (await said())?.endsWith(": 12345678902134.50"), "the second value");
  assert.ok((await spend.locator(".mark").count()) > 1, "marks of alerts");
  await page.getByRole("slider", { name: "partial matches of burst" }).waitFor();
  await page.getByText("The same as a table").press("Enter");
  const row = page.getByRole("group", { name: "Features at each event" }).getByRole("row", { name: /payment p21/ });
  assert.match(await row.innerText(), /12345678902137\.50/);
  await person.inspect("key-history");
  // Nothing but this time's events are points; what was before is in their values.
  await page.getByLabel("Events of").selectOption({ label: "the last day" });
  await person.sees("5 events of the key");
}, { rules: MORE_RULES });

check("a key: its events page by page, and its lists and rows, by keys alone", async ({ server, person }) => {
  const { page } = person;
  await server.send(Array.from({ length: 60 }, (_, at) => [20 + at, "c77", `${at}.50`]));
  await server.ask("POST", "/v1/lists/blocked/entries", { entries: [{ value: "c77", until: "2126-01-01T00:00:00Z" }] });
  await person.signIn(server.token, "/console/keys/card%3Dc77");
  await page.getByRole("button", { name: "List its events" }).press("Enter");
  await person.sees("50 events, the newest arrival first; there are older ones.");
  const rows = page.getByRole("group", { name: "Events of the key" }).getByRole("row");
  assert.match(await rows.nth(1).innerText(), /payment p79[^]*59\.50/);
  await person.inspect("key-events");
  await page.getByRole("button", { name: "Older events" }).press("Enter");
  await person.sees("60 events, the newest arrival first.");
  assert.match(await rows.last().innerText(), /payment p20[^]*0\.50/);
  assert.equal(await rows.count(), 61);
  await page.getByRole("group", { name: "Lists that have it" }).getByRole("row", { name: /^blocked c77 added by admin, \d/ }).waitFor();
  await page.getByRole("group", { name: "Rows of tables by it" }).getByRole("row", { name: /^card_limits .*200\.00.*the rules/ }).waitFor();
  await page.getByText("Put it on a list").press("Enter");
  await page.getByRole("button", { name: "Take it from the list" }).press("Enter");
  await person.sees("It is on no list that can be changed.");
  await person.sees("It is no longer on blocked.");
}, { rules: `${MORE_RULES}table card_limits key card { limit: decimal(2) } = { "c77": { limit: 200.00 } }\n` });

check("a key: what its history leaves out is said", async ({ server, person }) => {
  const { page } = person;
  await server.send([[20, "c1", "1.00"], [21, "c1", "2.00"], [22, "c1", "700.00"]]);
  await person.signIn(server.token, "/console/keys/card%3Dc1");
  await page.getByRole("button", { name: "Replay its events" }).press("Enter");
  await person.sees("1 event of the key; 3 older ones are left out (1 event at most).");
  await person.sees("It is not complete: after 4 events a limit of the server was reached");
}, { rules: MORE_RULES, more: ["--history-events-max", "4", "--history-values-max", "3"] });
