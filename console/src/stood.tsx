// What stood in the conditions of an alert's steps when their events were taken: by a replay of the archive.
import { get, part } from "./api";
import { JsonObject, show } from "./json";
import { Data, Loaded, ProblemBox, Said } from "./parts";
import { objects } from "./table";

export const readStood = (id: string, signal: AbortSignal): Promise<JsonObject> => get(`/v1/alerts/${part(id)}/explanation`, signal);
/** The conditions of each event of the alert, in the order of its events. */
export function stoodByEvent(explanation: JsonObject): JsonObject[][] {
  return objects(explanation, "steps").flatMap((step) => objects(step, "events").map((event) => objects(event, "conditions")));
}

const WAS: { [from: string]: string } = { list: "was then", table: "was then" };
function Value({ of }: { of: JsonObject }) {
  const from = show(of.from);
  return (
    <span class="field">
      <span class="quiet">
        {from === "feature" && "feature "}
        <Data value={of.name} /> {WAS[from] ?? "was"}
      </span>{" "}
      {of.value === null ? "missing" : <Data value={of.value} />}
    </span>
  );
}
/** A condition, with the values in it. */
export function Stood({ of }: { of: JsonObject }) {
  const clause = show(of.clause);
  return (
    <>
      {clause !== "where" && clause !== "kind" && `${clause} `}
      <code>
        <Data value={of.condition} />
      </code>
      {objects(of, "values").map((value) => (
        <>
          {" "}
          <Value of={value} />
        </>
      ))}
      {of.known === true && of.result !== (clause !== "except") && <strong> {of.result === null ? "was not known: a value is missing" : `was ${show(of.result)}`}</strong>}
    </>
  );
}

const LISTS: { [lists: string]: string } = {
  then: "Lists and tables are as they were then.",
  now: "Lists and tables are as they are now: what they held then was not read.",
  declared: "Lists and tables are as the rules declared them then.",
};
/** What the explanation says of itself, and conditions on the whole match; before it is asked for, a button. */
export function StoodNotes({ loaded, isWanted, want }: { loaded: Loaded<JsonObject | undefined>; isWanted: boolean; want: () => void }) {
  if (!isWanted) {
    return (
      <p>
        <button type="button" onClick={want}>
          Read the values of that time from the archive
        </button>
      </p>
    );
  }
  const found = loaded.value;
  if (!found) return loaded.problem ? <ProblemBox problem={loaded.problem} again={loaded.again} /> : <p role="status">The events of the key are replayed.</p>;
  const lists = LISTS[show(found.lists)];
  const ofMatch = objects(found, "conditions");
  return (
    <>
      {ofMatch.length > 0 && (
        <>
          <h3>Conditions on all of it</h3>
          <ul class="notes">
            {ofMatch.map((one) => (
              <li>
                <Stood of={one} />
              </li>
            ))}
          </ul>
        </>
      )}
      <p role="status">
        <Said text={show(found.text)} />
        {found.history !== "none" && lists && ` ${lists}`}
        {found.history !== "none" && found.whole === false && " Earlier events are no longer kept: features may have counted some of them."}
      </p>
      {(Array.isArray(found.missing) ? found.missing : []).map((text) => (
        <p>
          <Data value={text} />
        </p>
      ))}
    </>
  );
}
