// What the editor tells and does about the name at the cursor, by keys and by buttons: with its answers below the text.
import { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Problem, asProblem } from "./api";
import { Files } from "./checked";
import { CodeEditor, TOOLS, Tool } from "./code_editor";
import { Rename, Sheet, Spot, actionsAt, differing, hoverAt, laidOut, placesOf, rangeIn, renameAt, replaced } from "./language";
import { Markdown } from "./markdown";
import { Data, ProblemBox } from "./parts";
import { go, href } from "./place";
import { counted } from "./text";

type Shown =
  | { kind: "about"; markdown: string }
  | { kind: "places"; spots: readonly Spot[] }
  | { kind: "rename"; name: string; offset: number; refused: string }
  | { kind: "elsewhere"; name: string; files: readonly string[] }
  | { kind: "actions"; now: Sheet; actions: readonly Rename[] }
  | { kind: "said"; text: string };

interface Props {
  sheet: () => Sheet;
  editor: RefObject<CodeEditor | undefined>;
  /** The line of a file as the server has it, for one of the sheet's file. */
  savedLine: (spot: Spot) => number;
  /** Takes other files' new texts, to be saved with this one; absent: only this text can be changed. */
  changeOthers: ((files: Files) => void) | undefined;
  /** Where the keys of the editor lead. */
  use: RefObject<(tool: Tool) => void>;
}

