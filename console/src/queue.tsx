// A. The queue of alerts.
import { computed, signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { mayWork, me } from "./api";
import { Row } from "./alerts";
import { facetsOf } from "./facets";
import { FacetName, Filters, ORDERS, Order, askedOf, filtersOf, isFiltered, queryOf, switchedFacet } from "./filters";
import { placeInGroup } from "./groups";
import { Aside } from "./detail";
import { show } from "./json";
import { actionOf, takesText } from "./keys";
import { Data, ProblemBox, Severity, State } from "./parts";
import { go, href, path, query } from "./place";
import * as queue from "./queue_state";
import { count, counted, localTime, span, visible } from "./text";
import { SilenceDialog } from "./silence_dialog";
import { ViewList, focusViews } from "./view_list";
import { rowsInView, scrolledTo } from "./window";

const ROW_PX = 44;
const filters = computed(() => filtersOf(query.value));
const view = signal({ top: 0, height: 600 });
const now = signal(Date.now());
const asked = signal<{ action: string; of: Row[] } | undefined>(undefined); // what is asked before it is done

function show_(changed: Filters): void {
  const text = queryOf(changed);
  go(`/alerts${text ? `?${text}` : ""}`);
}

const silenced = signal<Row | undefined>(undefined); // an alert like which others are to be silenced

function beginSilence(): void {
  if (!mayWork("analyst")) queue.said.value = "Silencing needs the role analyst.";
  else silenced.value = queue.currentRow.value;
}
const ORDER_WORDS: { [order in Order]: string } = { newest: "newest first", oldest: "oldest first", severity: "the severest first" };

/** Words that stand in the alerts, or a condition on their fields. */
function Search({ chosen, of, label, hint }: { chosen: Filters; of: "text" | "condition"; label: string; hint: string }) {
  return (
    <form
      role="search"
      aria-label={of === "text" ? "Alerts by words" : "Alerts by a condition"}
      onSubmit={(event) => {
        event.preventDefault();
        show_({ ...chosen, [of]: String(new FormData(event.currentTarget as HTMLFormElement).get(of) ?? "").trim() });
        document.getElementById("rows")?.focus();
      }}
    >
      <label>
        {label} <input name={of} key={chosen[of]} defaultValue={chosen[of]} placeholder={hint} spellcheck={false} autocomplete="off" />
      </label>
    </form>
  );
}
function Facets() {
  const chosen = filters.value;
  const counted_ = queue.counts.value;
  const nameOf = (facet: FacetName, value: string) => (facet === "assignee" && value === "" ? "nobody" : visible(value));
  return (
    <aside class="facets" aria-label="Filters">
      <details open={matchMedia("(min-width: 900px)").matches}>
        <summary>Filters</summary>
        <Search chosen={chosen} of="text" label="With the words" hint="" />
        <Search chosen={chosen} of="condition" label="Where" hint="amount > 100" />
        <p class="quiet">
          {counted_ && `${counted(counted_.total, "alert")}${counted_.isComplete ? "" : `, of the newest ${count(counted_.examined)}`}.`}
        </p>
        {facetsOf(counted_, chosen).filter((facet) => facet.values.length > 0).map((facet) => (
          <fieldset key={facet.name}>
            <legend>{facet.title}</legend>
            {facet.values.map(({ value, count: times, isOn }) => (
              <label key={value} class="facet">
                <input type="checkbox" checked={isOn} onChange={() => show_(switchedFacet(chosen, facet.name, value))} />
                <span class="name">{nameOf(facet.name, value)}</span>
                <span class="quiet">{counted_ ? count(times) : ""}</span>
              </label>
            ))}
          </fieldset>
        ))}
        <label class="facet">
          <input type="checkbox" checked={chosen.shadow} onChange={() => show_({ ...chosen, shadow: !chosen.shadow })} />
          <span class="name">of shadow rules too</span>
        </label>
        {chosen.key && (
          <p>
            Key <code>{visible(chosen.key)}</code>{" "}
            <button type="button" class="plain" onClick={() => show_({ ...chosen, key: "" })}>
              every key
            </button>
          </p>
        )}
        {isFiltered(chosen) && (
          <p>
            <a href={href("/alerts")}>No filters</a>
          </p>
        )}
        <ViewList query={queryOf(chosen)} />
      </details>
    </aside>
  );
}

function RowLine({ row, at }: { row: Row; at: number }) {
  const isCurrent = at === queue.current.value;
  const isSelected = queue.selected.value.has(row.id);
  const group = queue.isGrouped.value ? placeInGroup(queue.rows.value, at) : undefined;
  return (
    <div
      id={`row-${row.id}`}
      role="option"
      class={`row${isCurrent ? " current" : ""}${isSelected ? " selected" : ""}${group && group.place > 1 ? " follows" : ""}`}
      aria-selected={isSelected}
      aria-posinset={at + 1}
      aria-setsize={queue.next.value ? -1 : queue.rows.value.length}
      style={{ top: `${at * ROW_PX}px`, height: `${ROW_PX}px` }}
      onClick={() => (queue.current.value = at)}
      onDblClick={() => go(`/alerts/${row.id}`)}
    >
      <span class="age" title={`stored ${localTime(row.storedAt)}`}>
        {span(now.value - Date.parse(row.storedAt))}
      </span>
      <Severity name={show(row.alert.severity)} />
      <span class="rule">
        <Data value={row.alert.rule} />
      </span>
      <span class="key">
        {group && (
          <span class="quiet">
            {group.place} of {group.of}{" "}
          </span>
        )}
        <Data value={row.key} />
      </span>
      <span class="message">
        <Data value={row.alert.message} />
      </span>
      <span class="who">
        {row.state !== "open" && <State name={row.state} />} {row.assignee && <Data value={row.assignee} />}
        {row.changed && row.changed !== row.state && <em> {row.changed}</em>}
      </span>
    </div>
  );
}

function Rows() {
  const box = useRef<HTMLDivElement>(null);
  const rows = queue.rows.value;
  const current = queue.currentRow.value;
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = view.value.top; // as it was left
    const measure = () => {
      if (box.current) view.value = { top: box.current.scrollTop, height: box.current.clientHeight };
    };
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = scrolledTo(queue.current.value, box.current.scrollTop, box.current.clientHeight, ROW_PX);
  }, [queue.current.value, rows.length]);
  const slice = rowsInView(view.value.top, view.value.height, ROW_PX, rows.length);
  useEffect(() => {
    if (slice.end >= rows.length - 20) void queue.loadMore();
  }, [slice.end, rows.length]);
  return (
    <div
      ref={box}
      id="rows"
      class="rows"
      role="listbox"
      aria-label={queue.isGrouped.value ? "Alerts, by key" : `Alerts, ${ORDER_WORDS[filters.value.order]}`}
      aria-multiselectable
      aria-activedescendant={current ? `row-${current.id}` : undefined}
      tabIndex={0}
      onScroll={() => {
        if (box.current) view.value = { top: box.current.scrollTop, height: box.current.clientHeight };
      }}
    >
      <div class="all" role="presentation" style={{ height: `${rows.length * ROW_PX}px` }}>
        {rows.slice(slice.first, slice.end).map((row, i) => (
          <RowLine key={row.id} row={row} at={slice.first + i} />
        ))}
      </div>
    </div>
  );
}

