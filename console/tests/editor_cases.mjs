// The editor of rules: from the key to the mark, tried, proposed, and never over what somebody else wrote.
import assert from "node:assert/strict";
import { check } from "./cases.mjs";
import { MORE_RULES, content, overwrite, select, until } from "./world.mjs";

const textOf = async (page) => (await content(page).innerText()).replaceAll("\u200b", "");

check("the editor: a mistake is marked at its place, corrected, completed, tried, tested and saved", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/rules/burst");
  await page.getByRole("link", { name: "Edit this rule" }).press("Enter");
  await person.sees("As it is on the server.");
  await person.sees("0 errors");
  assert.ok((await textOf(page)).includes('test burst "two and a large one"'));
  // A character of two UTF-16 units before the mistake: the mark stands at the mistake.
  await overwrite(page, '"Small ones, then', '"😀 paimentt" when 2+ paiment');
  await page.locator(".cm-lintRange-error").first().waitFor();
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Control+z");
  await until(async () => (await page.locator(".cm-lintRange-error").count()) === 0, "no mark");
  await overwrite(page, "payment as big", "paiment as big");
  await until(async () => (await page.locator(".cm-lintRange-error").allInnerTexts()).join() === "paiment", "the mark at the mistake");
  await page.getByRole("button", { name: /^line \d+$/ }).first().waitFor();
  await person.inspect("editor-mistake");
  await page.keyboard.press("Escape");
  await overwrite(page, "paiment as big", "payment as big");
  await until(async () => (await page.locator(".cm-lintRange-error").count()) === 0, "no mistake");
  // Its words and the names of all files are completed.
  await overwrite(page, "severity medium", "severity medium\nmerchan");
  await page.keyboard.press("Control+Space");
  await page.getByRole("option", { name: "merchants" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+z");
  await until(async () => !(await textOf(page)).includes("merchan"), "the text as it was");
  await overwrite(page, "amount > 500", "amount > 950");
  // The tests of the rule, which now fail; then events of one's own.
  person.expected.push(/status of 422/);
  await page.getByText("Run the tests, and say").press("Enter");
  await page.getByRole("button", { name: "Run the tests" }).press("Enter");
  await person.sees("1 of the rules' own tests fail");
  await person.sees(/the alert did not come|no alert/);
  await overwrite(page, "amount > 950", "amount > 600");
  // The checks of what is typed, or somebody else's, may have all places for a moment.
  person.expected.push(/status of 503/);
  for (const path of ["**/v1/pack/plan", "**/v1/rules/dry-run"]) {
    const problem = JSON.stringify({ type: "urn:tocsin:problem:unavailable", title: "Try again later", status: 503, detail: "as many checks run as may" });
    await page.route(path, (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: problem }), { times: 2 });
  }
  await page.getByRole("button", { name: "Run the tests" }).press("Enter");
  await person.sees("All tests pass.");
  await page.locator(".difference .added", { hasText: "amount > 600" }).waitFor();
  await page.getByText("Try it on events").press("Enter");
  const event = (second, amount) => `{"type":"payment","ts":"2026-03-02T13:00:0${second}Z","id":"t${second}","card":"c","amount":${amount}}`;
  await page.getByLabel("Events, one in each line", { exact: true }).fill(`${event(1, "1.00")}\n${event(2, "1.50")}\nno`);
  await page.getByRole("button", { name: "Try", exact: true }).press("Enter");
  await person.sees("line 3 is no JSON");
  await page.getByLabel("Events, one in each line", { exact: true }).fill([event(1, "1.00"), event(2, "1.50"), event(3, "700.00")].join("\n"));
  await page.getByRole("button", { name: "Try", exact: true }).press("Enter");
  await page.getByRole("row", { name: /burst medium 2 small, then 700.00/ }).waitFor();
  await person.inspect("editor-tried");
  // Those of a key, from the archive, and how far the rule came.
  await page.getByLabel("Or those of a key").fill("card=c2");
  await page.getByRole("button", { name: "Take the events of the key" }).press("Enter");
  await person.sees("1 event of the key");
  await page.getByRole("button", { name: "Try", exact: true }).press("Enter");
  await page.getByLabel("How far the rule came").getByText("burst").first().waitFor();
  // Over the past, and back: what was written is still there.
  await page.getByText("Run it over the past").press("Enter");
  await page.getByRole("button", { name: "Start a backtest" }).press("Enter");
  await page.getByRole("row", { name: /^burst/ }).waitFor();
  await page.goBack();
  await person.sees("Not saved.");
  assert.ok((await textOf(page)).includes("amount > 600"));
  await page.getByLabel("Why").fill("fewer false alarms");
  await page.getByRole("button", { name: "Save it" }).press("Enter");
  await person.sees("It holds, with");
  await person.sees("As it is on the server.");
  const version = (await server.ask("GET", "/v1/versions?limit=1")).json.versions[0];
  assert.equal(version.comment, "fewer false alarms");
  assert.ok((await server.ask("GET", "/v1/rules/burst")).json.source.includes("amount > 600"));
}, { rules: MORE_RULES });

