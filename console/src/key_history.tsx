// The features of a key over time: what each was at every event of the key, by a replay of the archive.
import { useState } from "preact/hooks";
import { readPage } from "./alerts";
import { get, part } from "./api";
import { Digits, Json, JsonObject, show } from "./json";
import { Line, LineChart, Mark } from "./lines";
import { AskedFor } from "./pages";
import { Data, Panel, Time, useLoaded } from "./parts";
import { Column, Table, numberOf, objects } from "./table";
import { count, counted } from "./text";

const DAY_MS = 86_400_000;
const SPANS = [1, 7, 30] as const; // days
const MARKS_MAX = 200;

const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);
const isNumber = (value: Json | undefined) => typeof value === "number" || value instanceof Digits;

/** The answer of `GET /v1/keys/KEY/history` as lines: of features that are numbers, and of partial matches where a rule had any. */
export function historyLines(answer: JsonObject, marks: readonly Mark[]): Line[] {
  const points = objects(answer, "points");
  const times = points.map((point) => Date.parse(show(point.time)));
  const line = (title: string, member: string, at: number): Line => {
    const found = points.map((point) => list(point[member])[at]);
    return {
      title,
      times,
      values: found.map((value) => (isNumber(value) ? Number(show(value)) : undefined)),
      form: String,
      texts: found.map((value) => (isNumber(value) ? show(value) : undefined)),
      marks,
    };
  };
  return [
    ...list(answer.features).map((name, at) => line(show(name), "values", at)),
    ...list(answer.rules).map((name, at) => line(`partial matches of ${show(name)}`, "matches", at)),
  ].filter(({ values, title }) => values.some((value) => value !== undefined && (value !== 0 || !title.startsWith("partial"))));
}
/** One row for each event; a column for each feature, and for each rule that had a partial match. */
export function historyColumns(answer: JsonObject): Column<JsonObject>[] {
  const column = (title: string, member: string, at: number): Column<JsonObject> => ({
    title,
    isNumber: true,
    cell: (point) => {
      const value = list(point[member])[at];
      return value === null || value === undefined ? <span class="quiet">missing</span> : <Data value={value} />;
    },
  });
  const rules = list(answer.rules).map((name, at) => ({ name: show(name), at }));
  const had = rules.filter(({ at }) => objects(answer, "points").some((point) => list(point.matches)[at] !== 0));
  return [
    { title: "Event time", cell: (point) => <Time at={show(point.time)} /> },
    {
      title: "Event",
      isHead: true,
      cell: ({ event }) => (
        <>
          <Data value={(event as JsonObject).type} /> <span class="quiet"><Data value={(event as JsonObject).id} /></span>
        </>
      ),
    },
    ...list(answer.features).map((name, at) => column(show(name), "values", at)),
    ...had.map(({ name, at }) => column(`partial matches of ${name}`, "matches", at)),
  ];
}

async function alertMarks(id: string, signal: AbortSignal): Promise<Mark[]> {
  const { rows } = await readPage(new URLSearchParams({ key: id, shadow: "true" }).toString(), "", MARKS_MAX, signal);
  return rows.map(({ alert }) => ({ at: Date.parse(show(alert.time)), text: `${show(alert.rule)}, ${show(alert.severity)}` }));
}

function Lines({ answer, marks }: { answer: JsonObject; marks: readonly Mark[] }) {
  const points = objects(answer, "points");
  const older = numberOf(answer, "older");
  const lines = historyLines(answer, marks);
  return (
    <>
      <p class="quiet">
        {counted(points.length, "event")} of the key
        {older > 0 && `; ${count(older)} older ones are left out (${counted(numberOf(answer, "points_max"), "event")} at most)`}.
        {marks.length > 0 && " Upright lines are its alerts."}
      </p>
      {answer.complete === false && (
        <p role="status">
          It is not complete: after {counted(numberOf(answer, "replayed"), "event")} a limit of the server was reached
          {answer.ended_at !== null && (
            <>
              , at <Time at={show(answer.ended_at)} />
            </>
          )}
          . What came later is not shown.
        </p>
      )}
      {list(answer.missing).map((text) => (
        <p>
          <Data value={text} />
        </p>
      ))}
      {lines.length > 0 && (
        <div class="lines">
          {lines.map((line) => (
            <LineChart key={line.title} line={line} />
          ))}
        </div>
      )}
      {points.length > 0 && lines.length === 0 && <p class="quiet">No feature of it is a number, and no rule had a partial match.</p>}
      {points.length === 0 ? (
        <p class="quiet">The archive has no event of this key in this time.</p>
      ) : (
        <details>
          <summary>The same as a table</summary>
          <Table label="Features at each event, the newest first" columns={historyColumns(answer)} rows={[...points].reverse()} />
        </details>
      )}
    </>
  );
}

function Replayed({ id, watermark }: { id: string; watermark: string }) {
  const [days, setDays] = useState(0);
  const now = Date.parse(watermark);
  const from = days > 0 && !Number.isNaN(now) ? `?from=${new Date(now - days * DAY_MS).toISOString()}` : "";
  const loaded = useLoaded(async (signal) => {
    // Without its alerts the lines are worth showing too.
    const marks = alertMarks(id, signal).catch((): Mark[] => []);
    return { answer: await get(`/v1/keys/${part(id)}/history${from}`, signal), marks: await marks };
  }, `${id} ${from}`);
  return (
    <Panel title="Features over time" loaded={loaded}>
      {({ answer, marks }) => (
        <>
          <p>
            <label>
              Events of{" "}
              <select value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
                <option value={0}>all the archive</option>
                {SPANS.map((one) => (
                  <option key={one} value={one}>
                    {one === 1 ? "the last day" : `the last ${one} days`}
                  </option>
                ))}
              </select>
            </label>
          </p>
          <Lines answer={answer} marks={marks} />
        </>
      )}
    </Panel>
  );
}

/** It replays the archive, and one replay runs at a time: it is asked for. */
export function KeyHistory(of: { id: string; watermark: string }) {
  return (
    <AskedFor title="Features over time" ask="Replay its events">
      <Replayed {...of} />
    </AskedFor>
  );
}
