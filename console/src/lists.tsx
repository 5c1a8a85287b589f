// I. Lists and tables: their entries, where each is from, and until when.
import { Answer, ask, get, part } from "./api";
import { Actions, Field, Form, Values, outcomeOf, timeOf } from "./forms";
import { previewImport } from "./import_preview";
import { Digits, Json, JsonObject, show, typed } from "./json";
import { ReplaceWhole, WHY, commented, rowsOf } from "./list_replace";
import { Data, Panel, Time, useLoaded } from "./parts";
import { href, query } from "./place";
import { Column, Table, member, numberOf, objects } from "./table";
import { count, counted } from "./text";

const ROWS = 200;

/** What somebody typed as a value of a type of the rules: numbers with their digits, else texts. */
export function valueOf(type: string, text: string): Digits | string | boolean {
  if (type === "bool") return text === "true";
  return /^(int|float|decimal)/.test(type) ? typed(text) : text;
}

function listOf(kind: "lists" | "tables"): Column<JsonObject>[] {
  return [
    { title: "Name", isHead: true, by: (one) => show(one.name), cell: (one) => <a href={href(`/${kind}/${part(show(one.name))}`)}><Data value={one.name} /></a> },
    kind === "lists" ? member("Of", "type") : { title: "Columns", cell: (one) => <Data value={[...Object.keys(one.key as JsonObject), ...Object.keys(one.columns as JsonObject)].join(", ")} /> },
    member("Entries", "size", "number"),
    member("Declared by the rules", "declared", "number"),
    member("Added", "added", "number"),
    member("Taken out", "removed", "number"),
  ];
}
export default function ListsScreen() {
  const lists = useLoaded((signal) => get("/v1/lists", signal), "lists");
  const tables = useLoaded((signal) => get("/v1/tables", signal), "tables");
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Lists and tables</h1>
      <Panel title="Lists" loaded={lists}>
        {(document) => <Table label="Table of lists" columns={listOf("lists")} rows={objects(document, "lists")} sorts empty="The rules have no lists." />}
      </Panel>
      <Panel title="Tables" loaded={tables}>
        {(document) => <Table label="Table of tables" columns={listOf("tables")} rows={objects(document, "tables")} sorts empty="The rules have no tables." />}
      </Panel>
    </main>
  );
}

/** Where an entry or row is from, and until when it holds. */
export const ORIGIN: readonly Column<JsonObject>[] = [
  {
    title: "From",
    cell: (one) => (
      <>
        {one.origin === "declared" ? "the rules" : "added"}
        {one.who !== undefined && (
          <>
            {" "}
            by <Data value={one.who} />
          </>
        )}
        {one.at !== undefined && (
          <>
            , <Time at={show(one.at)} />
          </>
        )}
      </>
    ),
  },
  { title: "Why", cell: (one) => one.comment !== undefined && <Data value={one.comment} /> },
  { title: "Until", cell: (one) => <>{one.until !== undefined && <Time at={show(one.until)} />}{one.ended === true && " (over)"}</> },
];

/** With its ETag, for those who replace it. */
async function readWhole(path: string, signal: AbortSignal): Promise<JsonObject> {
  const answer = await ask("GET", path, { signal });
  return { ...(answer.json as JsonObject), etag: answer.headers.get("ETag") ?? "" };
}
function pageOf(base: string, cursor: string): string {
  return `${base}?limit=${ROWS}${cursor ? `&cursor=${part(cursor)}` : ""}`;
}
function Pages({ document, to }: { document: JsonObject; to: string }) {
  return (
    <p>
      {query.value && <a href={href(to)}>From the beginning</a>} {document.next !== undefined && <a href={href(`${to}?cursor=${part(show(document.next))}`)}>More entries</a>}
    </p>
  );
}
function changedText(answer: JsonObject): string {
  return `${counted(numberOf(answer, "changed"), "entry", "entries")} changed; it has ${count(numberOf(answer, "size"))}.`;
}

