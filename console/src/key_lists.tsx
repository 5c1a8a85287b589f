// What lists and tables have of a key: the entries of its values, and its rows.
import { ask, get, part } from "./api";
import { Form, Values, outcomeOf, timeOf } from "./forms";
import { JsonObject, show } from "./json";
import { WHY, commented } from "./list_replace";
import { ORIGIN, valueOf } from "./lists";
import { Data, Members, Panel, useLoaded } from "./parts";
import { href } from "./place";
import { Column, Table, numberOf, objects } from "./table";

/** The values of a key: of "card=c1,shop=7" c1 and 7, each once. */
export function valuesOf(id: string): string[] {
  return [...new Set(id.split(/,(?=[\w.]+=)/).map((text) => text.slice(text.indexOf("=") + 1)))];
}

const named = (title: string, name: "list" | "table"): Column<JsonObject> => ({
  title,
  isHead: true,
  cell: (one) => (
    <a href={href(`/${name}s/${part(show(one[name]))}`)}>
      <Data value={one[name]} />
    </a>
  ),
});
const ENTRIES: readonly Column<JsonObject>[] = [named("List", "list"), { title: "Value", cell: (entry) => <Data value={entry.value} /> }, ...ORIGIN];
const ROWS: readonly Column<JsonObject>[] = [named("Table", "table"), { title: "Row", cell: (one) => <Members of={one.row} /> }, ...ORIGIN];

/** Puts a value of the key on a list, or takes it from one. */
function Change({ lists, values, done }: { lists: readonly JsonObject[]; values: string[]; done: () => void }) {
  if (lists.length === 0) return <p class="quiet">The rules have no list that can be changed.</p>;
  const typeOf = (name: string) => show(lists.find((list) => list.name === name)?.type);
  const send = async (method: string, list: string, entry: unknown, why: Values, words: [string, string]) => {
    const answer = await ask(method, `/v1/lists/${part(list)}/entries`, { body: { entries: [entry] }, headers: commented(why) });
    done();
    return outcomeOf(answer, numberOf(answer.json as JsonObject, "changed") > 0 ? words[0] : words[1]);
  };
  return (
    <Form
      title="Put it on a list, or take it from one"
      role="analyst"
      fields={[
        { name: "value", label: "Value", kind: "choice", choices: values },
        { name: "list", label: "List", kind: "choice", choices: lists.map((list) => show(list.name)) },
        { name: "until", label: "Until", kind: "time", hint: "Without it, it stays until somebody takes it out." },
        WHY,
      ]}
      submit="Put it on the list"
      run={({ value = "", list = "", until, ...more }) =>
        send("POST", list, { value: valueOf(typeOf(list), value), until: timeOf(until) || undefined }, more, [`It is on ${list} now.`, `It was on ${list} already.`])
      }
      more={[{ text: "Take it from the list", run: ({ value = "", list = "", ...more }) => send("DELETE", list, valueOf(typeOf(list), value), more, [`It is no longer on ${list}.`, `It was not on ${list}.`]) }]}
    />
  );
}

async function readAll(id: string, signal: AbortSignal): Promise<{ lists: JsonObject[]; found: JsonObject }> {
  const [lists, found] = await Promise.all([get("/v1/lists", signal), get(`/v1/keys/${part(id)}/entries`, signal)]);
  return { lists: objects(lists, "lists").filter((list) => list.changeable === true), found };
}
export function KeyLists({ id }: { id: string }) {
  const loaded = useLoaded((signal) => readAll(id, signal), id);
  return (
    <Panel title="Lists and tables" loaded={loaded}>
      {({ lists, found }) => {
        const [entries, rows] = [objects(found, "lists"), objects(found, "tables")];
        return (
          <>
            <Table label="Lists that have it" columns={ENTRIES} rows={entries} empty="It is on no list that can be changed." />
            {rows.length > 0 && <Table label="Rows of tables by it" columns={ROWS} rows={rows} />}
            <Change lists={lists} values={valuesOf(id)} done={loaded.again} />
          </>
        );
      }}
    </Panel>
  );
}
