// Views of the queue that a person has kept under a name: in this browser, for this person alone.

export interface View {
  name: string;
  query: string; // of the queue's screen; empty: all alerts
}
export const VIEWS_MAX = 50;
export const VIEW_NAME_MAX = 60;
/** What is stored may be of another version, or damaged: what is no view is left out. */
export function viewsOf(stored: string | null): View[] {
  try {
    const list: unknown = JSON.parse(stored ?? "[]");
    if (!Array.isArray(list)) return [];
    return list
      .filter((one): one is View => typeof one === "object" && one !== null && typeof one.name === "string" && typeof one.query === "string" && one.name !== "")
      .map(({ name, query }) => ({ name, query }))
      .slice(0, VIEWS_MAX);
  } catch {
    return [];
  }
}
/** With the view, in the place of one that has its name; by name. */
export function withView(views: readonly View[], view: View): View[] {
  return [...views.filter(({ name }) => name !== view.name), view].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const placeOf = (who: string) => `tocsin views of ${who}`;
export function readViews(who: string): View[] {
  try {
    return viewsOf(localStorage.getItem(placeOf(who)));
  } catch {
    return []; // a browser that keeps nothing
  }
}
/** Why they could not be kept; empty: they are. */
export function keepViews(who: string, views: readonly View[]): string {
  if (views.length > VIEWS_MAX) return `There are ${VIEWS_MAX} views already: remove one first.`;
  try {
    localStorage.setItem(placeOf(who), JSON.stringify(views));
    return "";
  } catch {
    return "This browser keeps nothing for this page.";
  }
}
