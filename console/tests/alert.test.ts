// The page of an alert: why it was raised.
import "./page";
import assert from "node:assert/strict";
import { test } from "node:test";
import { conditionsOf, valuesIn } from "../src/conditions";
import { JsonObject, parseJson, show } from "../src/json";
import { stoodByEvent } from "../src/stood";
import { marksOf } from "../src/timeline";
import { stepOf } from "../src/trace";

test("timeline: events of the key that were not taken have no label, and take no room for one", () => {
  const { marks, lanes } = marksOf([{ at: 1_000_000, step: "a" }, { at: 1_000_001, step: "" }, { at: 3_000_000, step: "b" }]);
  assert.deepEqual(marks.map(({ step, lane }) => [step, lane]), [["a", 0], ["", -1], ["b", 0]]);
  assert.equal(lanes, 1);
});

test("an alert's conditions: those of each step, with the values that its events have for the names in them", () => {
  const explanation = parseJson(`{"automaton":{"conditions":[{"name":"C1","text":"amount < 5"},{"name":"C2","text":"x"}],"states":[{"name":"start"},{"name":"small","conditions":["C1"]},{"name":"big","conditions":["C2","C1"]}]}}`) as JsonObject;
  assert.deepEqual([...conditionsOf(explanation)], [["small", ["amount < 5"]], ["big", ["x", "amount < 5"]]]);
  assert.deepEqual([...conditionsOf({})], []);
  const event = (as: string, fields: string) => parseJson(`{"as":"${as}","fields":${fields}}`) as JsonObject;
  const events = [event("small", '{"amount":1.00}'), event("small", '{"amount":2.00}'), event("big", '{"amount":900.00,"m":1,"country":null,"in":"x"}')];
  const met = (condition: string, at = 2) => valuesIn(condition, events, at).map(({ name, values }) => `${name}: ${values.map((value) => (value === null ? "null" : show(value))).join()}`);
  assert.deepEqual(met("amount > 20 * avg(small.amount)"), ["amount: 900.00", "small.amount: 1.00,2.00"]);
  assert.deepEqual(met("small.amount > 1", 0), ["small.amount: 1.00"], "a step's own name, before it took another");
  assert.deepEqual(met("amount > 1 and amount < 3 within 10m", 1), ["amount: 2.00"]);
  assert.deepEqual(met('country not in blocked and spend > 10 and "amount" = `in`'), ["country: null", "in: x"]);
  assert.deepEqual(met("nothing > 1"), []);
});

test("trace: an event is of the step for which the alert took it", () => {
  const alert = parseJson('{"events":[{"as":"big","type":"payment","id":"p4","ts":1772452920000123},{"as":"late","type":"login","id":"","ts":1772452920000000}]}') as JsonObject;
  const of = (type: string, id: string, time: string) => stepOf({ type, id, time }, alert);
  assert.deepEqual([of("payment", "p4", "2026-03-02T12:02:00.000123Z"), of("login", "", "2026-03-02T12:02:00Z"), of("payment", "p5", "2026-03-02T12:02:00Z"), of("payment", "p4", "2026-03-02T12:02:01Z"), stepOf(null, alert)], ["big", "late", "", "", ""]);
});

test("an explanation: the conditions of each event, in the order of the alert's events, over its steps", () => {
  const explanation = parseJson('{"steps":[{"step":"small","events":[{"conditions":[{"condition":"a"},{"condition":"b"}]},{"conditions":[]}]},{"step":"big","events":[{"conditions":[{"condition":"c"}]}]}]}') as JsonObject;
  assert.deepEqual(stoodByEvent(explanation).map((event) => event.map((one) => show(one.condition))), [["a", "b"], [], ["c"]]);
  assert.deepEqual(stoodByEvent({}), []);
});
