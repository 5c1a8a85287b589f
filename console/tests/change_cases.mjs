// A change of the rules that waits for somebody else: what it would do, before it does.
import assert from "node:assert/strict";
import { check } from "./cases.mjs";
import { MORE_RULES, until } from "./world.mjs";

const tokenFor = async (server, name, role) => (await server.ask("POST", "/v1/tokens", { name, role })).json.token;

check("who approves sees what state is kept, begun and lost, whether the tests pass, and tries it on the past", async ({ server, person }) => {
  const { page } = person;
  await server.send([[10, "c7", "1.25"], [30, "c7", "2.50"], [40, "c7", "900.00"]]);
  const ann = await tokenFor(server, "ann", "operator");
  const rules = (await server.ask("GET", "/v1/pack")).json.files["rules.tocsin"];
  const ask = async (text, query = "") => {
    const answer = await server.ask("PATCH", `/v1/pack${query}`, { files: { "rules.tocsin": text } }, "application/json", { "If-Match": "*", Authorization: `Bearer ${ann}` });
    assert.equal(answer.status, 202, answer.text);
    return answer.json.change;
  };
  const other = `${rules.replace("amount > 500", "amount > 1000").replace(/rule known[^]*$/, "")}rule fresh "A new one" {\n  by card\n  when payment as p where amount > 5000\n  alert "{p.amount}"\n}\n`;
  const failing = await ask(other, "?ignore_tests=true&comment=fewer");
  await person.signIn(await tokenFor(server, "ben", "approver"), `/console/changes/${failing}`);
  const would = page.getByRole("region", { name: "What it would do" });
  await would.getByText("0 of 1 test passes.").waitFor();
  await would.getByText("no alert came, 1 expected", { exact: true }).waitFor();
  await would.getByText("What came, and what stopped it").press("Enter");
  await would.getByText("`amount > 1000` is not true: amount is 900.00").waitFor();
  const fates = Object.fromEntries(
    await would.locator("dl").evaluate((list) => [...list.querySelectorAll("dt")].map((term) => [term.textContent, term.nextElementSibling.textContent])),
  );
  assert.deepEqual(Object.keys(fates), ["Keep their state", "Begin without state", "Lose their state"]);
  assert.deepEqual(fates["Keep their state"].split(", ").sort(), ["large", "small", "spend"]);
  assert.deepEqual(fates["Begin without state"].split(", ").sort(), ["burst", "fresh"]);
  assert.deepEqual(fates["Lose their state"].split(", ").sort(), ["burst", "known"]);
  await person.inspect("change-would");
  // One that its tests pass: tried on the past, by who may, and approved.
  const good = await ask(rules.replace("amount > 500", "amount > 600"));
  await page.goto(`${server.url}/console/changes/${good}`);
  await would.getByText("1 of 1 test passes.").waitFor();
  await would.getByText("Run it over the past needs the role analyst.").waitFor();
  await page.getByRole("button", { name: "Sign out" }).press("Enter");
  await page.getByLabel("Token").waitFor();
  await person.signIn(await tokenFor(server, "cleo", "operator"), `/console/changes/${good}`);
  await would.getByText("Run it over the past").press("Enter");
  await would.getByRole("button", { name: "Start a backtest of it" }).press("Enter");
  await page.waitForURL(/backtests\/1$/);
  await page.getByRole("row", { name: /^burst .* 1 1 1 0 0/ }).waitFor();
  await page.goBack();
  await page.getByRole("region", { name: "Decide" }).getByRole("button", { name: "Approve" }).press("Enter");
  await page.getByRole("link", { name: "What holds now" }).waitFor();
  await until(async () => (await server.ask("GET", "/v1/rules/burst")).json.source.includes("amount > 600"), "the change");
}, { rules: MORE_RULES, more: ["--rollout-approvals", "1"] });

