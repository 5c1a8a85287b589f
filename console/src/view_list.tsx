// The views that are saved, beside the filters of the queue.
import { useState } from "preact/hooks";
import { asProblem, mayWork, me } from "./api";
import { Action, Actions } from "./forms";
import { ProblemBox, useLoaded } from "./parts";
import { href } from "./place";
import { visible } from "./text";
import { VIEW_NAME_MAX, View, createView, putView, readViews, removeView } from "./views";

function actionsOf(view: View, query: string, again: () => void): Action[] {
  const then = (done: Promise<void>) => done.finally(again);
  const actions: Action[] = [];
  if (view.query !== query) actions.push({ text: "Put what is shown now there", run: () => then(putView(view, { ...view, query })) });
  if (view.isShared) actions.push({ text: "Share no longer", run: () => then(putView(view, { ...view, isShared: false })) });
  else if (mayWork("analyst")) actions.push({ text: "Share with all", run: () => then(putView(view, { ...view, isShared: true })) });
  actions.push({ text: "Remove", ask: `Remove ${visible(view.name)}${view.isShared ? ", also for all others" : ""}?`, run: () => then(removeView(view)) });
  return actions;
}

/** `query`: of what is shown now. */
export function ViewList({ query }: { query: string }) {
  const who = me.value?.name ?? "";
  const loaded = useLoaded((signal) => readViews(who, signal), `views of ${who}`);
  const [said, setSaid] = useState("");
  const views = loaded.value ?? [];
  return (
    <section aria-label="Views" class="views">
      {loaded.problem && <ProblemBox problem={loaded.problem} again={loaded.again} />}
      {views.length > 0 && (
        <ul class="plain">
          {views.map((view) => (
            <li key={view.id}>
              <a href={href(`/alerts${view.query ? `?${view.query}` : ""}`)} aria-current={view.query === query ? "page" : undefined}>
                {visible(view.name)}
              </a>
              {view.isShared && <span class="quiet"> shared{view.owner !== who && ` by ${visible(view.owner.replace(/^person:/, ""))}`}</span>}
              {view.mayChange && (
                <details>
                  <summary aria-label={`Change the view ${visible(view.name)}`}>change</summary>
                  <Actions role="reader" actions={actionsOf(view, query, loaded.again)} />
                </details>
              )}
            </li>
          ))}
        </ul>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget as HTMLFormElement;
          const values = new FormData(form);
          const name = String(values.get("view") ?? "").trim();
          if (name === "") return;
          createView({ name, query, isShared: values.get("shared") === "on" })
            .then(() => {
              form.reset();
              setSaid(`${name} is saved.`);
              loaded.again();
            })
            .catch((error: unknown) => setSaid(`It is not saved: ${asProblem(error).detail}`));
        }}
      >
        <label>
          Save this view as <input name="view" required maxLength={VIEW_NAME_MAX} autocomplete="off" />
        </label>
        {mayWork("analyst") && (
          <label class="facet">
            <input type="checkbox" name="shared" /> <span class="name">for all</span>
          </label>
        )}
      </form>
      <p class="quiet" role="status">
        {said && visible(said)}
      </p>
    </section>
  );
}
/** Moves to the views, by a key. */
export function focusViews(): void {
  const views = document.querySelector<HTMLElement>(".views");
  views?.closest("details")?.setAttribute("open", "");
  views?.querySelector<HTMLElement>("a, input")?.focus();
}
