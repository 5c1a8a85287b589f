// Keys of which rules hold state, the nearest to an alert first.
import { part } from "./api";
import { Json, JsonObject, show } from "./json";
import { AskedFor, PagesPanel } from "./pages";
import { Data, Members, Time } from "./parts";
import { go, href, query } from "./place";
import { Column, Table, numberOf, objects } from "./table";
import { count, counted, span } from "./text";

const ROWS = 50;

interface Row {
  key: JsonObject;
  watermark: string;
}
/** The rule of a key that is nearest to an alert: its furthest match misses as few steps as the key. */
export function nearestRule(key: JsonObject): JsonObject {
  const rules = objects(key, "rules");
  const isNearest = (rule: JsonObject) => {
    const match = rule.furthest as JsonObject | null;
    if (!match) return false;
    const missing = match.complete === true ? 0 : numberOf(match, "steps") - numberOf(match, "step");
    return missing === numberOf(key, "missing") && show(match.deadline ?? match.expires ?? null) === show(key.until ?? null);
  };
  return rules.find(isNearest) ?? rules.find((rule) => rule.window !== undefined) ?? rules[0] ?? {};
}
/** How far a rule came with a key, in words. */
export function progressOf(rule: JsonObject): string {
  const match = rule.furthest as JsonObject | null | undefined;
  if (match) return match.complete === true ? "complete" : `${show(match.step)} of ${show(match.steps)}`;
  return rule.window !== undefined ? "a window is open" : "keeps quiet";
}
function untilOf({ key, watermark }: Row): string {
  const [end, now] = [Date.parse(show(key.until ?? "")), Date.parse(watermark)];
  return Number.isNaN(end) || Number.isNaN(now) ? "" : span(end - now);
}
function KeyLink({ of }: { of: JsonObject }) {
  const text: Json | undefined = of.key;
  if (typeof text === "string")
    return (
      <a href={href(`/keys/${part(text)}`)}>
        <Data value={text} />
      </a>
    );
  return Object.keys((of.values as JsonObject | undefined) ?? {}).length > 0 ? <Members of={of.values} /> : <>all events together</>;
}
const RULE: Column<Row> = {
  title: "Rule",
  cell: ({ key }) => {
    const rule = nearestRule(key);
    const others = objects(key, "rules").length - 1;
    return (
      <>
        <a href={href(`/rules/${part(show(rule.rule))}`)}>
          <Data value={rule.rule} />
        </a>
        {others > 0 && <span class="quiet"> and {counted(others, "other rule")}</span>}
      </>
    );
  },
};
const COLUMNS: readonly Column<Row>[] = [
  { title: "Key", isHead: true, cell: ({ key }) => <KeyLink of={key} /> },
  { title: "Step", cell: ({ key }) => progressOf(nearestRule(key)) },
  { title: "Waits for", cell: ({ key }) => <Data value={(nearestRule(key).furthest as JsonObject | null | undefined)?.waits_for ?? ""} /> },
  {
    title: "Until",
    cell: (row) => (
      <>
        <Time at={show(row.key.until ?? "")} />
        {untilOf(row) && <span class="quiet"> in {untilOf(row)} of event time</span>}
      </>
    ),
  },
  { title: "Partial matches", isNumber: true, cell: ({ key }) => count(numberOf(nearestRule(key), "matches")) },
];
const OF_ANY_RULE: readonly Column<Row>[] = [...COLUMNS.slice(0, 1), RULE, ...COLUMNS.slice(1)];

/** What is said above the keys: how many they are, and of how many that were examined. */
export function keysSaid(pages: readonly JsonObject[]): string {
  const shown = pages.reduce((sum, page) => sum + objects(page, "keys").length, 0);
  const last = pages[pages.length - 1] ?? {};
  if (pages[0]?.complete === true) return `${count(shown)} of ${counted(numberOf(pages[0], "found"), "key")}, the nearest to an alert first.`;
  const more = last.next === undefined ? "" : " There are more: the server examines some of its keys for each page (history.keys_max).";
  return `${counted(shown, "key")}, the nearest to an alert first among ${counted(numberOf(last, "examined"), "key")} that the server examined together.${more}`;
}

function Listed({ title, rule = "", prefix = "" }: { title: string; rule?: string; prefix?: string }) {
  const asked = new URLSearchParams({ limit: String(ROWS), ...(rule && { rule }), ...(prefix && { prefix }) }).toString();
  const empty = prefix ? "No key that begins so is part of anything that a rule waits for." : "No rule waits for anything of a key.";
  return (
    <PagesPanel title={title} at={`/v1/keys?${asked}`} more="More keys">
      {(pages) => {
        const rows = pages.flatMap((page) => objects(page, "keys").map((key) => ({ key, watermark: show(page.watermark ?? "") })));
        return (
          <>
            <p class="quiet" role="status">
              {keysSaid(pages)}
            </p>
            <Table label={title} columns={rule ? COLUMNS : OF_ANY_RULE} rows={rows} empty={empty} />
          </>
        );
      }}
    </PagesPanel>
  );
}

const TITLE = "Keys nearest to an alert";
/** Of one rule. It takes some of the engine's time, and is in the audit log: it is asked for. */
export function NearKeys({ rule }: { rule: string }) {
  return (
    <AskedFor title={TITLE} ask="Find its keys">
      <Listed title={TITLE} rule={rule} />
    </AskedFor>
  );
}

/** `/keys?prefix=…&rule=…`: looking for a key. */
export default function KeysScreen() {
  const wanted = new URLSearchParams(query.value);
  const [prefix, rule] = [wanted.get("prefix") ?? "", wanted.get("rule") ?? ""];
  const find = (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const filled = [...fields].flatMap(([name, value]) => (value ? [[name, String(value)]] : []));
    go(`/keys?${new URLSearchParams(filled).toString()}`);
  };
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Keys</h1>
      <form key={query.value} class="filters" onSubmit={find}>
        <label>
          Begins with <input name="prefix" defaultValue={prefix} />
        </label>
        <label>
          Rule <input name="rule" defaultValue={rule} />
        </label>
        <button type="submit">Find keys</button>
      </form>
      <Listed title={TITLE} rule={rule} prefix={prefix} />
    </main>
  );
}
