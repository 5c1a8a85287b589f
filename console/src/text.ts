// Texts of events and rules, as data; times, sizes and counts, as people read them.

// Control characters, what changes the direction of text, and what has no width: each is shown as its code.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** The text with each character that cannot be seen, or that hides others, written as ‹U+202E›. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (letter) => `‹U+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}
/** Whether it is what the server shows in place of personal data. */
export function isMask(text: string): boolean {
  return /^•••[0-9a-f]{12}$/.test(text);
}
/** The same for a text of several lines, which stay lines. */
export function visibleLines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}

/** "3 s", "4 min", "2 h", "5 d": how long ago, in the largest unit. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

const local = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
/** A time of the API in the browser's zone; what is no time stays as it is. */
export function localTime(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? time : local.format(at);
}

/** 1234567 as "1,234,567". */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}
/** The digits "1234567.50" as "1,234,567.50". */
export function digitGroups(digits: string): string {
  const [whole = "", rest] = digits.split(".");
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? groups : `${groups}.${rest}`;
}
/** "1 alert", "2 alerts". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Bytes as "11.4 MB". */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}