check("the editor: what somebody else changed is shown, and not overwritten; Tab leaves it", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/pack/rules.tocsin?line=4");
  await person.sees("0 errors");
  await page.keyboard.press("Tab");
  assert.equal(await content(page).evaluate((element) => element.getRootNode().activeElement), null);
  await overwrite(page, "amount <= 100", "amount <= 90 # why? 1/2"); // no key of the page
  assert.equal(await page.getByRole("dialog").count(), 0);
  const before = (await server.ask("GET", "/v1/pack")).json.files["rules.tocsin"];
  await server.ask("PATCH", "/v1/pack", { files: { "rules.tocsin": before.replace("A small payment", "A very small payment") } }, "application/json", { "If-Match": "*" });
  person.expected.push(/status of 412/);
  await page.getByLabel("Why").fill("less");
  await page.getByRole("button", { name: "Save it" }).press("Enter");
  await page.getByRole("heading", { name: "Somebody else changed it" }).waitFor();
  await page.locator(".difference .removed", { hasText: "A very small payment" }).waitFor();
  assert.ok((await server.ask("GET", "/v1/pack")).json.files["rules.tocsin"].includes("amount <= 100"));
  await overwrite(page, "A small payment", "A very small payment");
  await page.getByRole("button", { name: "Save it" }).press("Enter");
  await person.sees("It holds, with");
  const after = (await server.ask("GET", "/v1/pack")).json.files["rules.tocsin"];
  assert.ok(after.includes("A very small payment") && after.includes("amount <= 90 # why? 1/2"));
});

for (const [what, place, wanted] of [
  ["a rule", "rules/small/edit", "amount <= 90"],
  ["a file", "pack/rules.tocsin", "amount <= 90"],
]) {
  check(`the editor: a draft of ${what} that was kept on another screen does not overwrite what a colleague saved meanwhile`, async ({ server, person }) => {
    const { page } = person;
    await person.signIn(server.token, `/console/${place}`);
    await person.sees("0 errors");
    await overwrite(page, "amount <= 100", wanted);
    await person.sees("Not saved.");
    await page.getByRole("link", { name: "Backtests" }).press("Enter");
    await page.getByRole("heading", { name: "Backtests", exact: true, level: 1 }).waitFor();
    const before = (await server.ask("GET", "/v1/pack")).json.files["rules.tocsin"];
    const theirs = before.replace("A small payment", "A very small payment");
    assert.equal((await server.ask("PATCH", "/v1/pack", { files: { "rules.tocsin": theirs } }, "application/json", { "If-Match": "*" })).status, 200);
    await page.goBack();
    // Said at once, and refused until the person has seen it.
    await page.getByRole("heading", { name: "Somebody else changed it" }).waitFor();
    await page.locator(".difference .removed", { hasText: "A very small payment" }).waitFor();
    person.expected.push(/status of 412/);
    await page.getByLabel("Why").fill("less");
    const answered = page.waitForResponse((answer) => ["PUT", "PATCH"].includes(answer.request().method()));
    await page.getByRole("button", { name: "Save it" }).press("Enter");
    assert.equal((await answered).status(), 412);
    await page.getByRole("button", { name: "Theirs is in it" }).waitFor({ state: "detached" }); // what is on the server was read again
    assert.equal((await server.ask("GET", "/v1/pack")).json.files["rules.tocsin"], theirs);
    await overwrite(page, "A small payment", "A very small payment");
    await page.getByRole("button", { name: "Save it" }).press("Enter");
    await person.sees("It holds, with");
    const after = (await server.ask("GET", "/v1/pack")).json.files["rules.tocsin"];
    assert.ok(after.includes("A very small payment") && after.includes(wanted), after);
  });
}

