// Alerts by day, now and before, as bars; the table beside it says the same.
import { counted } from "./text";

export interface Day {
  day: string;
  now: number;
  before: number | undefined;
}
export function daysOf(now: { [day: string]: number }, before: { [day: string]: number } | undefined): Day[] {
  const days = [...new Set([...Object.keys(now), ...Object.keys(before ?? {})])].sort();
  return days.map((day) => ({ day, now: now[day] ?? 0, before: before ? (before[day] ?? 0) : undefined }));
}

const WIDTH = 640;
const HEIGHT = 120;
const BAR_MAX = 28;
export function Days({ days, label }: { days: readonly Day[]; label: string }) {
  if (days.length === 0) return null;
  const most = Math.max(1, ...days.map((day) => Math.max(day.now, day.before ?? 0)));
  const slot = WIDTH / days.length;
  const bar = Math.min(BAR_MAX, (slot * 0.8) / 2);
  const tall = (value: number) => (value / most) * HEIGHT;
  const said = days.map((day) => `${day.day}: ${counted(day.now, "alert")}${day.before === undefined ? "" : `, before ${day.before}`}`).join("; ");
  return (
    <figure class="chart">
      <figcaption>
        {label}, {most} at most. <span class="key-now">■</span> now
        {days[0]?.before !== undefined && (
          <>
            , <span class="key-before">■</span> before
          </>
        )}
        ; {days[0]?.day} to {days.at(-1)?.day}.
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 2}`} role="img" aria-label={said} preserveAspectRatio="none">
        {days.map((day, at) => (
          <g>
            {day.before !== undefined && <rect class="before" x={at * slot + slot / 2 - bar} y={HEIGHT - tall(day.before)} width={bar} height={tall(day.before)} />}
            <rect class="now" x={at * slot + slot / 2} y={HEIGHT - tall(day.now)} width={bar} height={tall(day.now)} />
          </g>
        ))}
        <line x1="0" y1={HEIGHT} x2={WIDTH} y2={HEIGHT} />
      </svg>
    </figure>
  );
}
