// Alerts and their triage, as the API has them.
import { ask, asProblem, get } from "./api";
import { Json, JsonObject, show, sourceOf } from "./json";
import { isMask } from "./text";
import { Place, Step } from "./undo";

export interface Row {
  id: string;
  number: number;
  storedAt: string;
  state: string;
  assignee: string;
  alert: JsonObject;
  key: string; // as keyText() has it
  version?: number | undefined; // of the triage, where it is known
  told?: number; // that of the state which the stream told
  changed?: string; // what happened to it on this page
}
export interface Page {
  rows: Row[];
  next: string;
}
function rowOf(hit: JsonObject): Row {
  const alert = hit.alert as JsonObject;
  return {
    id: show(alert.id),
    number: Number(show(hit.number)),
    storedAt: show(hit.stored_at),
    state: show(hit.status),
    assignee: show(hit.assignee),
    alert,
    key: keyText(alert),
    version: Number(show(hit.triage_version ?? 0)),
  };
}
export async function readPage(query: string, cursor: string, limit: number, signal?: AbortSignal): Promise<Page> {
  const parameters = new URLSearchParams(query);
  parameters.set("limit", String(limit));
  if (cursor) parameters.set("cursor", cursor);
  const document = await get(`/v1/alerts?${parameters}`, signal);
  return { rows: (document.alerts as JsonObject[]).map(rowOf), next: show(document.next) };
}

export interface HistoryEntry {
  at: string;
  who: string;
  action: string;
  from: string;
  to: string;
  assignee: string;
  comment: string;
}
export interface Triage extends Place {
  version: number;
  allowed: string[];
  history: HistoryEntry[];
}
export function triageOf(document: JsonObject): Triage {
  const history = ((document.history as JsonObject[] | undefined) ?? []).map((entry) => ({
    at: show(entry.at),
    who: show(entry.who),
    action: show(entry.action),
    from: show(entry.from),
    to: show(entry.to),
    assignee: show(entry.assignee),
    comment: show(entry.comment),
  }));
  return {
    state: show(document.state),
    assignee: show(document.assignee),
    version: Number(show(document.version)),
    allowed: (document.allowed as string[] | undefined) ?? [],
    history,
  };
}
export interface Detail {
  row: Row;
  triage: Triage;
  deliveries: JsonObject[];
}
export async function readDetail(id: string, signal?: AbortSignal): Promise<Detail> {
  const document = await get(`/v1/alerts/${encodeURIComponent(id)}`, signal);
  const triage = triageOf(document.triage as JsonObject);
  const row = { ...rowOf(document), state: triage.state, assignee: triage.assignee, version: triage.version };
  return { row, triage, deliveries: (document.deliveries as JsonObject[] | undefined) ?? [] };
}

export async function readTriage(id: string): Promise<Triage> {
  return triageOf(await get(`/v1/alerts/${encodeURIComponent(id)}/triage`));
}
/** Changes the triage of one alert; with `version` only if nobody else has. Throws Problem. */
export async function change(id: string, step: Step & { comment?: string }, version?: number): Promise<Triage> {
  const headers: { [name: string]: string } = version === undefined ? {} : { "If-Match": `"${version}"` };
  const answer = await ask("POST", `/v1/alerts/${encodeURIComponent(id)}/triage`, { body: step, headers });
  return triageOf(answer.json as JsonObject);
}

/** An alert that is changed with others, and the version that its triage must have. */
export interface Target {
  id: string;
  version?: number | undefined;
}
export interface Outcome {
  id: string;
  status: number; // that a request for it alone would have: 200 where it was changed; 0: there was no answer
  detail: string; // why it was not
  now?: Triage; // where it was read; its history is what was done last, to one that was not changed
}
const AT_ONCE = 1000; // alerts that the server changes by one request
function outcomeOf(document: JsonObject): Outcome {
  const now = "state" in document ? { now: triageOf({ ...document, history: "last" in document ? [document.last as JsonObject] : [] }) } : {};
  return { id: show(document.id), status: Number(show(document.status)), detail: show(document.detail), ...now };
}
/** Changes the triage of several alerts alike, each by itself; what came of each, in their order. */
export async function changeAll(targets: readonly Target[], step: Step & { comment?: string }): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let from = 0; from < targets.length; from += AT_ONCE) {
    const some = targets.slice(from, from + AT_ONCE);
    try {
      const alerts = some.map(({ id, version }) => (version === undefined ? { id } : { id, version }));
      const answer = await ask("POST", "/v1/alerts/triage", { body: { ...step, alerts } });
      outcomes.push(...((answer.json as JsonObject).alerts as JsonObject[]).map(outcomeOf));
    } catch (error) {
      const { status, detail } = asProblem(error);
      outcomes.push(...some.map(({ id }) => ({ id, status, detail })));
    }
  }
  return outcomes;
}

/** The key of an alert for people: `card=c1`. */
export function keyText(alert: JsonObject): string {
  const key = alert.key as JsonObject | undefined;
  if (!key) return "";
  return Object.entries(key)
    .map(([name, value]) => `${name}=${show(value)}`)
    .join(", ");
}
/** The key of an alert as `GET /v1/keys/…` takes it: `card=c1,shop=7`. */
export function keyOf(alert: JsonObject): string {
  return Object.entries((alert.key as JsonObject | undefined) ?? {})
    .map(([name, value]) => `${name}=${show(value)}`)
    .join(",");
}
/** The screen of an alert's key. */
export function keyPlace(alert: JsonObject): string {
  return `/keys/${encodeURIComponent(keyOf(alert))}`;
}
/** The same for the parameter `key`, with every digit as it was sent; empty without a key. */
export function keyQuery(alert: JsonObject): string {
  const key = alert.key;
  if (typeof key !== "object" || key === null || Object.keys(key).length === 0) return "";
  // By a mark nothing is found.
  return Object.values(key).some((value) => typeof value === "string" && isMask(value)) ? "" : sourceOf(key);
}
export function fieldsOf(value: Json | undefined): [string, Json][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value as JsonObject) : [];
}