check("a backtest shows alerts that came and went, and what was right and wrong by the labels, now and before", async ({ server, person }) => {
  const { page } = person;
  const triage = async (key, action) => server.ask("POST", `/v1/alerts/${(await server.alerts(`rule=large&order=oldest&key=${key}`))[0].alert.id}/triage`, { action });
  await triage("card%3Dc1", "confirm"); // 900.00
  await triage("card%3Dc2", "dismiss"); // 500.00
  const rules = (await server.ask("GET", "/v1/pack")).json.files["rules.tocsin"];
  const files = { "rules.tocsin": rules.replace("amount > 100", "amount > 600 or amount = 2") };
  await server.ask("POST", "/v1/backtests", { files, patch: true, against: "live", labels: "triage", samples: 20, value: "amount" });
  await person.signIn(server.token, "/console/backtests/1");
  await page.getByRole("row", { name: /^large .* 4 4 3 1 1/ }).waitFor();
  const all = page.getByRole("group", { name: "All rules, by the labels" });
  await all.getByRole("row", { name: "Alerts on fraud 1 1", exact: true }).waitFor();
  await all.getByRole("row", { name: "Alerts on what was in order 0 1", exact: true }).waitFor();
  await all.getByRole("row", { name: /^Precision, of labelled alerts 100 % of 1 .* 50 % of 2/ }).waitFor();
  const sums = page.getByRole("group", { name: "Sums of amount" });
  const large = "12,345,678,902,836.50 12,345,678,903,334.50 12,345,678,902,834.50 2.00 500.00 900.00 900.00 0";
  await sums.getByRole("row", { name: `large ${large}`, exact: true }).waitFor();
  await sums.getByRole("row", { name: "small 3.00 3.00 3.00 0.00 0.00 0.00 0.00 0", exact: true }).waitFor();
  await sums.getByRole("row", { name: /^All rules 12,345,678,902,839.50 12,345,678,903,337.50 +900.00 900.00 0/ }).waitFor();
  await page.getByText("large: days and examples").press("Enter");
  await page.getByRole("group", { name: "large by the labels" }).getByRole("row", { name: "Frauds missed 0 0", exact: true }).waitFor();
  await page.getByRole("heading", { name: "Added, of large: 1" }).waitFor();
  const rowsOf = async (name) => (await page.getByRole("group", { name }).locator("tbody tr").allInnerTexts()).map((text) => text.replace(/^.*\t/s, "").trim());
  assert.deepEqual(await rowsOf("Added, of large"), ["2.00 on card c4: -"]);
  assert.deepEqual(await rowsOf("Gone, of large"), ["500.00 on card c2: -"]);
  await person.inspect("backtest-changed");
  // Of the same rules nothing comes or goes.
  await page.getByText("small: days and examples").press("Enter");
  assert.equal(await page.getByRole("heading", { name: /, of small/ }).count(), 0);
});

check("a rule in shadow beside what is live: numbers, labels, samples, other times, and what goes wrong", async ({ server, person }) => {
  const { page } = person;
  const rule = await server.ask("GET", "/v1/rules/large");
  await server.ask("PUT", "/v1/rules/large/stage", { stage: "shadow" }, "application/json", { "If-Match": rule.headers.get("ETag") });
  await server.send([[60, "c1", "800.00"], [61, "c3", "3.00"], [62, "c3", "400.00"], [4000, "c5", "450.00"]]);
  await until(async () => (await server.alerts("rule=large&shadow=true")).length === 7, "the alerts in shadow");
  const [{ alert }] = await server.alerts("rule=small&key=card%3Dc3&order=newest");
  await server.ask("POST", `/v1/alerts/${alert.id}/triage`, { action: "confirm" });
  let answer; // to the first request, which waits until then
  const held = new Promise((resolve) => (answer = resolve));
  const refused = { status: 403, title: "Not allowed", detail: "the token is limited" };
  await page.route("**/comparison", (route) => held.then(() => route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify(refused) })), { times: 1 });
  person.expected.push(/status of 40[03]/);
  await person.signIn(server.token, "/console/rules/large");
  const region = page.getByRole("region", { name: "In shadow and live", exact: true });
  await region.getByText("Loading…").waitFor();
  answer();
  await region.getByText("the token is limited").waitFor();
  await region.getByRole("button", { name: "Try again" }).press("Enter");
  const table = (name) => region.getByRole("group", { name, exact: true }).getByRole("row");
  const cells = async (name) => (await table(name).allInnerTexts()).slice(1).map((row) => row.split(/\t/).map((cell) => cell.trim()));
  await region.getByRole("heading", { name: "Both" }).waitFor();
  const counted = async () => (await cells("Alerts in shadow and live")).map((row) => row[1]);
  assert.deepEqual(await counted(), ["3", "1", "2", "3", "1"]);
  assert.match((await cells("Alerts in shadow and live"))[1][2], /^100 % of 1/);
  assert.deepEqual(await cells("Keys in shadow and live"), [["1", "2", "1"]]);
  assert.deepEqual(await cells("Live rules beside it"), [["small", "1", "1"]]);
  assert.deepEqual((await cells("In shadow and live by day")).map((row) => row.slice(1)), [["1", "2", "1"]]);
  await region.getByRole("link", { name: /400.00 on card c3/ }).waitFor();
  await person.inspect("comparison");
  // Otherwise, by keyboard.
  const otherwise = page.getByRole("region", { name: "Compare otherwise" });
  await otherwise.getByText("Compare otherwise", { exact: true }).last().press("Enter");
  await otherwise.getByLabel("One live rule").fill("large");
  await person.press("Enter");
  await until(async () => (await table("Alerts in shadow and live").count()) > 0 && (await counted())[3] === "4", "the rule's own alerts");
  assert.deepEqual(await counted(), ["3", "1", "2", "4", "2"]);
  await otherwise.getByLabel("From", { exact: true }).fill("2030-01-01");
  await otherwise.getByRole("button", { name: "Compare", exact: true }).press("Enter");
  await region.getByText("Neither this rule in shadow nor a live rule by the same key raised an alert.").waitFor();
  await otherwise.getByLabel("At most apart").fill("soon");
  await person.press("Enter");
  await region.getByText("within takes a duration").waitFor();
  await person.inspect("comparison-refused");
});

