// The views that a person has kept, beside the filters of the queue.
import { useState } from "preact/hooks";
import { me } from "./api";
import { href } from "./place";
import { visible } from "./text";
import { VIEW_NAME_MAX, View, keepViews, readViews, withView } from "./views";

/** `query`: of what is shown now. */
export function ViewList({ query }: { query: string }) {
  const who = me.value?.name ?? "";
  const [views, setViews] = useState<readonly View[]>(() => readViews(who));
  const [said, setSaid] = useState("");
  const keep = (changed: readonly View[], done: string) => {
    const failed = keepViews(who, changed);
    setSaid(failed || done);
    if (!failed) setViews(changed);
  };
  return (
    <section aria-label="My views" class="views">
      {views.length > 0 && (
        <ul class="plain">
          {views.map((view) => (
            <li key={view.name}>
              <a href={href(`/alerts${view.query ? `?${view.query}` : ""}`)} aria-current={view.query === query ? "page" : undefined}>
                {visible(view.name)}
              </a>{" "}
              <button type="button" class="plain" aria-label={`Remove the view ${visible(view.name)}`} onClick={() => keep(views.filter((one) => one !== view), `${view.name} is removed.`)}>
                remove
              </button>
            </li>
          ))}
        </ul>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget as HTMLFormElement;
          const name = String(new FormData(form).get("view") ?? "").trim();
          if (name === "") return;
          keep(withView(views, { name, query }), `${name} is kept.`);
          form.reset();
        }}
      >
        <label>
          Keep this view as <input name="view" required maxLength={VIEW_NAME_MAX} autocomplete="off" />
        </label>
      </form>
      <p class="quiet" role="status">
        {said && visible(said)}
      </p>
    </section>
  );
}
