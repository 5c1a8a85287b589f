// J. What was set aside: late events and dead letters, which can be put in again; and savepoints.
import { useState } from "preact/hooks";
import { ask, get, mayWork, part } from "./api";
import { Actions, Form } from "./forms";
import { JsonObject, show } from "./json";
import { Data, Panel, useLoaded } from "./parts";
import { href, query } from "./place";
import { Column, Table, member, numberOf, objects } from "./table";
import { counted, size, span } from "./text";

type Kind = "late" | "dead";
type Reinject = (body: { arrivals?: string[]; corrected?: { arrival: string; text: string }[] }) => Promise<string>;
function columnsOf(kind: Kind, reinject: Reinject): Column<JsonObject>[] {
  return [
    member("Arrival", "arrival", "head"),
    member("From", "input"),
    kind === "late" ? { title: "Late by", isNumber: true, cell: (one) => span(numberOf(one, "late_us") / 1000) } : member("Why", "reason"),
    { title: "Line", cell: (one) => <code><Data value={one.text} /></code> },
    {
      title: "",
      cell: (one) =>
        one.reinjected_as === undefined ? (
          <>
            <Actions role="operator" actions={[{ text: "Put it in again", run: () => reinject({ arrivals: [show(one.arrival)] }) }]} />
            {kind === "dead" && mayWork("operator") && (
              <Form
                title="Correct it"
                role="operator"
                fields={[{ name: "text", label: "Line", kind: "area", value: show(one.text), needed: true }]}
                submit="Put this in instead"
                run={({ text = "" }) => reinject({ corrected: [{ arrival: show(one.arrival), text }] })}
              />
            )}
          </>
        ) : (
          <span class="quiet">was put in again</span>
        ),
    },
  ];
}
function Aside({ kind, title, empty }: { kind: Kind; title: string; empty: string }) {
  const cursor = new URLSearchParams(query.value).get(kind) ?? "";
  const at = `/v1/${kind}`;
  const loaded = useLoaded((signal) => get(`${at}?limit=50${cursor ? `&cursor=${part(cursor)}` : ""}`, signal), `${at} ${cursor}`);
  const [told, setTold] = useState(""); // above the table, whose rows change
  const reinject: Reinject = async (body) => {
    const answer = (await ask("POST", `${at}/reinject`, { body })).json as JsonObject;
    loaded.again();
    const more = (name: string, text: string) => (numberOf(answer, name) > 0 ? `; ${numberOf(answer, name)} ${text}` : "");
    setTold(`${counted(numberOf(answer, "reinjected"), "line was", "lines were")} put in again${more("reinjected_before", "had been before")}${more("rejected", "rejected again, see the last ones for why")}${more("late", "now among the late events")}.`);
    return "";
  };
  return (
    <Panel title={title} loaded={loaded}>
      {(document) => {
        const items = objects(document, "items");
        return (
          <>
            <p role="status">{told}</p>
            <Table label={`Table of ${title.toLowerCase()}`} columns={columnsOf(kind, reinject)} rows={items} empty={empty} />
            {items.length > 0 && <Actions role="operator" what="Putting them in again" actions={[{ text: "Put all of them in again", ask: `All ${title.toLowerCase()}, of other pages too.`, run: () => reinject({}) }]} />}
            {typeof document.next === "string" && <a href={href(`/set-aside?${kind}=${part(document.next)}`)}>More</a>}
          </>
        );
      }}
    </Panel>
  );
}

function Savepoints() {
  const loaded = useLoaded((signal) => get("/v1/savepoints", signal), "savepoints");
  const columns: Column<JsonObject>[] = [
    { title: "Name", isHead: true, cell: (one) => <><Data value={one.name} /> {one.damage !== undefined && <>damaged: <Data value={one.damage} /></>}</> },
    member("Made", "made", "time"),
    member("Event time", "watermark", "time"),
    { title: "Size", isNumber: true, cell: (one) => size(numberOf(one, "bytes")) },
    {
      title: "",
      cell: (one) => (
        <Actions
          role="operator"
          actions={[
            {
              text: "Remove",
              ask: "No start can go back to it then.",
              run: async () => {
                await ask("DELETE", `/v1/savepoints/${part(show(one.name))}`);
                loaded.again();
              },
            },
          ]}
        />
      ),
    },
  ];
  return (
    <Panel title="Savepoints" loaded={loaded}>
      {(document) => (
        <>
          <Table label="Table of savepoints" columns={columns} rows={objects(document, "savepoints")} empty="There is no savepoint." />
          <Form
            title="Make a savepoint"
            role="operator"
            fields={[{ name: "name", label: "Name", needed: true, hint: "Such as before-easter." }]}
            submit="Save the state"
            run={async ({ name }) => {
              await ask("POST", "/v1/savepoints", { body: { name } });
              loaded.again();
              return "It is saved.";
            }}
          />
        </>
      )}
    </Panel>
  );
}

export default function SetAsideScreen() {
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Set aside and saved</h1>
      <Aside kind="late" title="Late events" empty="No event came too late." />
      <Aside kind="dead" title="Dead letters" empty="Every line could be read." />
      <Savepoints />
    </main>
  );
}
