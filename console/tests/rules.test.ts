// Rules while they are edited, and changes of them.
import "./page";
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstRule, foldAt, ruleAt } from "../src/blocks";
import { comparisonQuery, leftOut } from "../src/comparison";
import { changedFiles, fatesOf, filesAfter } from "../src/consequences";
import { LABEL_LINES } from "../src/differences";
import { JsonObject, parseJson, show } from "../src/json";
import { changeText } from "../src/rule_versions";
import { keysSaid, nearestRule, progressOf } from "../src/near_keys";
import { searchTarget } from "../src/shell";
import { resultText } from "../src/tested";

test("blocks: the rule of a place is that of its rule or test, and none between them", () => {
  const text = 'event a { ts: time }\nrule one "}{" {\n  when a # }\n}\n\nfeature f = count(a)\ntest `every` "t" {\n  0s a { }\n}\n';
  const at = (part: string) => ruleAt(text, text.indexOf(part));
  assert.deepEqual([at("event"), at("when"), at("feature"), at("0s a"), ruleAt(text, text.length)], ["", "one", "", "every", ""]);
  assert.equal(ruleAt("rule open {\n  when", 19), "open", "a block that is not closed yet");
  assert.deepEqual([firstRule(text), firstRule("rule `each` {"), firstRule("# rule a")], ["one", "each", ""]);
});

test("blocks: from a brace to the one that closes it on another line, whatever stands in texts and comments", () => {
  const text = 'rule a "{" { # {\n  alert "}" { n: 1 }\n  b { c {\n } } }\n';
  const fold = (line: number) => {
    const begin = text.split("\n").slice(0, line).join("\n").length + (line > 0 ? 1 : 0);
    const found = foldAt(text, begin, text.indexOf("\n", begin));
    return found && text.slice(found.from, found.to);
  };
  assert.equal(fold(0), text.slice(12, text.lastIndexOf("}")));
  assert.deepEqual([fold(1), fold(2), fold(3)], [null, "\n ", null]);
  assert.equal(foldAt("a {\n b", 0, 3), null, "nothing closes it");
});

test("tests of what is edited: how many of them pass, in words", () => {
  const said = (text: string) => resultText(parseJson(text) as JsonObject);
  assert.equal(said('{"passed":3,"failed":1,"not_run":0}'), "3 of 4 tests pass.");
  assert.equal(said('{"passed":1,"failed":0,"not_run":0}'), "1 of 1 test passes.");
  assert.equal(said('{"passed":0,"failed":0,"not_run":0}'), "There are no tests.");
  assert.equal(said('{"passed":1,"failed":1,"not_run":0,"unchanged":7}'), "1 of 2 tests pass. 7 others are of rules that did not change.");
  assert.equal(said('{"passed":0,"failed":0,"not_run":0,"unchanged":1}'), "No test is of what changed. 1 other is of rules that did not change.");
  assert.equal(said('{"passed":5,"failed":0,"not_run":2}'), "5 of 7 tests pass; 2 of them were not run, for want of time.");
});

test("versions of a rule: what each did to it, in words", () => {
  const said = (text: string) => changeText(parseJson(text) as JsonObject);
  assert.equal(said('{"version":2,"change":"added"}'), "added");
  assert.equal(said('{"version":3,"change":"changed","stage":["live","live 10%"]}'), "changed, stage live → live 10%");
  assert.equal(said('{"version":4,"change":"stage","stage":["shadow","live"]}'), "stage shadow → live");
});

test("a change that waits: its files, and the fate of rules that begin or end to run with their stage", () => {
  const change = parseJson('{"files":[{"path":"a","change":"changed","before":"1","after":"2"},{"path":"b","change":"removed","before":"1"},{"path":"c","change":"added","after":"3"}]}') as JsonObject;
  assert.deepEqual(changedFiles(change), { a: "2", b: null, c: "3" });
  assert.deepEqual(filesAfter({ a: "1", b: "1", d: "4" }, change), { a: "2", d: "4", c: "3" });
  const said = (fates: JsonObject) => ["kept", "started", "replayed", "lost"].map((list) => (fates[list] as JsonObject[]).map((one) => show(one.rule ?? one.feature)).join(" ")).join("; ");
  const stages = { w: ["live", "retired"], x: ["draft", "live 10%"], y: ["shadow", "live"], z: ["", "draft"] };
  // Of stages alone it says the rules whose stage changes.
  assert.equal(said(fatesOf(undefined, stages)), "y; x; ; w");
  // Beside files it is the plan's, but for a rule that begins or ends to run.
  const plan = parseJson('{"kept":[{"rule":"w"},{"rule":"y"},{"feature":"w"}],"started":[{"rule":"z"},{"rule":"n"}],"lost":[{"rule":"o"}]}') as JsonObject;
  assert.equal(said(fatesOf(plan, stages)), "y w; n x; ; o w");
});

