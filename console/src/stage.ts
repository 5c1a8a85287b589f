// How far a rule is let out: by its stage, and by `status` in its text, which is the most that it may be.
import { JsonObject, show } from "./json";

/** The status in the text of a rule that is let out further than that; empty where nothing holds it back. */
export function heldBackBy(rule: JsonObject): string {
  const status = show(rule.status);
  return /^live/.test(show(rule.stage)) && status !== "live" ? status : "";
}
/** Whether its alerts are delivered, of all keys or of some. */
export function isDelivered(rule: JsonObject): boolean {
  return /^live/.test(show(rule.stage)) && heldBackBy(rule) === "";
}
/** What it is now: `live 10%`, or `shadow by its text` for one whose stage is live. */
export function stageText(rule: JsonObject): string {
  const held = heldBackBy(rule);
  return held ? `${held} by its text` : show(rule.stage);
}
const HELD = /^[ \t]*status[ \t]+(shadow|internal|draft)\b[ \t]*\n?/m;
/** The status that the text itself says, where that is less than live; empty without one. */
export function statusIn(source: string): string {
  return HELD.exec(source)?.[1] ?? "";
}
/** The text without the words that hold it back. */
export function withoutStatus(source: string): string {
  return source.replace(HELD, "");
}
