// The events of one key as they arrived, from the archive.
import { part } from "./api";
import { JsonObject, show } from "./json";
import { AskedFor, PagesPanel } from "./pages";
import { Data, Members, Time } from "./parts";
import { Column, Table, objects } from "./table";
import { counted } from "./text";

const ROWS = 50;

const COLUMNS: readonly Column<JsonObject>[] = [
  { title: "Event time", cell: (event) => <Time at={show(event.time)} /> },
  {
    title: "Event",
    isHead: true,
    cell: (event) => (
      <>
        <Data value={event.type} /> {event.id !== null && <Data value={event.id} />}
      </>
    ),
  },
  { title: "Fields", cell: (event) => <Members of={event.fields} without={["id"]} /> },
  { title: "Arrived", cell: (event) => <Time at={show(event.taken_at)} /> },
  {
    title: "Number and source",
    cell: (event) => (
      <>
        <Data value={event.arrival} /> <span class="quiet"><Data value={event.source} /></span>
      </>
    ),
  },
];

/** What is said below the events: how many they are, and what is not among them. */
export function eventsSaid(pages: readonly JsonObject[]): string {
  const shown = pages.reduce((sum, page) => sum + objects(page, "events").length, 0);
  const last = pages[pages.length - 1];
  return `${counted(shown, "event")}, the newest arrival first${last?.next === undefined ? "" : "; there are older ones"}.`;
}
/** Where a limit of the server ended the reading of some page; empty where none did. */
export function cutAt(pages: readonly JsonObject[]): string {
  const cut = pages.find((page) => page.complete === false);
  return cut ? show(cut.ended_at ?? "its beginning") : "";
}

function Listed({ id }: { id: string }) {
  return (
    <PagesPanel title="Events" at={`/v1/keys/${part(id)}/events?limit=${ROWS}`} more="Older events">
      {(pages) => {
        const cut = cutAt(pages);
        return (
          <>
            <p class="quiet" role="status">
              {eventsSaid(pages)}
            </p>
            {cut && (
              <p>
                A limit of the server ended the reading (history.events_max): the newest events are missing, from <Data value={cut} /> on.
              </p>
            )}
            {pages.flatMap((page) => (Array.isArray(page.missing) ? page.missing : [])).map((text) => (
              <p>
                <Data value={text} />
              </p>
            ))}
            <Table label="Events of the key" columns={COLUMNS} rows={pages.flatMap((page) => objects(page, "events"))} empty="The archive has no event of this key." />
          </>
        );
      }}
    </PagesPanel>
  );
}

/** It reads the archive, and one such reading runs at a time: it is asked for. */
export function KeyEvents({ id }: { id: string }) {
  return (
    <AskedFor title="Events" ask="List its events">
      <Listed id={id} />
    </AskedFor>
  );
}
