// The queue of alerts: its rows, what is selected, and what is done with it.
import { computed, signal } from "@preact/signals";
import { Problem, asProblem, me, mayWork } from "./api";
import { Outcome, Row, Target, Triage, changeAll, readPage, readTriage } from "./alerts";
import { Counts, readCounts } from "./facets";
import { Order, SEVERITIES, chosenOf, filtersOf } from "./filters";
import { grouped } from "./groups";
import { Triaged, listen } from "./live";
import { show } from "./json";
import { Place, Step, stepsBack } from "./undo";
import { counted } from "./text";

const PAGE_ROWS = 500;
const UNDO_MS = 10_000;

export const rows = signal<Row[]>([]);
export const next = signal(""); // the cursor of what comes after them; empty: nothing does
export const isLoading = signal(true);
export const problem = signal<Problem | undefined>(undefined);
export const current = signal(0); // a row
export const selected = signal<ReadonlySet<string>>(new Set());
export const fresh = signal(0); // alerts that came since, FRESH_MAX at most
export const isLive = signal(false);
export const said = signal(""); // what was done last, for all and for screen readers
export const currentRow = computed(() => rows.value[current.value]);

export const counts = signal<Counts | undefined>(undefined);
let counting: AbortController | undefined;
let countTimer = 0;
const COUNT_AGAIN_MS = 1000;
/** Counts the alerts of the filter, wherever they are; `afterMs` later, once, where that is said several times. */
function count(query: string, afterMs = 0): void {
  clearTimeout(countTimer);
  counting?.abort();
  const own = (counting = new AbortController());
  countTimer = window.setTimeout(() => {
    readCounts(chosenOf(filtersOf(query)), own.signal).then(
      (found) => {
        if (!own.signal.aborted) counts.value = found;
      },
      // The rows say what is wrong; old counts would be of another filter.
      () => {
        if (!own.signal.aborted) counts.value = undefined;
      },
    );
  }, afterMs);
}
function countAgain(): void {
  if (loadedQuery !== undefined) count(loadedQuery, COUNT_AGAIN_MS);
}

const SEVERITY_ORDER: readonly string[] = SEVERITIES;
/** The order of the rows, which the server has too. */
export function inOrder(order: Order): (a: Row, b: Row) => number {
  const level = (row: Row) => SEVERITY_ORDER.indexOf(show(row.alert.severity));
  if (order === "oldest") return (a, b) => a.number - b.number;
  return (a, b) => (order === "severity" ? level(a) - level(b) : 0) || b.number - a.number;
}
export const isGrouped = signal(false);
// Each page is put in order by itself: a later one moves no row that is there.
const ordered = (found: Row[]) => (isGrouped.value ? grouped(found) : found);
/** Puts the rows in groups, or in their order again; the current one stays current. */
export function group(isWanted: boolean): void {
  if (isGrouped.value === isWanted) return;
  isGrouped.value = isWanted;
  const id = currentRow.value?.id;
  rows.value = isWanted ? grouped(rows.value) : [...rows.value].sort(inOrder(filtersOf(loadedQuery ?? "").order));
  current.value = Math.max(0, rows.value.findIndex((row) => row.id === id));
}

let loadedQuery: string | undefined;
let loading: AbortController | undefined;
let newest = 0; // the number of the newest alert of the filter when it was loaded: later ones are new