check("the editor: an analyst writes a new rule, which begins in shadow", async ({ server, person }) => {
  const { page } = person;
  const { token } = (await server.ask("POST", "/v1/tokens", { name: "ann", role: "analyst" })).json;
  await person.signIn(token, "/console/rules");
  await page.getByText("Write a new rule").press("Enter");
  await page.getByLabel("Name").fill("tiny");
  await person.press("Enter");
  await page.locator(".cm-lintRange-error").first().waitFor();
  await overwrite(page, "  by ", "  by card");
  await overwrite(page, "  when ", "  when payment as p where amount < 1.50");
  await overwrite(page, '""', '"{p.amount}"');
  await person.sees("No mistakes.");
  await page.getByLabel("Why").fill("an idea");
  await page.getByRole("button", { name: "Save it" }).press("Enter");
  await person.sees("It holds, with");
  await page.waitForURL(/rules\/tiny\/edit$/);
  assert.equal((await server.ask("GET", "/v1/rules/tiny")).json.stage, "shadow");
  await server.send([[7, "c9", "1.25"]]);
  assert.equal((await server.alerts("rule=tiny&shadow=true")).length, 1);
  await person.sees("As it is on the server.");
});

const TWO_FILES = `\
event payment { ts: time, id: string id, card: string, amount: decimal(2), note: string? }

# Paid in one go.
rule large "A large payment" {
  by card
  when payment as p where amount > 100
  alert "{p.amount} on card {card}"
}
`;
const OTHER_FILE = `\
use "rules.tocsin"
rule small "A small payment" {
  by card
  when payment as p where amount <= 100
  alert "{p.amount} is small"
}
`;
check("the editor: what a name is, where it is declared and used, another name in all files, and the layout, by keys alone", async ({ server, person }) => {
  const { page } = person;
  const saved = await server.ask("PATCH", "/v1/pack", { files: { "rules.tocsin": TWO_FILES, "more/small.tocsin": OTHER_FILE.replace("rules.tocsin", "../rules.tocsin") } }, "application/json", { "If-Match": "*" });
  assert.equal(saved.status, 200, saved.text);
  await person.signIn(server.token, "/console/rules/large/edit");
  await person.sees("0 errors");
  // The cursor to the begin of a text of the editor.
  const cursorTo = (text) => select(page, text).then(() => page.keyboard.press("ArrowLeft"));
  const told = page.getByRole("region", { name: "About the name" });
  await cursorTo("amount");
  await page.keyboard.press("F1");
  await told.getByText("field amount of event payment").waitFor();
  await told.locator("pre", { hasText: "amount: decimal(2)" }).waitFor();
  await person.inspect("editor-about");
  // Under the mouse too.
  await page.locator(".cm-line", { hasText: "alert" }).getByText("alert", { exact: true }).hover();
  await page.locator(".cm-tooltip-hover pre").first().waitFor();
  await page.mouse.move(0, 0);
  // Its uses, from one to the next, and back to the text by Escape.
  await page.keyboard.press("Shift+F12");
  const uses = told.getByRole("listitem");
  await until(async () => (await uses.count()) === 5, "five uses");
  await page.keyboard.press("Escape");
  await until(async () => (await told.count()) === 0, "no panel");
  assert.notEqual(await content(page).evaluate((element) => element.getRootNode().activeElement), null);
  // Of a step only this text knows: it is renamed here, also in the message.
  await cursorTo("p where");
  await page.keyboard.press("F2");
  const name = page.getByLabel("New name for p");
  await name.fill("no`name");
  await page.keyboard.press("Enter");
  await person.sees("It was not renamed");
  await name.fill("paid");
  await page.keyboard.press("Enter");
  await person.sees("2 places renamed.");
  assert.ok((await textOf(page)).includes("payment as paid where") && (await textOf(page)).includes("{paid.amount}"));
  // After a dot only what its event has is offered first, with its type.
  await overwrite(page, "amount > 100", "paid.");
  await page.keyboard.press("Control+Space");
  const offered = page.locator(".cm-completionLabel");
  await until(async () => (await offered.count()) > 3, "the fields");
  assert.deepEqual((await offered.allInnerTexts()).slice(0, 5).sort(), ["amount", "card", "id", "note", "ts"]);
  await page.keyboard.type("am");
  await page.getByRole("option", { name: "amount", selected: true }).waitFor();
  await page.waitForTimeout(150); // so soon after the list opens, Enter is the line's end
  await page.keyboard.press("Enter");
  await page.keyboard.type(" > 100");
  await until(async () => (await textOf(page)).includes("where paid.amount > 100"), "the field written");
  // What also stands elsewhere is renamed in its file, with all others.
  await cursorTo("amount > 100");
  await page.keyboard.press("F2");
  await page.getByLabel("New name for amount").fill("sum_paid");
  await page.keyboard.press("Enter");
  await person.sees("also stands outside of this text");
  assert.ok((await textOf(page)).includes("amount > 100"));
  // The layout: a mistake leaves the text alone.
  await overwrite(page, "by card", "by    card  ");
  await page.keyboard.press("Shift+Alt+f");
  await person.sees("It was laid out.");
  assert.ok((await textOf(page)).includes("\n  by card\n"));
  await overwrite(page, "by card", "by card {");
  await page.getByRole("button", { name: "Format" }).press("Enter");
  await person.sees("It was left as it is");
  assert.ok((await textOf(page)).includes("by card {"));
  await page.getByRole("button", { name: "Give up what was written" }).press("Enter");
  // To the declaration, which is in another text.
  await person.sees("0 errors");
  await cursorTo("amount > 100");
  await page.keyboard.press("F12");
  await page.waitForURL(/pack\/rules\.tocsin\?line=1$/);
  await page.getByRole("heading", { name: /File/ }).waitFor();
  await person.sees("0 errors");
  await cursorTo("amount > 100");
  await page.keyboard.press("F12");
  await until(() => page.evaluate(() => document.querySelector(".code").shadowRoot.getSelection?.().toString() === "amount" || document.getSelection().toString() === "amount"), "the declaration selected");
  await page.keyboard.press("F2");
  await page.getByLabel("New name for amount").fill("sum_paid");
  await page.keyboard.press("Enter");
  await person.sees("places renamed, in 2 files, which are saved together.");
  await person.sees("more/small.tocsin");
  await person.sees("0 errors");
  await page.getByLabel("Why").fill("a better name");
  await page.getByRole("button", { name: "Save it" }).press("Enter");
  await person.sees("It holds, with");
  const { files } = (await server.ask("GET", "/v1/pack")).json;
  assert.ok(files["rules.tocsin"].includes("sum_paid: decimal(2)") && files["rules.tocsin"].includes("{p.sum_paid} on card"), files["rules.tocsin"]);
  assert.ok(files["more/small.tocsin"].includes("sum_paid <= 100") && files["more/small.tocsin"].includes("{p.sum_paid} is small"));
});

