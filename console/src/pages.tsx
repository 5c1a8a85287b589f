// Panels of answers that come page by page, and panels that are asked for.
import { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Problem, asProblem, get, part } from "./api";
import { JsonObject, show } from "./json";
import { Panel, ProblemBox, useLoaded } from "./parts";

interface PagesPanelProps {
  title: string;
  /** Of the first page, with its query. */
  at: string;
  /** The words of the button that reads the next page. */
  more: string;
  children: (pages: readonly JsonObject[]) => ComponentChildren;
}
/** The pages of `at` read so far. Only its buttons read again. */
export function PagesPanel({ title, at, more, children }: PagesPanelProps) {
  const loaded = useLoaded((signal) => get(at, signal), at);
  const [later, setLater] = useState<{ of: JsonObject | undefined; pages: JsonObject[] }>({ of: undefined, pages: [] });
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  return (
    <Panel title={title} loaded={loaded}>
      {(first) => {
        // Later pages go on from this first one; it may have been read again.
        const pages = [first, ...(later.of === first ? later.pages : [])];
        const next = pages[pages.length - 1]?.next;
        const readNext = async () => {
          setBusy(true);
          setProblem(undefined);
          try {
            const page = await get(`${at}&cursor=${part(show(next))}`);
            setLater({ of: first, pages: [...pages.slice(1), page] });
          } catch (error) {
            setProblem(asProblem(error));
          } finally {
            setBusy(false);
          }
        };
        return (
          <>
            {children(pages)}
            {problem && <ProblemBox problem={problem} />}
            <div class="buttons">
              {next !== undefined && (
                <button type="button" aria-disabled={isBusy} onClick={() => !isBusy && void readNext()}>
                  {more}
                </button>
              )}
              <button type="button" onClick={loaded.again}>
                Read them again
              </button>
            </div>
          </>
        );
      }}
    </Panel>
  );
}

/** What costs the server much, or is in its audit log: a panel with a button that asks for it. */
export function AskedFor({ title, heading = title, ask, children }: { title: string; heading?: string; ask: string; children: ComponentChildren }) {
  const [isWanted, setWanted] = useState(false);
  if (isWanted) return <>{children}</>;
  return (
    <section class="panel" aria-label={title}>
      <h2>{heading}</h2>
      <button type="button" onClick={() => setWanted(true)}>
        {ask}
      </button>
    </section>
  );
}
