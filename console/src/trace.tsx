// What the rules made of the events of a key, from the archive: why they alerted, or did not.
import { useState } from "preact/hooks";
import { get } from "./api";
import { JsonObject, show } from "./json";
import { Data, Members, Panel, Said, Time, useLoaded } from "./parts";
import { href } from "./place";
import { Column, Table, numberOf, objects } from "./table";
import { count, counted } from "./text";

function Note({ note }: { note: JsonObject }) {
  const silenced = note.silenced as JsonObject | undefined;
  return (
    <li>
      <strong>
        <Data value={note.rule} />
      </strong>
      : <Said text={show(note.text)} />
      {note.alert !== undefined && (
        <>
          {" "}
          <a href={href(`/alerts/${show(note.alert)}`)}>the alert</a>
        </>
      )}
      {silenced && (
        <>
          {" "}
          (silenced by <Data value={silenced.created_by} />: <Data value={silenced.reason} />)
        </>
      )}
    </li>
  );
}
const COLUMNS: readonly Column<JsonObject>[] = [
  { title: "Event time", cell: (entry) => <Time at={show(entry.time)} /> },
  {
    title: "Event",
    cell: (entry) => {
      const event = entry.event as JsonObject | null;
      if (!event) return <span class="quiet">time passed</span>;
      return (
        <>
          <Data value={event.type} /> <span class="quiet"><Data value={event.id} /></span>
          <br />
          <Members of={event.fields} />
        </>
      );
    },
  },
  {
    title: "What the rules made of it",
    cell: (entry) => (
      <ul class="notes">
        {objects(entry, "notes").map((note) => (
          <Note note={note} />
        ))}
      </ul>
    ),
  },
];

function Traced({ query }: { query: string }) {
  const loaded = useLoaded((signal) => get(`/v1/trace?${query}`, signal), query);
  return (
    <Panel title="What the rules made of its events" loaded={loaded}>
      {(trace) => (
        <>
          <p class="quiet">
            {counted(numberOf(trace, "events"), "event")}, {counted(numberOf(trace, "alerts"), "alert")}
            {numberOf(trace, "older") > 0 && `; the ${count(numberOf(trace, "older"))} older ones are left out`}.
          </p>
          {(Array.isArray(trace.missing) ? trace.missing : []).map((text) => (
            <p>
              <Data value={text} />
            </p>
          ))}
          {objects(trace, "not_traced").map((one) => (
            <p class="quiet">
              The rule <Data value={one.rule} /> is not traced: <Data value={one.reason} />
            </p>
          ))}
          <Table label="Events and what the rules made of them" columns={COLUMNS} rows={objects(trace, "entries")} empty="The archive has no event of this key." />
        </>
      )}
    </Panel>
  );
}

/** A trace reads the archive, and one runs at a time: it is asked for. */
export function Trace({ of }: { of: { [name: string]: string } }) {
  const [isWanted, setWanted] = useState(false);
  const query = new URLSearchParams(of).toString();
  if (isWanted) return <Traced query={query} />;
  return (
    <section class="panel" aria-label="Trace">
      <h2>What the rules made of its events</h2>
      <button type="button" onClick={() => setWanted(true)}>
        Read it from the archive
      </button>
    </section>
  );
}