check("the editor: what is written while the server lays the text out, or looks for a name, stays as it is written", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/rules/large/edit");
  await person.sees("0 errors");
  let asked = 0;
  const late = async (route) => {
    if (asked++ === 0) {
      await select(page, "amount > 100");
      await page.keyboard.type("amount   >   2000");
    }
    await route.continue();
  };
  await page.route("**/v1/rules/format", late);
  await overwrite(page, "by card", "by    card  ");
  await page.keyboard.press("Shift+Alt+f");
  await person.sees("It was laid out.");
  const text = await textOf(page);
  assert.ok(text.includes("\n  by card\n") && text.includes("amount > 2000"), text);
  assert.equal(asked, 2);
  // A name: its places are those of a text that is not there any more.
  await select(page, "payment as p").then(() => page.keyboard.press("ArrowLeft"));
  await page.keyboard.press("F2");
  await page.getByLabel(/^New name for/).fill("charge");
  await page.route("**/v1/rules/language", async (route) => {
    const isRename = route.request().postData().includes('"charge"');
    if (isRename) await overwrite(page, "by card", "by  card");
    await route.continue();
  });
  await page.getByLabel(/^New name for/).press("Enter");
  await person.sees("The text was changed meanwhile, and nothing was renamed.");
  assert.ok((await textOf(page)).includes("payment as p"));
});