/** Loads the queue anew; rows move only here. */
export async function load(query: string): Promise<void> {
  loading?.abort();
  const own = (loading = new AbortController());
  const isOther = query !== loadedQuery;
  loadedQuery = query;
  isLoading.value = true;
  problem.value = undefined;
  if (isOther) rows.value = [];
  count(query);
  try {
    // A rare filter's page may have no alert, and go on.
    let page = await readPage(query, "", PAGE_ROWS, own.signal);
    const found = page.rows;
    while (found.length === 0 && page.next) {
      page = await readPage(query, page.next, PAGE_ROWS, own.signal);
      found.push(...page.rows);
    }
    // Of another order the first page may not have the newest.
    const first = filtersOf(query).order === "newest" ? found : (await readPage(chosenOf(filtersOf(query)), "", 1, own.signal)).rows;
    if (own.signal.aborted) return;
    newest = first.reduce((most, row) => Math.max(most, row.number), 0);
    rows.value = ordered(found);
    next.value = page.next;
    current.value = 0;
    selected.value = new Set();
    fresh.value = 0;
  } catch (error) {
    if (!own.signal.aborted) problem.value = asProblem(error);
  } finally {
    if (!own.signal.aborted) isLoading.value = false;
  }
}
/** Shows the queue as it was left for another screen, at its place; false if it has to be loaded. No row moves. */
export function resume(query: string): boolean {
  if (query !== loadedQuery || rows.value.length === 0 || isLoading.value || problem.value) return false;
  count(query);
  const row = currentRow.value;
  // Who opened it may have worked on it there; of the others, watchColleagues() tells.
  if (row)
    readTriage(row.id).then(
      ({ state, assignee, version }) => put(row.id, { state, assignee, version }),
      () => undefined, // the bar says where the server does not answer
    );
  return true;
}
/** Adds the next page, when somebody comes near the end. */
export async function loadMore(): Promise<void> {
  if (isLoading.value || !next.value || loadedQuery === undefined) return;
  const own = (loading = new AbortController());
  isLoading.value = true;
  try {
    const page = await readPage(loadedQuery, next.value, PAGE_ROWS, own.signal);
    if (own.signal.aborted) return;
    rows.value = [...rows.value, ...ordered(page.rows)];
    next.value = page.next;
  } catch (error) {
    if (!own.signal.aborted) problem.value = asProblem(error);
  } finally {
    if (!own.signal.aborted) isLoading.value = false;
  }
}

const FRESH_EVERY_MS = 1000;
const FRESH_AGAIN_MS = 3000; // after a query that failed
export const FRESH_MAX = 500; // alerts that are counted
/** Counts what was raised since the rows were loaded, without moving one; the function ends it. */
export function follow(query: string): () => void {
  const filters = filtersOf(query);
  // What is raised is open: nobody has worked on it.
  if ((filters.status.length > 0 && !filters.status.includes("open")) || filters.assignee) return () => undefined;
  const asked = chosenOf(filters);
  let isOver = false;
  let isWaiting = false;
  let earliest = 0;
  const countFresh = async () => {
    isWaiting = false;
    if (isOver) return;
    if (isLoading.value || query !== loadedQuery) return later();
    earliest = Date.now() + FRESH_EVERY_MS;
    const since = newest;
    try {
      // Mostly nothing of this filter came: one is enough to see that.
      const isNew = (row: Row) => row.number > since;
      const first = await readPage(asked, "", 1);
      const found = first.rows.some(isNew) ? (await readPage(asked, "", FRESH_MAX)).rows.filter(isNew).length : 0;
      if (!isOver && since === newest) fresh.value = found;
    } catch {
      // The bar says where the server does not answer.
      earliest = Date.now() + FRESH_AGAIN_MS;
      later();
    }
  };
  function later(): void {
    if (isWaiting || isOver) return;
    isWaiting = true;
    window.setTimeout(() => void countFresh(), Math.max(50, earliest - Date.now()));
  }
  const live = (is: boolean) => {
    isLive.value = is;
    later(); // what was raised while there was no stream was not told
  };
  const end = listen({ raised: later, live });
  return () => {
    isOver = true;
    end();
  };
}

