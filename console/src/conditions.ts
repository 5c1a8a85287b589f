// The conditions of a rule's steps, by the text that was active when an alert was stored, and the values of its events in them.
import { Row } from "./alerts";
import { askPatiently, get, part } from "./api";
import { Json, JsonObject, show } from "./json";
import { numberOf, objects } from "./table";

const PAGE = 100;
export interface Conditions {
  of: ReadonlyMap<string, readonly string[]>; // by step
  says: readonly JsonObject[]; // the rule in words
  then: string; // the version that was active; empty: it is no longer kept
  now: string;
  isChanged: boolean; // the rule, between the two
  lives: number; // how long a match may last, as livesOf() has it
  automaton: Automaton;
}

/** The conditions of each step that has some, of a rule's explanation; none where it runs without an automaton. */
export function conditionsOf(explanation: JsonObject): Map<string, string[]> {
  const automaton = explanation.automaton as JsonObject | undefined;
  const texts = new Map(objects(automaton, "conditions").map((one) => [show(one.name), show(one.text)]));
  const steps = objects(automaton, "states").map((state): [string, string[]] => [
    show(state.name),
    (Array.isArray(state.conditions) ? state.conditions : []).map((name) => texts.get(show(name)) ?? show(name)),
  ]);
  return new Map(steps.filter(([, conditions]) => conditions.length > 0));
}

/** How long a match may last from its first event on, in microseconds; 0: it has no such end. */
export function livesOf(explanation: JsonObject): number {
  const ends = (explanation.automaton as JsonObject | undefined)?.ended_by;
  const isBound = Array.isArray(ends) && ends.some((end) => / after its first event$/.test(show(end)));
  return isBound ? Number(show((explanation.state as JsonObject | undefined)?.lives_us ?? 0)) || 0 : 0;
}

/** A way of the automaton: from a state to one of those from `to` up to `last`. */
interface Way {
  from: number;
  to: number;
  last: number;
  within: number; // in microseconds after the event before; 0: without such an end
}
export interface Automaton {
  called: readonly (readonly string[])[]; // of each state, what alerts call its events
  ways: readonly Way[];
}
export function automatonOf(explanation: JsonObject): Automaton {
  const automaton = explanation.automaton as JsonObject | undefined;
  return {
    called: objects(automaton, "states").map((state) => (Array.isArray(state.called) ? state.called.map(show) : [])),
    ways: objects(automaton, "transitions").map((way) => ({
      from: numberOf(way, "from"),
      to: numberOf(way, "to"),
      last: way.to_last === undefined ? numberOf(way, "to") : numberOf(way, "to_last"),
      within: numberOf(way, "within_us"),
    })),
  };
}
/**
 * How long after the event before each event of a match might have come, by what alerts call them, in their order: 0 where it has no
 * such end, and where the names alone do not say by which way it came.
 */
export function gapsOf({ called, ways }: Automaton, events: readonly string[]): number[] {
  const leadsTo = (way: Way, states: ReadonlySet<number>) => [...states].some((state) => way.to <= state && state <= way.last);
  const named = events.map((name) => new Set(called.flatMap((names, state) => (names.includes(name) ? [state] : []))));
  const match = called.length - 1;
  // From behind, as the last event has to lead to the match; then from the start.
  let onward = new Set(ways.filter(({ last }) => last === match).map(({ from }) => from));
  const last: Set<number>[] = [];
  for (const states of [...named].reverse()) {
    const some = new Set([...states].filter((state) => onward.has(state)));
    last.unshift(some);
    onward = new Set(ways.filter((way) => leadsTo(way, some)).map(({ from }) => from));
  }
  let here = new Set([0]);
  return last.map((states) => {
    const taken = ways.filter((way) => here.has(way.from) && leadsTo(way, states));
    here = new Set([...states].filter((state) => taken.some((way) => leadsTo(way, new Set([state])))));
    const gaps = new Set(taken.map(({ within }) => within));
    return gaps.size === 1 ? ([...gaps][0] ?? 0) : 0;
  });
}

/** The version that was active when an alert was stored, empty where it is no longer kept, and the one of now. */
async function versionsAt(storedAt: string, signal: AbortSignal): Promise<{ then: string; now: string }> {
  const stored = Date.parse(storedAt);
  let now = "";
  for (let before = ""; ; ) {
    const page = objects(await get(`/v1/versions?limit=${PAGE}${before && `&before=${before}`}`, signal), "versions");
    now ||= show(page[0]?.version);
    const then = page.find((version) => Date.parse(show(version.at)) <= stored);
    if (then || page.length < PAGE) return { then: show(then?.version), now };
    before = show(page.at(-1)?.version);
  }
}
export async function readConditions(row: Row, signal: AbortSignal): Promise<Conditions> {
  const rule = show(row.alert.rule);
  const { then, now } = await versionsAt(row.storedAt, signal);
  if (!then) return { of: new Map(), says: [], then, now, isChanged: false, lives: 0, automaton: automatonOf({}) };
  const changed = then === now ? [] : objects(await get(`/v1/versions/${part(now)}/diff?from=${part(then)}`, signal), "rules");
  const isChanged = changed.some((one) => show(one.rule) === rule);
  const read = (explanation: JsonObject) => ({ of: conditionsOf(explanation), says: objects(explanation, "says"), then, now, isChanged, lives: livesOf(explanation), automaton: automatonOf(explanation) });
  if (!isChanged) return read(await get(`/v1/rules/${part(rule)}/explain`, signal));
  const { files } = await get(`/v1/versions/${part(then)}`, signal);
  const answer = await askPatiently("/v1/rules/explain", { files, rule }, signal);
  return read(answer.explanation as JsonObject);
}

// A text, a number with its unit, or a name with what may follow it.
const PIECE = /"(?:[^"\\]|\\.)*"|\d[\w.]*|(`[^`]*`|[A-Za-z_]\w*)(?:\.(`[^`]*`|[A-Za-z_]\w*))?(\s*\()?/g;
const WORDS = /^(and|or|not|in|is|missing|known|between)$/;
const bare = (name: string) => name.replaceAll("`", "");
const fieldOf = (event: JsonObject | undefined, name: string): Json | undefined => (event?.fields as JsonObject | undefined)?.[name];
export interface Met {
  name: string; // as the condition has it
  values: Json[]; // of several events where it names an earlier step
}
/** The fields that a condition on the event at `at` names, with their values; what the alert does not have is left out. */
export function valuesIn(condition: string, events: readonly JsonObject[], at: number): Met[] {
  const found = new Map<string, Met>();
  for (const [, first, second, call] of condition.matchAll(PIECE)) {
    if (first === undefined || call !== undefined || (second === undefined && WORDS.test(first))) continue;
    const name = second === undefined ? bare(first) : `${bare(first)}.${bare(second)}`;
    const own = events[at];
    const earlier = second === undefined ? [] : events.slice(0, at).filter((event) => show(event.as) === bare(first));
    // A step's own name is of the event itself where it took none before.
    const of = second === undefined ? [own] : earlier.length > 0 ? earlier : show(own?.as) === bare(first) ? [own] : [];
    const values = of.map((event) => fieldOf(event, bare(second ?? first))).filter((value): value is Json => value !== undefined);
    if (values.length > 0) found.set(name, { name, values });
  }
  return [...found.values()];
}
