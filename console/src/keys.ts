// Keys, and what they do. One hand on the keyboard is enough for the queue.

export type Action =
  | "down"
  | "up"
  | "extendDown"
  | "extendUp"
  | "select"
  | "assign"
  | "confirm"
  | "dismiss"
  | "close"
  | "undo"
  | "open"
  | "sameKey"
  | "group"
  | "selectKey"
  | "silence"
  | "refresh"
  | "views"
  | "search"
  | "help"
  | "back";

export interface KeyRow {
  keys: string[];
  action: Action;
  text: string;
}
export const KEYS: readonly KeyRow[] = [
  { keys: ["j", "ArrowDown"], action: "down", text: "next alert" },
  { keys: ["k", "ArrowUp"], action: "up", text: "previous alert" },
  { keys: ["x"], action: "select", text: "select the alert, or no longer" },
  { keys: ["J"], action: "extendDown", text: "select down" },
  { keys: ["K"], action: "extendUp", text: "select up" },
  { keys: ["a"], action: "assign", text: "assign to me" },
  { keys: ["c"], action: "confirm", text: "confirm" },
  { keys: ["d"], action: "dismiss", text: "dismiss, with a reason by its number" },
  { keys: ["e"], action: "close", text: "close" },
  { keys: ["z"], action: "undo", text: "undo the last change" },
  { keys: ["o", "Enter"], action: "open", text: "open the alert on a page of its own" },
  { keys: ["n"], action: "sameKey", text: "next open alert of the same key" },
  { keys: ["g"], action: "group", text: "group by key, or no longer" },
  { keys: ["X"], action: "selectKey", text: "select all loaded alerts of the same key" },
  { keys: ["s"], action: "silence", text: "silence this key or rule for a while" },
  { keys: ["."], action: "refresh", text: "show the new alerts" },
  { keys: ["v"], action: "views", text: "to the saved views" },
  { keys: ["/"], action: "search", text: "search: an alert's id, a key, a rule, words" },
  { keys: ["?"], action: "help", text: "show the keys" },
  { keys: ["Escape"], action: "back", text: "leave, or clear the selection" },
];

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}
/** What a key does; nothing with a modifier other than shift, and nothing while somebody types. */
export function actionOf(pressed: Pressed, isTyping: boolean): Action | undefined {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return undefined;
  if (isTyping) return pressed.key === "Escape" ? "back" : undefined;
  const key = pressed.shiftKey && /^[jkx]$/.test(pressed.key) ? pressed.key.toUpperCase() : pressed.key;
  if (pressed.shiftKey && key === "ArrowDown") return "extendDown";
  if (pressed.shiftKey && key === "ArrowUp") return "extendUp";
  return KEYS.find((row) => row.keys.includes(key))?.action;
}
// What is pressed or ticked, and is not written in.
const PRESSED = /^(checkbox|radio|button|submit|reset|file|color|range|image)$/;
/** Whether an element takes what is typed. One of a dialog that was just closed may have the focus still, and takes nothing. */
export function takesText(element: EventTarget | null): boolean {
  if (element instanceof Element && element.closest("dialog:not([open])")) return false;
  if (element instanceof HTMLInputElement) return !PRESSED.test(element.type);
  return element instanceof HTMLElement && (/^(TEXTAREA|SELECT)$/.test(element.tagName) || element.isContentEditable);
}
