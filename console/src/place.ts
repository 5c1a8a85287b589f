// Where the page is: its URL, of which every screen is a part.
import { computed, signal } from "@preact/signals";

const ROOT = "/console";
function current(): string {
  return location.pathname + location.search;
}
/** Path and query. */
export const place = signal(current());
export const path = computed(() => {
  const found = place.value.split("?")[0] ?? "";
  return found.startsWith(ROOT) ? found.slice(ROOT.length) || "/" : "/";
});
export const query = computed(() => place.value.split("?")[1] ?? "");

export function href(to: string): string {
  return ROOT + to;
}
/** Goes to a screen, such as `/alerts?status=open`; `replaces` leaves no step to go back to. */
export function go(to: string, replaces = false): void {
  if (replaces) history.replaceState(null, "", href(to));
  else history.pushState(null, "", href(to));
  place.value = current();
}
addEventListener("popstate", () => {
  place.value = current();
});
// Links of the console lead to screens without loading the page again.
addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || !url.pathname.startsWith(`${ROOT}/`) || url.pathname.startsWith(`${ROOT}/assets/`)) return;
  event.preventDefault();
  go(url.pathname.slice(ROOT.length) + url.search);
  scrollTo(0, 0);
});