export function LanguageTools({ sheet, editor, savedLine, changeOthers, use }: Props) {
  const [shown, setShown] = useState<Shown>();
  const [problem, setProblem] = useState<Problem>();
  const panel = useRef<HTMLElement>(null);
  const [wantsFocus, setWantsFocus] = useState(false);
  useLayoutEffect(() => {
    if (!wantsFocus || !shown) return;
    setWantsFocus(false);
    panel.current?.querySelector<HTMLElement>("input, button, a")?.focus();
  }, [wantsFocus, shown]);
  const place = ({ file, line }: Spot) => `/pack/${encodeURIComponent(file)}?line=${line}`;
  const close = () => {
    setShown(undefined);
    setProblem(undefined);
    editor.current?.focus();
  };
  const jump = (spot: Spot): boolean => {
    const range = rangeIn(sheet(), spot);
    if (range) editor.current?.select(range);
    return range !== undefined;
  };

  const define = async (now: Sheet, offset: number) => {
    const spots = await placesOf(now, offset, "definition");
    const [only] = spots;
    if (!only) setShown({ kind: "said", text: "Nothing is declared elsewhere for what stands at the cursor." });
    else if (spots.length > 1) show({ kind: "places", spots });
    else if (jump(only)) setShown(undefined);
    else go(place({ ...only, line: savedLine(only) }));
  };
  const show = (what: Shown) => {
    setShown(what);
    setWantsFocus(true);
  };
  const beginRename = async (now: Sheet, offset: number) => {
    const { name, refused } = await renameAt(now, offset);
    if (name === "") setShown({ kind: "said", text: `It cannot be renamed: ${refused}.` });
    else show({ kind: "rename", name, offset, refused: "" });
  };
  const take = (now: Sheet, { name, edits }: Rename, isRename = true) => {
    const here = edits.flatMap((edit) => {
      const range = rangeIn(now, edit);
      return range ? [{ range, insert: edit.text }] : [];
    });
    const others = edits.filter((edit) => !rangeIn(now, edit));
    if (others.length > 0 && !changeOthers) {
      if (!isRename) return setShown({ kind: "said", text: `It is to be done in ${others[0]?.file}, which is edited as a file.` });
      show({ kind: "elsewhere", name, files: [...new Set(others.map(({ file }) => file))] });
      return;
    }
    if (others.length > 0) changeOthers?.(replaced(now.files, others));
    editor.current?.apply(here);
    editor.current?.focus();
    if (!isRename) return setShown({ kind: "said", text: `Done: ${name}.` });
    const files = new Set(edits.map(({ file }) => file));
    setShown({ kind: "said", text: `${counted(edits.length, "place")} renamed${files.size > 1 ? `, in ${files.size} files, which are saved together` : ""}.` });
  };
  // Whether the editor still has the text that the server was asked about: its places are of no other.
  const isStill = (now: Sheet) => editor.current?.text() === now.text;
  const rename = async (newName: string, offset: number) => {
    const now = sheet();
    const made = await renameAt(now, offset, newName);
    if (!isStill(now)) setShown({ kind: "said", text: "The text was changed meanwhile, and nothing was renamed." });
    else if (made.refused) setShown({ kind: "rename", name: made.name, offset, refused: made.refused });
    else take(now, made);
  };
  const format = async (now: Sheet): Promise<void> => {
    const made = await laidOut(now.text);
    if (!isStill(now)) return editor.current && format(sheet());
    const { range, insert } = differing(now.text, made);
    const isSame = range.from === range.to && insert === "";
    if (!isSame) editor.current?.apply([{ range, insert }]);
    editor.current?.focus();
    setShown({ kind: "said", text: isSame ? "It is laid out already." : "It was laid out." });
  };
  const run = async (tool: Tool) => {
    if (!editor.current) return;
    const now = sheet();
    const offset = editor.current.cursor();
    setProblem(undefined);
    try {
      if (tool === "definition") await define(now, offset);
      else if (tool === "rename") await beginRename(now, offset);
      else if (tool === "format") await format(now);
      else if (tool === "actions") {
        const actions = await actionsAt(now, offset);
        if (actions.length === 0) setShown({ kind: "said", text: "There is nothing to do in this line." });
        else show({ kind: "actions", now, actions });
      } else if (tool === "references") {
        const spots = await placesOf(now, offset, "references");
        if (spots.length === 0) setShown({ kind: "said", text: "No name stands at the cursor." });
        else show({ kind: "places", spots });
      } else {
        const found = await hoverAt(now, offset);
        setShown(found ? { kind: "about", markdown: found.markdown } : { kind: "said", text: "There is nothing to say of what stands at the cursor." });
      }
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  use.current = (tool) => void run(tool);

  return (
    <>
      <div class="buttons" role="group" aria-label="The name at the cursor, and the text">
        {Object.entries(TOOLS).map(([tool, { key, text }]) => (
          <button type="button" key={tool} title={key} aria-keyshortcuts={key.replaceAll("-", "+")} onClick={() => void run(tool as Tool)}>
            {text}
          </button>
        ))}
        <button type="button" title="Ctrl-F" aria-keyshortcuts="Control+f" onClick={() => editor.current?.find()}>
          Find and replace
        </button>
        <button type="button" title="Ctrl-Shift-[, and Ctrl-Shift-] opens it again" onClick={() => editor.current?.fold()}>
          Fold
        </button>
      </div>
      {problem && <ProblemBox problem={problem} />}
      <div role="status">{shown?.kind === "said" && <p>{shown.text}</p>}</div>
      {shown && shown.kind !== "said" && (
        <section
          ref={panel}
          class="told"
          aria-label="About the name"
          aria-live="polite"
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            event.stopPropagation();
            close();
          }}
        >
          {shown.kind === "about" && <Markdown text={shown.markdown} />}
          {shown.kind === "places" && (
            <ul class="plain">
              {shown.spots.map((spot) => {
                const range = rangeIn(sheet(), spot);
                const line = (sheet().files[spot.file] ?? "").split("\n")[spot.line - 1] ?? "";
                return (
                  <li>
                    {range ? (
                      <button type="button" class="plain" onClick={() => jump(spot)}>
                        line {spot.line - sheet().line}
                      </button>
                    ) : (
                      <a href={href(place({ ...spot, line: savedLine(spot) }))}>
                        <Data value={spot.file} />, line {savedLine(spot)}
                      </a>
                    )}{" "}
                    <code>
                      <Data value={line.trim()} />
                    </code>
                  </li>
                );
              })}
            </ul>
          )}
          {shown.kind === "actions" && (
            <ul class="plain">
              {shown.actions.map((action) => (
                <li>
                  <button type="button" onClick={() => (isStill(shown.now) ? take(shown.now, action, false) : void run("actions"))}>
                    <Data value={action.name} />
                  </button>
                </li>
              ))}
            </ul>
          )}
          {shown.kind === "rename" && (
            <form
              onSubmit={(event) => {
                event.preventDefault();
                const name = new FormData(event.currentTarget as HTMLFormElement).get("name");
                rename(String(name ?? "").trim(), shown.offset).catch((error: unknown) => setProblem(asProblem(error)));
              }}
            >
              <label>
                New name for <Data value={shown.name} /> <input name="name" defaultValue={shown.name} required spellcheck={false} autocomplete="off" />
              </label>{" "}
              <button type="submit">Rename it</button>
              <p role="alert">
                {shown.refused && (
                  <>
                    It was not renamed: <Data value={shown.refused} />.
                  </>
                )}
              </p>
            </form>
          )}
          {shown.kind === "elsewhere" && (
            <p>
              <Data value={shown.name} /> also stands outside of this text. Rename it in a file, with all others:{" "}
              {shown.files.map((file) => (
                <>
                  <a href={href(`/pack/${encodeURIComponent(file)}`)}>
                    <Data value={file} />
                  </a>{" "}
                </>
              ))}
            </p>
          )}
          <button type="button" class="plain" onClick={close}>
            Back to the text
          </button>
        </section>
      )}
    </>
  );
}
