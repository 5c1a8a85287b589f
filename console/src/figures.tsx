// Figures of the last hours as lines.
import { useState } from "preact/hooks";
import { get } from "./api";
import { JsonObject, show } from "./json";
import { Line, LineChart } from "./lines";
import { Panel, useLoaded } from "./parts";
import { objects } from "./table";
import { count, size, span, visible } from "./text";

const EVERY_MS = 30_000;
const HOUR_MS = 3_600_000;
const POINTS = 240;
const SPANS = [1, 6, 24] as const; // hours

function formOf(unit: string): (value: number) => string {
  const precise = (value: number) => (Math.abs(value) < 10 && !Number.isInteger(value) ? value.toFixed(2) : count(Math.round(value)));
  if (unit === "B") return size;
  if (unit === "s") return (value) => (value < 1 ? `${(value * 1000).toFixed(1)} ms` : value < 60 ? `${value.toFixed(1)} s` : span(value * 1000));
  return precise;
}
/** The answer of `GET /v1/series` as lines. */
export function linesOf(answer: JsonObject): Line[] {
  const times = (Array.isArray(answer.times) ? answer.times : []).map((time) => Date.parse(show(time)));
  return objects(answer, "series").map((one) => ({
    title: one.source === undefined ? show(one.title) : `${visible(show(one.source))}: ${show(one.title)}`,
    times,
    values: (Array.isArray(one.values) ? one.values : []).map((value) => (value === null ? undefined : Number(show(value)))),
    form: formOf(show(one.unit)),
  }));
}

export function Series() {
  const [hours, setHours] = useState<number>(SPANS[0]);
  const loaded = useLoaded(
    (signal) => get(`/v1/series?points=${POINTS}&from=${new Date(Date.now() - hours * HOUR_MS).toISOString()}`, signal),
    `series ${hours}`,
    EVERY_MS,
  );
  return (
    <Panel title="Over time" loaded={loaded}>
      {(answer) => {
        const lines = linesOf(answer);
        return (
          <>
            <p>
              <label>
                The last{" "}
                <select value={hours} onChange={(event) => setHours(Number(event.currentTarget.value))}>
                  {SPANS.map((one) => (
                    <option key={one} value={one}>
                      {one === 1 ? "hour" : `${one} hours`}
                    </option>
                  ))}
                </select>
              </label>
            </p>
            {lines[0] && lines[0].times.length > 0 ? (
              <div class="lines">
                {lines.map((line) => (
                  <LineChart key={line.title} line={line} />
                ))}
              </div>
            ) : (
              <p class="quiet">Nothing was measured in this time: the server keeps figures from its start on.</p>
            )}
          </>
        );
      }}
    </Panel>
  );
}
