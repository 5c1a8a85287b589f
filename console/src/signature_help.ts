// The arguments of the call around the cursor, above it: a tooltip that follows, is read out, and is closed by Escape.
import { EditorState, Extension, StateEffect, StateField } from "@codemirror/state";
import { EditorView, Tooltip, ViewPlugin, ViewUpdate, keymap, showTooltip } from "@codemirror/view";
import { CallSignature, callAt, spoken } from "./language";
import { toldSignature } from "./told";

const QUIET_MS = 150; // of the cursor, before the server is asked
const BEFORE_MAX = 10_000; // characters before the cursor that are looked at for a call

interface Help {
  call: number | undefined; // where the parentheses of the call around the cursor open
  closed: boolean; // by Escape, for this call
  signature: CallSignature | undefined;
  tooltip: Tooltip | null;
}
const NONE: Help = { call: undefined, closed: false, signature: undefined, tooltip: null };
const answered = StateEffect.define<CallSignature | undefined>();
const switchedTo = StateEffect.define<boolean>(); // closed, or open again

function callIn(state: EditorState): number | undefined {
  const { head, empty } = state.selection.main;
  if (!empty) return undefined;
  const begin = Math.max(0, head - BEFORE_MAX);
  const found = callAt(state.doc.sliceString(begin, head));
  return found === undefined ? undefined : begin + found;
}
const field = StateField.define<Help>({
  create: () => NONE,
  update: (before, transaction) => {
    let help = before;
    if (transaction.docChanged || transaction.selection) {
      const call = callIn(transaction.state);
      const isSame = call !== undefined && before.call !== undefined && transaction.changes.mapPos(before.call) === call;
      help = isSame ? { ...before, call } : { ...NONE, call };
    }
    for (const effect of transaction.effects) {
      if (effect.is(switchedTo)) help = { ...help, closed: effect.value, signature: undefined, tooltip: null };
      if (effect.is(answered)) {
        const signature = effect.value;
        help = { ...help, signature, tooltip: signature ? { pos: 0, above: true, create: () => ({ dom: toldSignature(signature) }) } : null };
      }
    }
    const pos = transaction.state.selection.main.head;
    return help.tooltip && help.tooltip.pos !== pos ? { ...help, tooltip: { ...help.tooltip, pos } } : help;
  },
  provide: (of) => showTooltip.from(of, ({ tooltip }) => tooltip),
});

/** `ask` gives the call around a place of the text, as the server knows it. */
export function signatureHelp(ask: (offset: number, signal: AbortSignal) => Promise<CallSignature | undefined>): Extension {
  class Asking {
    private timer = 0;
    private ended = new AbortController();
    constructor(private readonly view: EditorView) {}
    update(update: ViewUpdate) {
      const isReopened = update.transactions.some(({ effects }) => effects.some((effect) => effect.is(switchedTo) && !effect.value));
      if (update.docChanged || update.selectionSet || update.focusChanged || isReopened) this.again();
    }
    destroy() {
      window.clearTimeout(this.timer);
      this.ended.abort();
    }
    private again() {
      this.destroy();
      this.ended = new AbortController();
      this.timer = window.setTimeout(() => void this.run(this.ended.signal), QUIET_MS);
    }
    private async run(signal: AbortSignal) {
      const { call, closed, signature: before } = this.view.state.field(field);
      const isWanted = this.view.hasFocus && call !== undefined && !closed;
      if (!isWanted && !before) return;
      // A server that does not answer leaves the text without help, and says so elsewhere.
      const found = isWanted ? await ask(this.view.state.selection.main.head, signal).catch(() => undefined) : undefined;
      if (signal.aborted) return;
      const words = found ? spoken(found, before) : "";
      this.view.dispatch({ effects: [answered.of(found), ...(words ? [EditorView.announce.of(words)] : [])] });
    }
  }
  const close = (view: EditorView): boolean => {
    if (!view.state.field(field).tooltip) return false;
    view.dispatch({ effects: switchedTo.of(true) });
    return true;
  };
  const open = (view: EditorView): boolean => {
    view.dispatch({ effects: switchedTo.of(false) });
    return true;
  };
  return [
    field,
    ViewPlugin.fromClass(Asking),
    keymap.of([
      { key: "Escape", run: close, stopPropagation: true },
      { key: "Mod-Shift-Space", run: open, preventDefault: true },
    ]),
  ];
}