const LOOK_EVERY_MS = 10_000;
const LOOK_ROWS = 200;
const TOGETHER_MS = 20;
/** What became of rows that a page of now has, or no longer has; a page reaches down to `least`. Rows that changed. */
export function changedRows(loaded: readonly Row[], now: readonly Row[], least: number): Row[] {
  const found = new Map(now.map((row) => [row.id, row]));
  return loaded.flatMap((row): Row[] => {
    if (row.number < least) return [];
    const is = found.get(row.id);
    // What this page itself changed may have left the filter.
    if (!is) return row.changed ? [] : [{ ...row, changed: "somebody else changed it" }];
    if (is.version === row.version) return [];
    const { state, assignee, version } = is;
    if (version === row.told) return [{ ...row, version }]; // it stands there already
    // Where both are the same somebody has commented, or taken back what was done.
    const changed = state === row.state && assignee === row.assignee ? "somebody else worked on it" : "by somebody else";
    return [{ ...row, state, assignee, version, changed }];
  });
}
/** What the stream told, one after the other, shows at its row. Whoever acts on the row may not have seen it: that is the row's version still. */
export function toldRows(loaded: readonly Row[], heard: readonly Triaged[], own: string): Row[] {
  const of = new Map<string, Triaged[]>();
  for (const what of heard) of.set(what.alert, [...(of.get(what.alert) ?? []), what]);
  const after = (row: Row, what: Triaged): Row => {
    if (what.version <= Math.max(row.version ?? 0, row.told ?? 0)) return row;
    const told = { ...row, state: what.state, assignee: what.assignee ?? "", told: what.version };
    if (what.who === own) return told; // in another tab
    return { ...told, changed: what.action === "comment" ? `${what.who} commented` : `by ${what.who}` };
  };
  return loaded.map((row) => of.get(row.id)?.reduce(after, row) ?? row);
}
/** Says at rows what colleagues have done with them; the function ends it. No row moves. */
export function watchColleagues(): () => void {
  const look = async () => {
    const query = loadedQuery;
    if (document.visibilityState !== "visible" || isLoading.value || query === undefined || rows.value.length === 0) return;
    const begun = rows.value;
    try {
      const page = await readPage(chosenOf(filtersOf(query)), "", LOOK_ROWS); // the newest, whatever the order
      // Rows that were changed or loaded here meanwhile are newer than the answer.
      if (query !== loadedQuery) return;
      const least = page.next ? Math.min(...page.rows.map((row) => row.number)) : 0;
      const same = new Set(begun);
      const changed = new Map(changedRows(rows.value.filter((row) => same.has(row)), page.rows, least).map((row) => [row.id, row]));
      if (changed.size > 0) rows.value = rows.value.map((row) => changed.get(row.id) ?? row);
    } catch {
      // The bar says where the server does not answer.
    }
  };
  let isTold = false; // by the stream
  const timer = window.setInterval(() => {
    if (!isTold) void look();
  }, LOOK_EVERY_MS);
  const seen = () => void look();
  document.addEventListener("visibilitychange", seen);
  void look();
  // Who changes a thousand alerts at once is told of in a thousand messages: they go through the rows together.
  let heard: Triaged[] = [];
  let hearing = 0;
  const end = listen({
    live: (is) => (isTold = is),
    triaged: (what) => {
      if (heard.push(what) > 1) return;
      hearing = window.setTimeout(() => {
        rows.value = toldRows(rows.value, heard, me.value?.name ?? "");
        heard = [];
      }, TOGETHER_MS);
    },
    triagedFromHere: seen,
  });
  return () => {
    end();
    clearTimeout(hearing);
    clearInterval(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}

export function move(by: number, extends_ = false): void {
  const to = Math.min(rows.value.length - 1, Math.max(0, current.value + by));
  if (extends_) {
    const ids = new Set(selected.value);
    for (const at of [current.value, to]) {
      const row = rows.value[at];
      if (row) ids.add(row.id);
    }
    selected.value = ids;
  }
  current.value = Math.max(0, to);
}
export function toggle(id: string): void {
  const ids = new Set(selected.value);
  if (!ids.delete(id)) ids.add(id);
  selected.value = ids;
}
/** Selects all loaded alerts of the current one's key. */
export function selectKey(): void {
  const key = currentRow.value?.key;
  if (!key) return;
  selected.value = new Set([...selected.value, ...rows.value.filter((row) => row.key === key).map((row) => row.id)]);
}
export function clearSelection(): void {
  selected.value = new Set();
}
/** To the next open alert of the current one's key, below it and then from the top. */
export function toSameKey(): void {
  const from = currentRow.value;
  if (!from) return;
  const { key } = from;
  const total = rows.value.length;
  for (let step = 1; step < total; step += 1) {
    const at = (current.value + step) % total;
    const row = rows.value[at];
    if (row && row.state === "open" && row.key === key) {
      current.value = at;
      return;
    }
  }
  said.value = `There is no other open alert of ${key || "no key"} among those loaded.`;
}

/** What an action is for: the selection, or the current row. */
export function targets(): Row[] {
  if (selected.value.size > 0) return rows.value.filter((row) => selected.value.has(row.id));
  return currentRow.value ? [currentRow.value] : [];
}
type Parts = Map<string, Partial<Row>>; // by the row's id
/** Changes rows, all in one walk: there may be a hundred thousand. */
function putAll(parts: Parts): void {
  if (parts.size > 0) rows.value = rows.value.map((row) => (parts.has(row.id) ? { ...row, ...parts.get(row.id) } : row));
}
export function put(id: string, part: Partial<Row>): void {
  putAll(new Map([[id, part]]));
}

interface Done {
  id: string;
  before: Place;
  after: Place;
  version: number;
}
let undoable: Done[] = [];
let undoTimer = 0;
export const undoText = signal("");
function keepForUndo(done: Done[], text: string): void {
  clearTimeout(undoTimer);
  undoable = done;
  undoText.value = done.length > 0 ? text : "";
  undoTimer = window.setTimeout(() => keepForUndo([], ""), UNDO_MS);
}

const DONE_WORDS: { [action: string]: string } = { assign: "assigned", confirm: "confirmed", dismiss: "dismissed", close: "closed" };

const DID_WORDS: { [action: string]: string } = { ...DONE_WORDS, release: "released", reopen: "reopened", comment: "commented on" };
/** Who did what to an alert last: `bob took it`. */
export function lastDone(triage: Triage): string {
  const last = triage.history.at(-1);
  if (!last) return "somebody else changed it";
  const who = last.who.replace(/^(person|token):/, "");
  if (last.action === "assign") return last.assignee === last.who ? `${who} took it` : `${who} assigned it to ${last.assignee}`;
  return `${who} ${DID_WORDS[last.action] ?? last.action} it`;
}
/** What a colleague did to an alert since its row was read, for which it was not changed. */
function overtakenBy(row: Row, { status, now }: Outcome): string | undefined {
  if (!now || (status !== 412 && (status !== 409 || (now.state === row.state && now.assignee === row.assignee)))) return undefined;
  return lastDone(now);
}
const placed = ({ state, assignee, version }: Triage, changed: string): Partial<Row> => ({ state, assignee, version, changed });

/** Does it to `of`, says what came of it, and keeps how to take it back for 10 s. */
export async function act(of: Row[], action: string, comment = ""): Promise<void> {
  if (of.length === 0 || !me.value) return;
  if (!mayWork("analyst")) {
    said.value = "Triage needs the role analyst.";
    return;
  }
  const done: Done[] = [];
  const refused: string[] = [];
  let overtaken = "";
  const parts: Parts = new Map();
  const outcomes = await changeAll(of, comment ? { action, comment } : { action });
  of.forEach((row, at) => {
    const outcome = outcomes[at] as Outcome;
    const { status, detail, now } = outcome;
    if (status === 200 && now) {
      parts.set(row.id, placed(now, DONE_WORDS[action] ?? action));
      done.push({ id: row.id, before: { state: row.state, assignee: row.assignee }, after: now, version: now.version });
      return;
    }
    const what = overtakenBy(row, outcome);
    parts.set(row.id, what !== undefined && now ? placed(now, what) : { changed: "not changed" });
    overtaken ||= what ?? "";
    refused.push(what ?? detail);
  });
  putAll(parts);
  const word = DONE_WORDS[action] ?? action;
  const text = `${counted(done.length, "alert")} ${word}`;
  const why = overtaken ? `${overtaken} meanwhile. Do it again if it is still right.` : (refused[0] ?? "");
  said.value = refused.length === 0 ? `${text}.` : `${text}; ${counted(refused.length, "alert")} not: ${why}`;
  keepForUndo(done, text);
  countAgain();
  if (done.length > 0 && of.length === 1 && of[0]?.id === currentRow.value?.id) move(1);
  clearSelection();
}

/** Takes the last change back, where nobody has changed the alerts since. */
export async function undo(): Promise<void> {
  const done = undoable;
  if (done.length === 0) {
    said.value = "There is nothing to undo.";
    return;
  }
  keepForUndo([], "");
  let failed = "";
  // Those that go back by the same steps do so together.
  const alike = new Map<string, Done[]>();
  for (const one of done) {
    const steps = JSON.stringify(stepsBack(one.before, one.after));
    const others = alike.get(steps);
    if (others) others.push(one);
    else alike.set(steps, [one]);
  }
  for (const [steps, some] of alike) {
    let left: Target[] = some;
    for (const step of JSON.parse(steps) as Step[]) {
      const outcomes = await changeAll(left, step);
      left = [];
      const parts: Parts = new Map();
      for (const { id, detail, now, status } of outcomes) {
        if (status === 200 && now) {
          parts.set(id, placed(now, "undone"));
          left.push({ id, version: now.version });
        } else {
          failed = detail;
          parts.set(id, { changed: "not undone: it changed since" });
        }
      }
      putAll(parts);
    }
  }
  countAgain();
  const first = rows.value.findIndex((row) => row.id === done[0]?.id);
  if (first >= 0) current.value = first;
  said.value = failed ? `Not everything could be undone: ${failed}` : `Undone: ${counted(done.length, "alert")}.`;
}