const TESTED = `${MORE_RULES}test large "none" {
  0s payment { card: "c", amount: 1.00 }
  expect no alert
}
`;
check("the editor: the tests run at each pause, and the rule is explained as it is written", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/rules/burst/edit");
  const tests = page.getByRole("region", { name: "Tests" });
  await tests.getByText("1 of 1 test passes.").waitFor();
  await overwrite(page, "amount > 500", "amount > 950");
  await tests.getByText("0 of 1 test passes.").waitFor();
  await tests.getByText("no alert came, 1 expected", { exact: true }).waitFor();
  await tests.getByText("What came, and what stopped it").press("Enter");
  await tests.getByText("`amount > 950` is not true: amount is 900.00").waitFor();
  await person.inspect("editor-tests");
  await tests.getByRole("button", { name: /^line \d+$/ }).press("Enter");
  assert.match(await page.locator(".cm-activeLine").innerText(), /^test burst "two and a large one"/);
  // What it says and how it runs, and again after a change.
  const summary = page.getByText("What it says, and how it would run");
  await summary.press("Enter");
  const explained = page.getByRole("region", { name: "Explanation" });
  await explained.getByText("small to big: takes payment where amount > 950").waitFor();
  await explained.locator("svg.automaton").waitFor();
  assert.match(await explained.locator("pre").innerText(), /`amount` is more than 950/);
  await person.inspect("editor-explained");
  await overwrite(page, "amount > 950", "amount > 600");
  await explained.getByText("small to big: takes payment where amount > 600").waitFor();
  await tests.getByText("1 of 1 test passes.").waitFor();
  await overwrite(page, "amount > 600", "amuont > 600");
  await tests.getByText("They run once it has no mistakes.").waitFor();
  await page.getByText("It has mistakes: this is of the text before them.").waitFor();
  await explained.getByText("small to big: takes payment where amount > 600").waitFor();
}, { rules: TESTED });

check("the editor of a file: tests and explanation are of the rule at the cursor; search, replace and folding, by keys", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/pack/rules.tocsin");
  const tests = page.getByRole("region", { name: "Tests" });
  await tests.getByText("2 of 2 tests pass.").waitFor();
  await overwrite(page, "amount < 5 then", "amount < 6 then");
  await tests.getByText("1 of 1 test passes.").waitFor();
  await page.getByText("What it says, and how it would run").press("Enter");
  const explained = page.getByRole("region", { name: "Explanation" });
  await explained.getByText("start to small: takes payment where amount < 6").waitFor();
  await select(page, "rule small");
  await page.getByRole("button", { name: "Explain the rule at the cursor" }).press("Enter");
  await explained.getByRole("heading", { name: "small" }).waitFor();
  // Search: the next one, all of them, and what stands in their place.
  await select(page, "event payment");
  await person.press("Control+f");
  const find = page.getByRole("textbox", { name: "Find" });
  await find.waitFor();
  await person.press(..."amount < 6", "Enter");
  await until(async () => (await page.locator(".cm-searchMatch-selected").allInnerTexts()).join() === "amount < 6", "the match");
  await person.inspect("editor-search");
  await page.getByRole("textbox", { name: "Replace" }).focus();
  await person.press(..."amount < 4");
  await page.getByRole("button", { name: "replace all" }).press("Enter");
  await until(async () => (await textOf(page)).includes("amount < 4 then"), "what replaces it");
  await find.press("Escape");
  await find.waitFor({ state: "detached" });
  assert.equal(await content(page).evaluate((element) => element.getRootNode().activeElement === element), true);
  await explained.getByRole("heading", { name: "small" }).waitFor();
  await page.getByRole("button", { name: "Find and replace" }).press("Enter");
  await find.waitFor();
  await person.press("Escape");
  // Folding: the rule at the cursor, and open again; what is folded is still checked and saved.
  await select(page, "rule burst");
  await person.press("Control+Shift+BracketLeft");
  await page.locator(".cm-foldPlaceholder").waitFor();
  assert.ok(!(await textOf(page)).includes("severity medium"));
  await person.inspect("editor-folded");
  await person.press("Control+Shift+BracketRight");
  await page.locator(".cm-foldPlaceholder").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Fold", exact: true }).press("Enter");
  await page.locator(".cm-foldPlaceholder").waitFor();
  await page.getByRole("button", { name: "Fold", exact: true }).press("Enter");
  await until(async () => (await textOf(page)).includes("severity medium"), "the rule again");
  await page.getByRole("button", { name: "Give up what was written" }).press("Enter");
  await person.sees("As it is on the server.");
}, { rules: TESTED });

