// The events of an alert along time: how far apart they lie. The table beside it has the same.
import { JsonObject, show } from "./json";
import { objects } from "./table";
import { counted, span, visible } from "./text";

export interface Mark {
  x: number;
  step: string; // empty: of an event that was not taken
  lane: number; // labels that would lie on each other stand in different ones; -1 without one
}
const WIDTH = 640;
const MARGIN = 40;
const LETTER = 7;
const LANE = 16;
const MARKS_MAX = 200;

/** Where the events stand, of times in microseconds. */
export function marksOf(events: readonly { at: number; step: string }[]): { marks: Mark[]; lanes: number } {
  const first = Math.min(...events.map(({ at }) => at));
  const whole = Math.max(...events.map(({ at }) => at)) - first;
  const ends: number[] = []; // of the last label of each lane
  const marks = [...events]
    .sort((a, b) => a.at - b.at)
    .map(({ at, step }): Mark => {
      const x = whole === 0 ? WIDTH / 2 : MARGIN + ((at - first) / whole) * (WIDTH - 2 * MARGIN);
      if (step === "") return { x, step, lane: -1 };
      const half = ([...step].length * LETTER) / 2 + 3;
      let lane = ends.findIndex((end) => end <= x - half);
      if (lane < 0) lane = ends.length;
      ends[lane] = x + half;
      return { x, step, lane };
    });
  return { marks, lanes: ends.length };
}

const microseconds = (event: JsonObject) => Number(show(event.ts));
/** Events along time: those of an alert by their steps, `others` of its key without. */
export function Timeline({ alert, others = [] }: { alert: JsonObject; others?: readonly number[] }) {
  const taken = objects(alert, "events").map((event) => ({ at: microseconds(event), step: visible(show(event.as)) }));
  const events = [...others.map((at) => ({ at, step: "" })), ...taken].filter(({ at }) => Number.isFinite(at));
  if (events.length < 2 || events.length > MARKS_MAX) return null;
  const { marks, lanes } = marksOf(events);
  const whole = (Math.max(...events.map(({ at }) => at)) - Math.min(...events.map(({ at }) => at))) / 1000;
  const line = lanes * LANE + 10;
  const said = `${counted(events.length, "event")} within ${whole < 1000 ? `${Math.round(whole)} ms` : span(whole)}${others.length > 0 ? `, ${taken.length} of them taken` : ""}`;
  const steps = marks.filter(({ step }) => step !== "").map(({ step }) => step);
  return (
    <figure class="chart">
      <figcaption>{said}</figcaption>
      <svg class="timeline" viewBox={`0 0 ${WIDTH} ${line + 10}`} role="img" aria-label={`${said}: ${steps.join(", ")}`}>
        <line x1="0" y1={line} x2={WIDTH} y2={line} />
        {marks.map(({ x, step, lane }) =>
          lane < 0 ? (
            <circle class="other" cx={x} cy={line} r="4" />
          ) : (
            <g>
              <line x1={x} y1={line} x2={x} y2={lane * LANE + LANE} />
              <circle cx={x} cy={line} r="5" />
              <text x={x} y={lane * LANE + 12} text-anchor="middle">
                {step}
              </text>
            </g>
          ),
        )}
      </svg>
    </figure>
  );
}