test("a backtest: what labels say, in the lines of its table", () => {
  const labels = parseJson('{"alerts_fraud":3,"alerts_ok":1,"alerts_unlabelled":2,"frauds_found":2,"frauds":5}') as JsonObject;
  assert.deepEqual(LABEL_LINES.map((line) => line.of(labels)), ["3", "1", "2", "2", "3", "75 % of 4 (30 to 95 %)", "40 % of 5 (12 to 77 %)"]);
});

test("comparison: days are asked for from the beginning of the first to the end of the last", () => {
  assert.equal(comparisonQuery({}), "");
  const asked = new URLSearchParams(comparisonQuery({ from: "2026-03-01", to: "2026-03-31", within: "1h", against: "large" }));
  assert.deepEqual([...asked.values()], ["2026-03-01T00:00:00Z", "2026-04-01T00:00:00.000Z", "1h", "large"]);
});

test("comparison: what is not in its numbers is said, and nothing else", () => {
  const whole = { complete: true, examined: 7, labels_left_out: 0, days_left_out: 0, rules_left_out: 0 };
  assert.deepEqual(leftOut(whole), []);
  assert.deepEqual(leftOut({ ...whole, complete: false, examined: 100_000, labels_left_out: 2, days_left_out: 1, rules_left_out: 3 }).length, 4);
  assert.match(leftOut({ ...whole, complete: false })[0] ?? "", /newest 7 alerts/);
});

test("keys: the rule that is nearest to an alert, how far it came, and what is said of pages", () => {
  const rule = (name: string, rest: string) => `{"rule":"${name}","matches":1,${rest}}`;
  const match = (step: number, expires: string) => `"furthest":{"step":${step},"steps":3,"complete":false,"expires":"${expires}","deadline":null}`;
  const key = parseJson(`{"missing":1,"until":"B","rules":[${rule("w", '"furthest":null,"window":{}')},${rule("a", match(1, "B"))},${rule("b", match(2, "C"))},${rule("c", match(2, "B"))}]}`) as JsonObject;
  assert.deepEqual([nearestRule(key).rule, progressOf(nearestRule(key))], ["c", "2 of 3"]);
  const waiting = parseJson(`{"missing":0,"until":"D","rules":[${rule("a", match(3, "D"))},${rule("d", '"furthest":{"step":2,"steps":3,"complete":true,"expires":null,"deadline":"D"}')}]}`) as JsonObject;
  assert.equal(nearestRule(waiting).rule, "a");
  const open = parseJson(`{"missing":null,"until":"E","rules":[${rule("s", '"furthest":null,"suppression":{}')},${rule("w", '"furthest":null,"window":{}')}]}`) as JsonObject;
  assert.deepEqual([nearestRule(open).rule, progressOf(nearestRule(open)), progressOf({ furthest: null })], ["w", "a window is open", "keeps quiet"]);
  assert.deepEqual(nearestRule({ rules: [] }), {});
  const page = (rest: string) => parseJson(`{"keys":[{},{}],"examined":1000,"found":7,${rest}}`) as JsonObject;
  assert.equal(keysSaid([page('"complete":true,"next":"n"')]), "2 of 7 keys, the nearest to an alert first.");
  assert.equal(keysSaid([page('"complete":false,"next":"n"'), page('"complete":false')]), "4 keys, the nearest to an alert first among 1,000 keys that the server examined together.");
  assert.match(keysSaid([page('"complete":false,"limited_by":"keys","next":"n"')]), /^2 keys, .* There are more: .*history\.keys_max/);
});

test("search: keys that begin so", () => {
  assert.deepEqual(["card=c1*", "card=*", "card=c&*", "card=c1", "card=a*b"].map((text) => searchTarget(text, [])), ["/keys?prefix=c1", "/keys?prefix=", "/keys?prefix=c%26", "/keys/card%3Dc1", "/keys/card%3Da*b"]);
});
