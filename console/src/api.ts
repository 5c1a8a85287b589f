// The server's API. A failure is a Problem, with what the server said of it.
import { signal } from "@preact/signals";
import { Json, JsonObject, jsonText, parseJson, show } from "./json";

export class Problem extends Error {
  constructor(
    readonly status: number, // 0: there was no answer
    readonly title: string,
    readonly detail: string,
    readonly requestId: string,
    readonly slug = "",
    readonly list: readonly string[] = [], // what it consists of, such as the tests that fail
  ) {
    super(`${title}: ${detail}`);
  }
}
export interface Me {
  name: string;
  role: string;
  may: string[];
  dismissReasons: string[]; // chosen by their numbers
  approvals: number; // of others, that a change of live rules needs; 0: only operators make one
  hasSession: boolean; // that signing out ends; a proxy's is its own
  isLimited: boolean; // to some tags of rules or types of events
}
/** Who is signed in; null: nobody; undefined: not known yet. */
export const me = signal<Me | null | undefined>(undefined);
export function mayWork(role: string): boolean {
  return me.value?.may.includes(role) ?? false;
}
/** Who may ask for a change of live rules: `role` where others approve it, and else an operator, who makes it. */
export function roleForLive(role: string): string {
  return (me.value?.approvals ?? 0) > 0 ? role : "operator";
}

/** How often there was no answer at all: whoever shows the server's state looks again. */
export const unanswered = signal(0);
const PATIENCE_MS = 30_000;

export interface Answer {
  status: number;
  json: Json;
  text: string;
  headers: Headers;
}
interface Asked {
  body?: unknown; // sent as JSON, with the digits that its numbers have
  plain?: string; // sent as text/plain
  token?: string;
  headers?: { [name: string]: string };
  signal?: AbortSignal;
}

function problemOf(status: number, text: string, headers: Headers): Problem {
  const requestId = headers.get("X-Request-Id") ?? "";
  try {
    const document = parseJson(text) as JsonObject;
    const slug = show(document.type).replace("urn:tocsin:problem:", "");
    const list = [document.failures, document.entries].find(Array.isArray) ?? [];
    return new Problem(status, show(document.title), show(document.detail), requestId, slug, list.map(show));
  } catch {
    return new Problem(status, `The server answered with ${status}`, "The answer is no problem document.", requestId);
  }
}

/** Throws Problem. Who is no longer signed in becomes so for the whole page. */
export async function ask(method: string, path: string, asked: Asked = {}): Promise<Answer> {
  const headers: { [name: string]: string } = { ...asked.headers };
  if (method !== "GET") headers["Tocsin-Console"] = "1";
  if (asked.token !== undefined) headers["Authorization"] = `Bearer ${asked.token}`;
  const request: RequestInit = { method, headers, cache: "no-store" };
  if (asked.body !== undefined) {
    headers["Content-Type"] = "application/json";
    request.body = jsonText(asked.body);
  }
  if (asked.plain !== undefined) {
    headers["Content-Type"] = "text/plain";
    request.body = asked.plain;
  }
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), PATIENCE_MS);
  asked.signal?.addEventListener("abort", () => ended.abort());
  request.signal = ended.signal;
  try {
    let response: Response;
    let text: string;
    try {
      response = await fetch(path, request);
      text = await response.text();
    } catch {
      if (!asked.signal?.aborted) unanswered.value += 1;
      throw new Problem(0, "The server does not answer", "It may be starting again; what you see may be old.", "");
    }
    if (!response.ok) {
      if (response.status === 401 && asked.token === undefined) me.value = null;
      throw problemOf(response.status, text, response.headers);
    }
    const isJson = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
    try {
      return { status: response.status, json: isJson ? parseJson(text) : null, text, headers: response.headers };
    } catch {
      throw new Problem(response.status, "The answer cannot be read", "It is no JSON.", response.headers.get("X-Request-Id") ?? "");
    }
  } finally {
    clearTimeout(timer);
  }
}
/** One part of a path, as it is sent. */
export function part(text: string): string {
  return encodeURIComponent(text);
}
export async function get(path: string, signal?: AbortSignal): Promise<JsonObject> {
  return (await ask("GET", path, signal ? { signal } : {})).json as JsonObject;
}
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, "The page failed", error instanceof Error ? error.message : String(error), "");
}

/** Somebody's name without its kind: `person:ada` is ada. */
export function nameOf(who: Me): string {
  return who.name.replace(/^person:/, "");
}
function readMe(document: JsonObject): Me {
  return { name: show(document.name), role: show(document.role), may: (document.may as string[] | undefined) ?? [], dismissReasons: (document.dismiss_reasons as string[] | undefined) ?? [], approvals: Number(show(document.approvals ?? 0)), hasSession: "session" in document, isLimited: "tags" in document || "types" in document };
}
/** Throws Problem, but for 401. */
export async function readSession(): Promise<void> {
  try {
    me.value = readMe(await get("/v1/me"));
  } catch (error) {
    if (asProblem(error).status !== 401) throw error;
  }
}
let lastName = ""; // of who was signed in on this page before
me.subscribe((one) => {
  if (one) lastName = one.name;
});
/** Throws Problem. Nothing of who was here before stays in the page. */
export async function signIn(token: string): Promise<void> {
  const before = lastName;
  const one = { ...readMe((await ask("POST", "/v1/session", { token })).json as JsonObject), hasSession: true };
  if (before !== "" && before !== one.name) location.reload();
  else me.value = one;
}
export async function signOut(): Promise<void> {
  try {
    await ask("DELETE", "/v1/session");
  } catch {
    // It has ended, or ends by itself.
  }
  location.reload();
}

const BUSY_AGAIN_MS = 300;
const BUSY_TRIES = 5;
/** As ask(); while other rules are being checked it tries again, a few times. */
export async function askPatiently(path: string, body: unknown, signal?: AbortSignal): Promise<JsonObject> {
  for (let tried = 1; ; tried += 1) {
    try {
      return (await ask("POST", path, { body, ...(signal ? { signal } : {}) })).json as JsonObject;
    } catch (error) {
      if (asProblem(error).status !== 503 || tried === BUSY_TRIES || signal?.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY_AGAIN_MS));
    }
  }
}
