// What the server says of names, in the Markdown that editors take: paragraphs, lists, code, bold and links. All of it stays text.
import { ComponentChildren } from "preact";
import { visible, visibleLines } from "./text";

interface Item {
  depth: number;
  text: string;
}
export type Block = { kind: "code"; text: string } | { kind: "paragraph"; text: string } | { kind: "list"; items: Item[] } | { kind: "line" };

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const close = () => {
    if (paragraph.length > 0) blocks.push({ kind: "paragraph", text: paragraph.join(" ") });
    paragraph = [];
  };
  const lines = markdown.split("\n");
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] as string;
    const item = /^(\s*)- (.*)/.exec(line);
    if (line.startsWith("```")) {
      close();
      const begin = i + 1;
      for (i = begin; i < lines.length && !lines[i]?.startsWith("```"); i += 1);
      blocks.push({ kind: "code", text: lines.slice(begin, i).join("\n") });
    } else if (line === "---") {
      close();
      blocks.push({ kind: "line" });
    } else if (item) {
      close();
      const last = blocks.at(-1);
      const made = { depth: Math.floor((item[1] ?? "").length / 2), text: item[2] ?? "" };
      if (last?.kind === "list") last.items.push(made);
      else blocks.push({ kind: "list", items: [made] });
    } else if (line.trim() === "") close();
    else paragraph.push(line.trim());
  }
  close();
  return blocks;
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\([^)]*\)/g;
function inline(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    parts.push(visible(text.slice(at, found.index)));
    const [whole, code, bold, thin, link] = found;
    if (code !== undefined) parts.push(<code>{visible(code)}</code>);
    else if (bold !== undefined) parts.push(<strong>{visible(bold)}</strong>);
    else parts.push(visible(thin ?? link ?? whole));
    at = found.index + whole.length;
  }
  parts.push(visible(text.slice(at)));
  return parts;
}
export function Markdown({ text }: { text: string }) {
  return (
    <>
      {blocksOf(text).map((block) => {
        if (block.kind === "code") return <pre>{visibleLines(block.text)}</pre>;
        if (block.kind === "paragraph") return <p>{inline(block.text)}</p>;
        if (block.kind === "line") return <hr />;
        return (
          <ul>
            {block.items.map(({ depth, text: item }) => (
              <li class={depth > 0 ? "deeper" : ""}>{inline(item)}</li>
            ))}
          </ul>
        );
      })}
    </>
  );
}
