// The events of an alert along time: how far apart they lie, and how much of the rule's time they took. The table beside it has the same.
import { useState } from "preact/hooks";
import { Automaton, gapsOf } from "./conditions";
import { JsonObject, show } from "./json";
import { objects } from "./table";
import { counted, span, visible } from "./text";

export interface Mark {
  x: number;
  step: string; // empty: of an event that was not taken
  lane: number; // labels that would lie on each other stand in different ones; -1 without one
}
/** What is looked at, in microseconds. */
export interface Range {
  from: number;
  to: number;
}
const WIDTH = 640;
const MARGIN = 40;
const LETTER = 7;
const LANE = 16;
const BAR = 8; // from one bar below the time to the next
const MARKS_MAX = 200;
const CLOSEST_US = 1000;

const place = (at: number, { from, to }: Range) => (to === from ? WIDTH / 2 : MARGIN + ((at - from) / (to - from)) * (WIDTH - 2 * MARGIN));
const extentOf = (times: readonly number[]): Range => ({ from: Math.min(...times), to: Math.max(...times) });

/** Where the events of a range stand, of times in microseconds. */
export function marksOf(events: readonly { at: number; step: string }[], range = extentOf(events.map(({ at }) => at))): { marks: Mark[]; lanes: number } {
  const ends: number[] = []; // of the last label of each lane
  const marks = [...events]
    .filter(({ at }) => at >= range.from && at <= range.to)
    .sort((a, b) => a.at - b.at)
    .map(({ at, step }): Mark => {
      const x = place(at, range);
      if (step === "") return { x, step, lane: -1 };
      const half = ([...step].length * LETTER) / 2 + 3;
      let lane = ends.findIndex((end) => end <= x - half);
      if (lane < 0) lane = ends.length;
      ends[lane] = x + half;
      return { x, step, lane };
    });
  return { marks, lanes: ends.length };
}

const ZOOMS: readonly { key: string; text: string; width: number; by: number }[] = [
  { key: "+", text: "Closer", width: 0.5, by: 0 },
  { key: "-", text: "Further", width: 2, by: 0 },
  { key: "ArrowLeft", text: "Earlier", width: 1, by: -0.25 },
  { key: "ArrowRight", text: "Later", width: 1, by: 0.25 },
  { key: "0", text: "All", width: Infinity, by: 0 },
];
/** What is looked at after a key, within `whole`; nothing for a key that means nothing here. */
export function zoomed(range: Range, whole: Range, key: string): Range | undefined {
  const zoom = ZOOMS.find((one) => one.key === key);
  if (!zoom) return undefined;
  const width = range.to - range.from;
  const wanted = Math.min(whole.to - whole.from, Math.max(CLOSEST_US, width * zoom.width));
  const middle = (range.from + range.to) / 2 + zoom.by * width;
  const from = Math.min(whole.to - wanted, Math.max(whole.from, middle - wanted / 2));
  return { from, to: from + wanted };
}

const microseconds = (event: JsonObject) => Number(show(event.ts));
const lasting = (us: number) => (us < 1_000_000 ? `${Math.round(us / 1000)} ms` : span(us / 1000));
/** Of each event that had to come some time after the one before: when that was, when it came, and when it would have been too late. */
export function stepTimesOf(taken: readonly { at: number; step: string }[], automaton: Automaton): { step: string; from: number; at: number; end: number }[] {
  const gaps = gapsOf(automaton, taken.map(({ step }) => step));
  return taken.flatMap(({ at, step }, i) => {
    const [gap, before] = [gaps[i], taken[i - 1]];
    return gap && before ? [{ step, from: before.at, at, end: before.at + gap }] : [];
  });
}
/**
 * Events along time: those of an alert by their steps, `others` of its key without. `lives`: how long a match may last from its first
 * event on, in microseconds; 0: without an end. `automaton`: of its rule.
 */
export function Timeline({ alert, others = [], lives = 0, automaton }: { alert: JsonObject; others?: readonly number[]; lives?: number; automaton?: Automaton | undefined }) {
  const [chosen, choose] = useState<{ of: JsonObject; range: Range }>();
  const taken = objects(alert, "events").map((event) => ({ at: microseconds(event), step: visible(show(event.as)) }));
  const events = [...others.map((at) => ({ at, step: "" })), ...taken].filter(({ at }) => Number.isFinite(at));
  if (events.length < 2 || events.length > MARKS_MAX) return null;
  const extent = extentOf(events.map(({ at }) => at));
  const match = extentOf(taken.map(({ at }) => at));
  const steps = automaton ? stepTimesOf(taken, automaton) : [];
  const bars = [...(lives > 0 ? [{ from: match.from, at: match.to, end: match.from + lives }] : []), ...steps];
  const whole = { from: extent.from, to: Math.max(extent.to, ...bars.map(({ end }) => end)) };
  const range = chosen?.of === alert ? chosen.range : extent;
  const zoom = (key: string) => {
    const next = zoomed(range, whole, key);
    if (next) choose({ of: alert, range: next });
    return next !== undefined;
  };
  const { marks, lanes } = marksOf(events, range);
  const line = lanes * LANE + 10;
  const used = match.to - match.from;
  const share = lives > 0 ? Math.round((used / lives) * 100) : 0;
  const within = lives > 0 ? `; the match took ${lasting(used)} of ${lasting(lives)} that the rule gives it (${share} %)` : "";
  const own = steps.map(({ step, from, at, end }) => `; ${step} came ${lasting(at - from)} after the event before, of ${lasting(end - from)} that its step has`).join("");
  const said = `${counted(events.length, "event")} within ${lasting(extent.to - extent.from)}${others.length > 0 ? `, ${taken.length} of them taken` : ""}${within}${own}`;
  const labels = marks.filter(({ step }) => step !== "").map(({ step }) => step);
  const isPart = range.from > whole.from || range.to < whole.to;
  const bar = (name: string, from: number, to: number, row: number) => {
    const [left, right] = [Math.max(0, place(from, range)), Math.min(WIDTH, place(to, range))];
    return right > left && <rect class={name} x={left} y={line + 8 + row * BAR} width={right - left} height="5" />;
  };
  return (
    <figure class="chart">
      <figcaption>{said}</figcaption>
      <div class="scroll" tabIndex={0} role="group" aria-label="Timeline: + and - zoom, the arrow keys move, 0 shows all" onKeyDown={(event) => zoom(event.key) && event.preventDefault()}>
        <svg class="timeline" viewBox={`0 0 ${WIDTH} ${line + 8 + Math.max(1, bars.length) * BAR}`} role="img" aria-label={`${said}: ${labels.join(", ")}`}>
          {bars.map(({ from, at, end }, row) => [bar("before", from, end, row), bar("now", from, at, row)])}
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
      </div>
      {whole.to > whole.from && (
        <div class="buttons">
          {ZOOMS.map(({ key, text }) => (
            <button type="button" key={key} onClick={() => zoom(key)}>
              {text}
            </button>
          ))}
          <span class="quiet" role="status">
            {isPart && `${marks.length} of ${counted(events.length, "event")}, ${lasting(range.to - range.from)} of ${lasting(whole.to - whole.from)}`}
          </span>
        </div>
      )}
    </figure>
  );
}
