// Values over time as a line: own SVG, with the numbers of a place on it by mouse and by keys, and marks of what happened.
import { useState } from "preact/hooks";
import { localTime } from "./text";

/** Something that happened. */
export interface Mark {
  at: number; // milliseconds since 1970
  text: string;
}
export interface Line {
  title: string;
  times: readonly number[]; // milliseconds since 1970, ascending
  values: readonly (number | undefined)[]; // undefined: nothing was measured
  form: (value: number) => string;
  texts?: readonly (string | undefined)[]; // the values with all their digits, instead of `form`
  marks?: readonly Mark[];
}
const WIDTH = 320;
const HEIGHT = 64;

/** Stretches of a line without a gap, each as the points of a polyline. */
export function stretchesOf(times: readonly number[], values: readonly (number | undefined)[], width = WIDTH, height = HEIGHT): string[] {
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 1];
  const known = values.filter((value): value is number => value !== undefined);
  const [least, most] = [Math.min(0, ...known), Math.max(...known, 0)];
  const x = (at: number) => ((at - first) / Math.max(1, last - first)) * width;
  const y = (value: number) => height - ((value - least) / (most - least || 1)) * height;
  const stretches: string[][] = [[]];
  times.forEach((at, i) => {
    const value = values[i];
    if (value === undefined) stretches.push([]);
    else stretches.at(-1)?.push(`${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  });
  return stretches.filter((points) => points.length > 0).map((points) => points.join(" "));
}
function textAt({ values, form, texts }: Line, at: number): string {
  const value = values[at];
  return value === undefined ? "not measured" : (texts?.[at] ?? form(value));
}
/** What a line says, in a sentence. */
export function summaryOf(line: Line): string {
  const { values } = line;
  const known = values.flatMap((value, at) => (value === undefined ? [] : [at]));
  if (known.length === 0) return "nothing was measured";
  const best = (isBetter: (a: number, b: number) => boolean) =>
    textAt(line, known.reduce((found, at) => (isBetter(values[at] as number, values[found] as number) ? at : found)));
  return `last ${textAt(line, known.at(-1) as number)}, from ${best((a, b) => a < b)} to ${best((a, b) => a > b)}`;
}

export function LineChart({ line }: { line: Line }) {
  const [at, setAt] = useState<number>();
  const { title, times, values, marks = [] } = line;
  const last = times.length - 1;
  const shown = at === undefined ? undefined : Math.min(at, last);
  const [begin, end] = [times[0] ?? 0, times[last] ?? 1];
  const x = (time: number) => ((time - begin) / Math.max(1, end - begin)) * WIDTH;
  const said = shown === undefined ? summaryOf(line) : `${localTime(new Date(times[shown] as number).toISOString())}: ${textAt(line, shown)}`;
  const point = (event: MouseEvent & { currentTarget: Element }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const wanted = begin + ((event.clientX - box.left) / Math.max(1, box.width)) * (end - begin);
    let nearest = 0;
    times.forEach((time, i) => {
      if (Math.abs(time - wanted) < Math.abs((times[nearest] as number) - wanted)) nearest = i;
    });
    setAt(nearest);
  };
  const press = (event: KeyboardEvent) => {
    const steps: { [key: string]: number } = { ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last, PageUp: -10, PageDown: 10 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setAt(Math.min(last, Math.max(0, (shown ?? last) + step)));
  };
  if (times.length === 0) return null;
  return (
    <figure class="chart line">
      <figcaption>
        <strong>{title}</strong>{" "}
        <span class="quiet">{said}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        tabIndex={0}
        role="slider"
        aria-label={title}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={shown ?? last}
        aria-valuetext={said}
        onMouseMove={point}
        onMouseLeave={() => setAt(undefined)}
        onKeyDown={press}
        onBlur={() => setAt(undefined)}
      >
        <line x1="0" y1={HEIGHT} x2={WIDTH} y2={HEIGHT} />
        {marks
          .filter((mark) => mark.at >= begin && mark.at <= end)
          .map((mark) => (
            <line class="mark" x1={x(mark.at)} x2={x(mark.at)} y1="0" y2={HEIGHT}>
              <title>{mark.text}</title>
            </line>
          ))}
        {stretchesOf(times, values).map((points) =>
          points.includes(" ") ? <polyline points={points} /> : <circle cx={points.split(",")[0]} cy={points.split(",")[1]} r="1.5" />,
        )}
        {shown !== undefined && <line class="cursor" x1={x(times[shown] as number)} x2={x(times[shown] as number)} y1="0" y2={HEIGHT} />}
      </svg>
    </figure>
  );
}