type Act = (of: Row[], action: string, comment?: string) => Promise<void>;
/** Does it at once to one alert; asks first why one is dismissed, and whether many are changed. */
export function begin(action: string, of: Row[] = queue.targets(), act: Act = queue.act): void {
  if (of.length === 0) return;
  if (!mayWork("analyst")) {
    queue.said.value = "Triage needs the role analyst.";
  } else if (action === "dismiss" || of.length > 1) {
    asked.value = { action, of };
  } else {
    void act(of, action);
  }
}

const WORDS: { [action: string]: string } = { assign: "Assign to me", confirm: "Confirm", dismiss: "Dismiss", close: "Close" };

/** Says how many are changed before it is done; asks why, where they are dismissed. */
export function Ask({ act = queue.act, back }: { act?: Act; back: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const wanted = asked.value;
  const reasons = me.value?.dismissReasons ?? [];
  useEffect(() => {
    if (wanted && !dialog.current?.open) dialog.current?.showModal();
    if (!wanted) dialog.current?.close();
  }, [wanted]);
  const finish = (comment = "") => {
    if (!wanted) return;
    asked.value = undefined;
    void act(wanted.of, wanted.action, comment);
    back();
  };
  const press = (event: KeyboardEvent) => {
    const reason = wanted?.action === "dismiss" ? reasons[Number(event.key) - 1] : undefined;
    if (reason) {
      event.preventDefault();
      finish(reason);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby="ask-title" onClose={() => (asked.value = undefined)} onKeyDown={press}>
      {wanted && (
        <>
          <h2 id="ask-title">
            {WORDS[wanted.action] ?? wanted.action}: {counted(wanted.of.length, "alert")}
          </h2>
          {wanted.action === "dismiss" ? (
            <ol class="reasons">
              {reasons.map((reason) => (
                <li key={reason}>
                  <button type="button" onClick={() => finish(reason)}>
                    <Data value={reason} />
                  </button>
                </li>
              ))}
            </ol>
          ) : (
            <button type="button" onClick={() => finish()}>
              {WORDS[wanted.action] ?? wanted.action}
            </button>
          )}
          <button type="button" class="plain" onClick={() => (asked.value = undefined)}>
            Cancel
          </button>
        </>
      )}
    </dialog>
  );
}

const toRows = () => document.getElementById("rows")?.focus();
function press(event: KeyboardEvent): void {
  if (document.querySelector("dialog[open]")) return;
  const target = event.target;
  const action = actionOf(event, takesText(target));
  // Enter on a link, a button or a heading of details does what it does there.
  if (event.key === "Enter" && target instanceof Element && target.closest("a, button, summary, input")) return;
  switch (action) {
    case "down":
      queue.move(1);
      break;
    case "up":
      queue.move(-1);
      break;
    case "extendDown":
      queue.move(1, true);
      break;
    case "extendUp":
      queue.move(-1, true);
      break;
    case "select":
      if (queue.currentRow.value) queue.toggle(queue.currentRow.value.id);
      break;
    case "assign":
    case "confirm":
    case "dismiss":
    case "close":
      begin(action);
      break;
    case "undo":
      void queue.undo();
      break;
    case "open":
      if (queue.currentRow.value) go(`/alerts/${queue.currentRow.value.id}`);
      break;
    case "sameKey":
      queue.toSameKey();
      break;
    case "group":
      show_({ ...filters.value, grouped: !filters.value.grouped });
      break;
    case "views":
      focusViews();
      break;
    case "selectKey":
      queue.selectKey();
      break;
    case "silence":
      beginSilence();
      break;
    case "refresh":
      void queue.load(askedOf(filters.value));
      break;
    case "back":
      if (takesText(target)) return;
      queue.clearSelection();
      break;
    default:
      return;
  }
  event.preventDefault();
}

let isPointed = false; // the order was chosen by the mouse
function Tools() {
  const isAnalyst = mayWork("analyst");
  const of = queue.targets().length;
  return (
    <div class="tools">
      <button type="button" onClick={() => void queue.load(askedOf(filters.value))} disabled={queue.isLoading.value}>
        {queue.fresh.value > 0 ? `${count(queue.fresh.value)}${queue.fresh.value >= queue.FRESH_MAX ? " or more" : ""} new, press .` : "Refresh"}
      </button>
      <span class="quiet">{queue.isLive.value ? "live" : "not live"}</span>
      {isAnalyst &&
        Object.entries(WORDS).map(([action, text]) => (
          <button type="button" key={action} disabled={of === 0} onClick={() => begin(action)}>
            {text}
          </button>
        ))}
      {isAnalyst && (
        <button type="button" disabled={of === 0} onClick={beginSilence}>
          Silence
        </button>
      )}
      <label>
        <span class="hidden">Order</span>
        <select
          value={filters.value.order}
          onPointerDown={() => (isPointed = true)}
          onKeyDown={() => (isPointed = false)}
          onChange={(event) => {
            show_({ ...filters.value, order: event.currentTarget.value as Order });
            // It takes letters itself; who chose by the mouse goes on by keys.
            if (isPointed) event.currentTarget.blur();
          }}
        >
          {ORDERS.map((order) => (
            <option key={order} value={order}>
              {ORDER_WORDS[order]}
            </option>
          ))}
        </select>
      </label>
      <button type="button" aria-pressed={filters.value.grouped} onClick={() => show_({ ...filters.value, grouped: !filters.value.grouped })}>
        Group by key
      </button>
      {!isAnalyst && <span class="quiet">Triage needs the role analyst.</span>}
      {queue.selected.value.size > 0 && <span>{counted(queue.selected.value.size, "alert")} selected</span>}
      {queue.undoText.value && (
        <button type="button" onClick={() => void queue.undo()}>
          Undo: {queue.undoText.value}
        </button>
      )}
    </div>
  );
}

/** Where the queue was looked at last, with its filters. */
export const lastQueue = signal("/alerts?status=open");
export function QueueScreen() {
  const text = askedOf(filters.value);
  useEffect(() => {
    if (/^\/(?:alerts)?$/.test(path.value)) lastQueue.value = `/alerts${query.value ? `?${query.value}` : ""}`;
  }, [query.value]);
  const isGrouped = filters.value.grouped;
  useLayoutEffect(() => queue.group(isGrouped), [isGrouped]);
  useEffect(() => {
    if (!queue.resume(text)) void queue.load(text);
    return queue.follow(text);
  }, [text]);
  useEffect(() => {
    addEventListener("keydown", press);
    const timer = window.setInterval(() => (now.value = Date.now()), 10_000);
    const endWatch = queue.watchColleagues();
    return () => {
      endWatch();
      removeEventListener("keydown", press);
      clearInterval(timer);
    };
  }, []);
  const rows = queue.rows.value;
  const current = queue.currentRow.value;
  return (
    <main id="main" tabIndex={-1} class="queue">
      <h1 class="hidden">Alerts</h1>
      <Facets />
      <section class="list" aria-label="Queue" aria-busy={queue.isLoading.value}>
        <Tools />
        {queue.problem.value && <ProblemBox problem={queue.problem.value} again={() => void queue.load(text)} />}
        {rows.length > 0 && <Rows />}
        {rows.length === 0 && queue.isLoading.value && <p class="quiet empty">Loading…</p>}
        {rows.length === 0 && !queue.isLoading.value && !queue.problem.value && (
          <p class="quiet empty">
            {isFiltered(filters.value) ? (
              <>
                No alert matches these filters. <a href={href("/alerts")}>Show all alerts</a>
              </>
            ) : (
              "There are no alerts yet. They appear here as rules raise them."
            )}
          </p>
        )}
        <p class="said" role="status">
          {queue.said.value}
        </p>
      </section>
      <div class="aside">{current && <Aside row={current} />}</div>
      <Ask back={toRows} />
      {silenced.value && (
        <SilenceDialog
          alert={silenced.value.alert}
          close={() => {
            silenced.value = undefined;
            toRows();
          }}
        />
      )}
    </main>
  );
}