export function ListScreen({ id }: { id: string }) {
  const at = `/v1/lists/${part(id)}`;
  const cursor = new URLSearchParams(query.value).get("cursor") ?? "";
  const loaded = useLoaded((signal) => readWhole(pageOf(at, cursor), signal), `${at} ${cursor}`);
  const type = show(loaded.value?.type);
  const isChangeable = loaded.value?.changeable === true;
  const done = (answer: Answer) => {
    loaded.again();
    return outcomeOf(answer, changedText(answer.json as JsonObject));
  };
  const send = async (method: string, entries: unknown[], headers = {}) => done(await ask(method, `${at}/entries`, { body: { entries }, headers }));
  const linesOf = (text: string) => text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const columns: Column<JsonObject>[] = [
    member("Value", "value", "head"),
    ...ORIGIN,
    { title: "", cell: (row) => isChangeable && <Actions role="analyst" actions={[{ text: "Take out", ask: `${show(row.value)} is no longer on the list then.`, run: () => send("DELETE", [row.value]) }]} /> },
  ];
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>
        List <Data value={id} />
      </h1>
      <Panel title="Entries" loaded={loaded}>
        {(list) => (
          <>
            <p>
              {counted(numberOf(list, "size"), "value")} of the type <Data value={list.type} />. <a href={`${at}?limit=10000`} download={`${id}.json`}>Save as JSON</a>
            </p>
            {isChangeable ? (
              <Form
                title="Add entries"
                role="analyst"
                fields={[
                  { name: "values", label: "Values, one in each line", kind: "area", needed: true, fromFile: true },
                  { name: "until", label: "Until", kind: "time", hint: "Without it, they stay until somebody takes them out." },
                  WHY,
                ]}
                submit="Add them"
                run={({ values = "", until, ...more }) => send("POST", linesOf(values).map((line) => ({ value: valueOf(type, line), until: timeOf(until) || undefined })), commented(more))}
                more={[{ text: "What would change", run: ({ values = "" }) => previewImport(at, type, values) }]}
              />
            ) : (
              <p class="quiet">This list is compiled with the rules: it changes with their files.</p>
            )}
            {isChangeable && <ReplaceWhole what="list" of={list} at={at} hint="One in each line; none: an empty list." entriesOf={(text) => linesOf(text).map((line) => valueOf(type, line))} preview={(text) => previewImport(at, type, text, true)} done={done} />}
            <Table label="Entries of the list" columns={columns} rows={objects(list, "entries")} empty="It has no entry here." />
            <Pages document={list} to={`/lists/${part(id)}`} />
          </>
        )}
      </Panel>
    </main>
  );
}

export function TableScreen({ id }: { id: string }) {
  const at = `/v1/tables/${part(id)}`;
  const cursor = new URLSearchParams(query.value).get("cursor") ?? "";
  const loaded = useLoaded((signal) => readWhole(pageOf(at, cursor), signal), `${at} ${cursor}`);
  const done = (answer: Answer) => {
    loaded.again();
    return outcomeOf(answer, changedText(answer.json as JsonObject));
  };
  const send = async (method: string, entry: unknown, headers = {}) => done(await ask(method, `${at}/rows`, { body: { entries: [entry] }, headers }));
  const columnsOf = (table: JsonObject): Column<JsonObject>[] => {
    const keys = Object.keys(table.key as JsonObject);
    const value = (name: string, isHead: boolean): Column<JsonObject> => ({
      title: name,
      isHead,
      cell: (one) => ((one.row as JsonObject)[name] === null ? <span class="quiet">missing</span> : <Data value={(one.row as JsonObject)[name]} />),
    });
    const keyOf = (one: JsonObject) => Object.fromEntries(keys.map((name) => [name, (one.row as JsonObject)[name] as Json]));
    return [
      ...keys.map((name) => value(name, true)),
      ...Object.keys(table.columns as JsonObject).map((name) => value(name, false)),
      ...ORIGIN,
      { title: "", cell: (one) => <Actions role="analyst" actions={[{ text: "Take out", ask: "The row is gone then.", run: () => send("DELETE", { row: keyOf(one) }) }]} /> },
    ];
  };
  const add = (table: JsonObject) => {
    const types = { ...(table.key as JsonObject), ...(table.columns as JsonObject) };
    const fields: Field[] = Object.keys(types).map((name) => ({ name: `of ${name}`, label: name, hint: show(types[name]), needed: name in (table.key as JsonObject) }));
    const run = (values: Values) => {
      const filled = Object.keys(types).filter((name) => values[`of ${name}`] !== "");
      const row = Object.fromEntries(filled.map((name) => [name, valueOf(show(types[name]), values[`of ${name}`] ?? "")]));
      return send("POST", { row, until: timeOf(values.until) || undefined }, commented(values));
    };
    return <Form title="Add a row, or replace one" role="analyst" fields={[...fields, { name: "until", label: "Until", kind: "time" }, WHY]} submit="Put it there" run={run} />;
  };
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>
        Table <Data value={id} />
      </h1>
      <Panel title="Rows" loaded={loaded}>
        {(table) => (
          <>
            <p>
              {counted(numberOf(table, "size"), "row")}. <a href={`${at}?limit=10000`} download={`${id}.json`}>Save as JSON</a>
            </p>
            {add(table)}
            <ReplaceWhole what="table" of={table} at={at} hint={'One JSON object in each line, such as {"column": "value"}, or a table saved as JSON without what stands around its rows.'} entriesOf={rowsOf} preview={async (text) => `${counted(rowsOf(text).length, "row")} instead of ${count(numberOf(table, "size"))}.`} done={done} />
            <Table label="Rows of the table" columns={columnsOf(table)} rows={objects(table, "rows")} empty="It has no row here." />
            <Pages document={table} to={`/tables/${part(id)}`} />
          </>
        )}
      </Panel>
    </main>
  );
}