check("a rule's page lists the versions that changed it, page by page, with who, why and what, and leads to each", async ({ server, person }) => {
  const { page } = person;
  const put = (least, comment) =>
    server.ask("PUT", `/v1/rules/often?comment=${comment}`, `rule often "Often" { by card when payment where amount > ${least} alert "x" }`, "text/plain", least === 1 ? { "If-None-Match": "*" } : { "If-Match": "*" });
  for (let least = 1; least <= 21; ++least) assert.equal((await put(least, `try-${least}`)).status, 200);
  await person.signIn(server.token, "/console/rules/often");
  const panel = page.getByRole("region", { name: "Versions of this rule" });
  await panel.getByRole("row", { name: /^22 changed .* try-21$/ }).waitFor();
  assert.equal(await panel.getByRole("row").count(), 1 + 20);
  await server.ask("PUT", "/v1/rules/often/stage?comment=calm", { stage: "shadow" }, "application/json", { "If-Match": "*" });
  await panel.getByRole("row", { name: /^23 stage live → shadow .* calm$/ }).waitFor();
  await person.inspect("rule-versions");
  await panel.getByRole("button", { name: "Earlier versions" }).press("Enter");
  await panel.getByRole("row", { name: /^2 added .* try-1$/ }).waitFor();
  assert.equal(await panel.getByRole("row").count(), 1 + 2);
  await panel.getByRole("link", { name: "3", exact: true }).press("Enter");
  await page.locator(".difference .added", { hasText: "amount > 2" }).waitFor();
});

check("a version is one step back: the difference line by line, and a reason", async ({ server, person }) => {
  const { page } = person;
  const pack = await server.ask("GET", "/v1/pack");
  const text = pack.json.files["rules.tocsin"].replace("amount > 100", "amount > 250");
  await server.ask("PATCH", "/v1/pack?comment=less", { files: { "rules.tocsin": text } }, "application/json", { "If-Match": "*" });
  await person.signIn(server.token, "/console/changes");
  await page.getByRole("link", { name: "2", exact: true }).press("Enter");
  await until(async () => (await page.evaluate(() => `${document.activeElement?.id} ${document.title}`)) === "main Version 2 · Tocsin", "the focus on the screen that came");
  await page.locator(".difference .removed", { hasText: "amount > 100" }).waitFor();
  await page.locator(".difference .added", { hasText: "amount > 250" }).waitFor();
  // Any two versions, in either direction; one that is none is said.
  await server.ask("PATCH", "/v1/pack?comment=more&commit=8f2c1e7", { files: { "rules.tocsin": text.replace("amount > 250", "amount > 300") } }, "application/json", { "If-Match": "*" });
  await page.goto(`${server.url}/console/versions/3`);
  await person.sees("8f2c1e7");
  const compare = page.getByRole("region", { name: "Compare with another version" });
  const beside = async (number, removed, added) => {
    if (!(await compare.getByLabel("Version before").isVisible())) await compare.getByText("Compare with another version", { exact: true }).last().press("Enter");
    await compare.getByLabel("Version before").fill(number);
    await person.press("Enter");
    await person.sees(`Beside version ${number}.`);
    await page.locator(".difference .removed", { hasText: removed }).waitFor();
    await page.locator(".difference .added", { hasText: added }).waitFor();
  };
  await beside("1", "amount > 100", "amount > 300");
  await person.inspect("version-compared");
  await page.goto(`${server.url}/console/versions/1`);
  await beside("3", "amount > 300", "amount > 100");
  person.expected.push(/status of 404/);
  await compare.getByLabel("Version before").fill("99");
  await person.press("Enter");
  await page.getByRole("region", { name: "What it changed" }).getByRole("alert").waitFor();
  await page.goto(`${server.url}/console/versions/1`);
  await page.getByText("Go back to this version").press("Enter");
  await page.getByLabel("Reason").fill("it was right");
  await person.press("Enter");
  await page.getByRole("link", { name: "version 4" }).press("Enter");
  await person.sees("it was right");
  assert.equal((await server.ask("GET", "/v1/pack")).json.files["rules.tocsin"], pack.json.files["rules.tocsin"]);
});
