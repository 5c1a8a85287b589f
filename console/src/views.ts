// Views of the queue that are kept under a name by the server: one's own, and those that are shared.
import { ask, get } from "./api";
import { JsonObject, show } from "./json";
import { numberOf, objects } from "./table";

export interface View {
  id: number;
  version: number;
  name: string;
  query: string; // of the queue's screen; empty: all alerts
  isShared: boolean;
  owner: string;
  mayChange: boolean;
}
export const VIEW_NAME_MAX = 100;

/** One's own first, each by name. */
export function viewsOf(answer: JsonObject): View[] {
  const views = objects(answer, "views").map((one) => ({
    id: numberOf(one, "id"),
    version: numberOf(one, "version"),
    name: show(one.name),
    query: show(one.query),
    isShared: one.shared === true,
    owner: show(one.owner),
    mayChange: one.changeable === true,
  }));
  return views.sort((a, b) => Number(a.isShared) - Number(b.isShared) || (a.name < b.name ? -1 : 1));
}
type Settings = Pick<View, "name" | "query" | "isShared">;
const bodyOf = ({ name, query, isShared }: Settings) => ({ name, query, shared: isShared });
/** Throws Problem, as all of these. */
export async function createView(settings: Settings): Promise<void> {
  await ask("POST", "/v1/views", { body: bodyOf(settings) });
}
/** A change that somebody else has made since it was read is not overwritten. */
export async function putView(view: View, settings: Settings): Promise<void> {
  await ask("PUT", `/v1/views/${view.id}`, { body: bodyOf(settings), headers: { "If-Match": `"${view.version}"` } });
}
export async function removeView(view: View): Promise<void> {
  await ask("DELETE", `/v1/views/${view.id}`, { headers: { "If-Match": `"${view.version}"` } });
}

export interface LocalView {
  name: string;
  query: string;
}
/** What an earlier version of the page has stored in this browser; what is no view is left out. */
export function localViewsOf(stored: string | null): LocalView[] {
  try {
    const list: unknown = JSON.parse(stored ?? "[]");
    if (!Array.isArray(list)) return [];
    return list
      .filter((one): one is LocalView => typeof one === "object" && one !== null && typeof one.name === "string" && typeof one.query === "string" && one.name.trim() !== "")
      .map(({ name, query }) => ({ name: name.trim(), query }));
  } catch {
    return [];
  }
}
/** Reads the views, after those of this browser have moved to the server; what could not move stays here. */
export async function readViews(who: string, signal: AbortSignal): Promise<View[]> {
  const place = `tocsin views of ${who}`;
  let local: LocalView[] = [];
  try {
    local = localViewsOf(localStorage.getItem(place));
  } catch {
    // A browser that keeps nothing.
  }
  const views = viewsOf(await get("/v1/views", signal));
  if (local.length === 0) return views;
  const known = new Set(views.filter((view) => view.owner === who && !view.isShared).map(({ name }) => name));
  const left: LocalView[] = [];
  for (const view of local) {
    if (known.has(view.name)) continue;
    await createView({ ...view, isShared: false }).catch(() => left.push(view));
  }
  if (left.length > 0) localStorage.setItem(place, JSON.stringify(left));
  else localStorage.removeItem(place);
  return viewsOf(await get("/v1/views", signal));
}
