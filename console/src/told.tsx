// What the editor shows beside the text: what a name is, what completes it, and the arguments of a call.
import { ComponentChildren, render } from "preact";
import { CallSignature, activePart } from "./language";
import { Markdown } from "./markdown";
import { visible } from "./text";

function told(content: ComponentChildren): HTMLElement {
  const dom = document.createElement("div");
  dom.className = "said";
  render(content, dom);
  return dom;
}
export function toldMarkdown(text: string): HTMLElement {
  return told(<Markdown text={text} />);
}
/** The argument that is being written is marked. */
export function toldSignature(signature: CallSignature): HTMLElement {
  const { before, active, after } = activePart(signature);
  return told(
    <>
      <p>
        <code>
          {visible(before)}
          <mark>{visible(active)}</mark>
          {visible(after)}
        </code>
      </p>
      <Markdown text={signature.doc} />
    </>,
  );
}