check("the editor: a test that fails is marked at its line; tests of other rules that change run too; a line's quick fixes; all by keys", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/pack/rules.tocsin");
  const tests = page.getByRole("region", { name: "Tests" });
  await tests.getByText("2 of 2 tests pass.").waitFor();
  // The cursor is in the rule `small`; of the others those run whose feature or condition is another now.
  await overwrite(page, "amount > 500", "amount > 950");
  await tests.getByText(/^0 of 1 test passes\. 1 other is of rules that did not change\.$/).waitFor();
  await until(async () => (await page.locator(".cm-lintRange-error").allInnerTexts()).join().startsWith("test burst"), "the mark at the test");
  assert.equal(await page.locator(".cm-lint-marker-error").count(), 1);
  await page.locator(".cm-lintRange-error").first().hover();
  await page.locator(".cm-diagnosticText", { hasText: "why no alert came" }).getByText("is not true: amount is 900.00").waitFor();
  await person.inspect("editor-failed-test");
  await page.keyboard.press("Escape");
  await overwrite(page, "amount > 950", "amount > 500");
  await until(async () => (await page.locator(".cm-lintRange-error").count()) === 0, "no mark");
  // What can be done about a line: a missing event is declared, a test is begun, a warning is allowed.
  await overwrite(page, "payment as big", "purchase as big");
  await page.locator(".cm-lintRange-error").first().waitFor();
  await select(page, "purchase as big");
  await person.press("Control+.");
  const told = page.getByRole("region", { name: "About the name" });
  await told.getByRole("button", { name: "Declare event purchase" }).waitFor();
  await person.inspect("editor-actions");
  await told.getByRole("button", { name: "Declare event purchase" }).press("Enter");
  await person.sees("Done: Declare event purchase.");
  await until(async () => /event purchase \{[^]*rule/.test(await textOf(page)), "the declaration");
  await page.getByRole("button", { name: "Give up what was written" }).press("Enter");
  await select(page, "rule small");
  await page.getByRole("button", { name: "What can be done here" }).press("Enter");
  await told.getByRole("button", { name: "Add a test that does not alert" }).press("Enter");
  await until(async () => (await textOf(page)).includes('test small "what is not enough" {'), "the test");
  await select(page, "rule large");
  await page.getByRole("button", { name: "What can be done here" }).press("Enter");
  await told.getByRole("button", { name: /^Allow `.*` in this rule$/ }).first().press("Enter");
  await until(async () => /allow \w+ "reason"/.test(await textOf(page)), "the warning is allowed");
  await page.getByRole("button", { name: "Give up what was written" }).press("Enter");
  await person.sees("As it is on the server.");
}, { rules: TESTED });

check("the editor: who leaves the page is held by what was written, and not by what was given up just now", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/pack/rules.tocsin?line=4");
  await person.sees("0 errors");
  const isHeld = () => page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
  assert.equal(await isHeld(), false);
  await overwrite(page, "amount <= 100", "amount <= 90");
  await person.sees("Not saved.");
  assert.equal(await isHeld(), true);
  // Not a frame later.
  const isHeldThen = await page.getByRole("button", { name: "Give up what was written" }).evaluate(async (button) => {
    button.click();
    await undefined;
    return !dispatchEvent(new Event("beforeunload", { cancelable: true }));
  });
  assert.equal(isHeldThen, false);
}, { rules: MORE_RULES });
