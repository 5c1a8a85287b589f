// H. Who is told of alerts, and what was sent.
import { ask, get, part } from "./api";
import { Actions, Form, Once, timeOf } from "./forms";
import { FILTER_FIELDS, FilterText, PREVIEW, filledFields, filterOf, previewOf } from "./alert_filter";
import { JsonObject, show } from "./json";
import { Data, Panel, Time, useLoaded } from "./parts";
import { go, href } from "./place";
import { Silences } from "./silences";
import { Column, Table, member, numberOf, objects } from "./table";
import { counted } from "./text";

const EVERY_MS = 10_000;
const CIRCUITS: { [circuit: string]: string } = { closed: "answers", half_open: "is tried again", open: "does not answer", disabled: "is gone (410)" };

function nameOf(one: JsonObject): string {
  return show(one.name) || show(one.url);
}
const SUBSCRIPTIONS: readonly Column<JsonObject>[] = [
  {
    title: "Subscription",
    isHead: true,
    by: nameOf,
    cell: (one) => (
      <>
        <a href={href(`/subscriptions/${part(show(one.id))}`)}>
          <Data value={nameOf(one)} />
        </a>
        {show(one.name) && (
          <>
            <br />
            <span class="quiet">
              <Data value={one.url} />
            </span>
          </>
        )}
      </>
    ),
  },
  member("State", "status"),
  { title: "Its endpoint", by: (one) => show(one.circuit), cell: (one) => CIRCUITS[show(one.circuit)] ?? show(one.circuit) },
  member("Owed", "owed", "number"),
  { title: "Oldest waiting", by: (one) => show(one.oldest_waiting ?? ""), cell: (one) => one.oldest_waiting !== undefined && <Time at={show(one.oldest_waiting)} /> },
  { title: "Which alerts", cell: (one) => <FilterText filter={one.filter as JsonObject | undefined} /> },
];

function NewSubscription({ again }: { again: () => void }) {
  return (
    <Form
      title="New subscription"
      role="analyst"
      fields={[
        { name: "url", label: "URL", needed: true, hint: "Where alerts are sent: https://…" },
        { name: "name", label: "Name" },
        ...FILTER_FIELDS,
        { name: "payload", label: "Form", kind: "choice", choices: ["tocsin", "cloudevents"] },
        { name: "in_order", label: "Alerts of one key one after the other", kind: "check" },
      ]}
      submit="Subscribe"
      run={async (values) => {
        const answer = await ask("POST", "/v1/subscriptions", {
          body: { url: values.url, name: values.name || undefined, filter: filterOf(values), payload: values.payload, in_order: values.in_order === "true" },
        });
        again();
        const made = answer.json as JsonObject;
        return <Once what={`The secret of ${nameOf(made)}`} value={show(made.secret)} />;
      }}
      more={[{ text: PREVIEW, isFree: true, run: (values) => previewOf("subscriptions", filterOf(values)) }]}
    />
  );
}

export default function SubscriptionsScreen() {
  const loaded = useLoaded((signal) => get("/v1/subscriptions", signal), "subscriptions", EVERY_MS);
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Deliveries</h1>
      <Panel title="Subscriptions" loaded={loaded}>
        {(document) => (
          <>
            <Table label="Table of subscriptions" columns={SUBSCRIPTIONS} rows={objects(document, "subscriptions")} sorts empty="Nobody is told of alerts yet." />
            <NewSubscription again={loaded.again} />
          </>
        )}
      </Panel>
      <Silences />
    </main>
  );
}

const ATTEMPTS: readonly Column<JsonObject>[] = [
  member("At", "at", "time"),
  {
    title: "What",
    isHead: true,
    cell: (one) =>
      one.alert === undefined ? (
        <span>{one.test === true ? "a test" : `a message ${show(one.message)}`}</span>
      ) : (
        <a href={href(`/alerts/${show(one.alert)}`)}>an alert</a>
      ),
  },
  { title: "Attempt", isNumber: true, cell: (one) => show(one.attempt) },
  { title: "Came to", cell: (one) => <>{one.delivered === true ? "delivered" : "failed"} {one.status !== undefined && `(${show(one.status)})`} <Data value={one.error} /></> },
  { title: "Took", isNumber: true, cell: (one) => (one.latency_ms === undefined ? "" : `${Math.round(Number(show(one.latency_ms)))} ms`) },
  { title: "Answer", cell: (one) => <Data value={one.answer} /> },
];
const DEAD: readonly Column<JsonObject>[] = [
  { title: "Alert", isHead: true, cell: (one) => (one.alert === undefined ? <Data value={one.message} /> : <a href={href(`/alerts/${show(one.alert)}`)}>{show(one.alert).slice(0, 8)}…</a>) },
  member("Rule", "rule"),
  member("Attempts", "attempts", "number"),
  member("Last at", "at", "time"),
  member("Error", "error"),
];

function Settings({ one }: { one: JsonObject }) {
  const group = one.group as JsonObject | null | undefined;
  return (
    <dl class="facts">
      <dt>URL</dt>
      <dd>
        <Data value={one.url} />
      </dd>
      <dt>State</dt>
      <dd>
        <Data value={one.status} /> <Data value={one.status_reason} />; its endpoint {CIRCUITS[show(one.circuit)] ?? ""}
      </dd>
      <dt>Owed</dt>
      <dd>
        {counted(numberOf(one, "owed"), "alert")}
        {one.oldest_waiting !== undefined && (
          <>
            , the oldest of <Time at={show(one.oldest_waiting)} />
          </>
        )}
      </dd>
      <dt>Which alerts</dt>
      <dd>
        <FilterText filter={one.filter as JsonObject | undefined} /> {one.condition_error !== undefined && <Data value={one.condition_error} />}
      </dd>
      <dt>Form</dt>
      <dd>
        <Data value={one.payload} />
        {one.in_order === true && ", alerts of one key one after the other"}
        {group && `, in groups by ${(Array.isArray(group.by) ? group.by : []).map(show).join(", ")}`}
      </dd>
      <dt>Made by</dt>
      <dd>
        <Data value={one.created_by} />, <Time at={show(one.created_at)} />
      </dd>
      {one.secret_before_until !== undefined && (
        <>
          <dt>The secret before</dt>
          <dd>
            signs until <Time at={show(one.secret_before_until)} />
          </dd>
        </>
      )}
    </dl>
  );
}

export function SubscriptionScreen({ id }: { id: string }) {
  const at = `/v1/subscriptions/${part(id)}`;
  const loaded = useLoaded((signal) => get(at, signal), at, EVERY_MS);
  const log = useLoaded((signal) => get(`${at}/deliveries?limit=100`, signal), `${at} log`, EVERY_MS);
  const dead = useLoaded((signal) => get(`${at}/dead?limit=100`, signal), `${at} dead`, EVERY_MS);
  const after = (text: string) => {
    loaded.again();
    log.again();
    dead.again();
    return text;
  };
  const post = async (what: string, body?: unknown) => (await ask("POST", `${at}/${what}`, body === undefined ? {} : { body })).json as JsonObject;
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Subscription {loaded.value && <Data value={nameOf(loaded.value)} />}</h1>
      <Panel title="Settings" loaded={loaded}>
        {(one) => (
          <>
            <Settings one={one} />
            <Actions
              role="analyst"
              what="Changing it"
              actions={[
                {
                  text: "Send a test",
                  run: async () => {
                    const tried = await post("test");
                    return after(tried.delivered === true ? `It was delivered: ${show(tried.status)}.` : `It was not delivered: ${show(tried.error)} ${show(tried.status)}`);
                  },
                },
                one.status === "active"
                  ? { text: "Pause", run: async () => (await post("pause"), after("It is paused; alerts stay owed.")) }
                  : { text: "Resume", run: async () => (await post("resume"), after("It goes on.")) },
                {
                  text: "Delete",
                  ask: "What it is owed is not sent then.",
                  run: async () => {
                    await ask("DELETE", at, { headers: { "If-Match": `"${show(one.version)}"` } });
                    go("/subscriptions");
                  },
                },
              ]}
            />
            <Form
              key={`change ${show(one.version)}`}
              title="Change it"
              role="analyst"
              keeps
              fields={[{ name: "name", label: "Name", value: show(one.name ?? "") }, ...filledFields(one.filter as JsonObject | undefined)]}
              submit="Change it"
              run={async (values) => {
                const wanted: { [name: string]: unknown } = filterOf(values) ?? {};
                // A merge patch: what is to be gone is null.
                const filter = Object.fromEntries(FILTER_FIELDS.map(({ name }) => [name, wanted[name] ?? null]));
                const key = (one.filter as JsonObject | undefined)?.key as JsonObject | undefined;
                if (wanted.key && key) filter.key = { ...Object.fromEntries(Object.keys(key).map((name) => [name, null])), ...(wanted.key as object) };
                await ask("PATCH", at, { body: { name: values.name || null, filter }, headers: { "If-Match": `"${show(one.version)}"` } });
                return after("It is changed.");
              }}
              more={[{ text: PREVIEW, isFree: true, run: (values) => previewOf("subscriptions", filterOf(values)) }]}
            />
            <Form
              title="New secret"
              role="analyst"
              fields={[{ name: "overlap", label: "The one before signs too for", value: "24h", needed: true, hint: "Such as 24h; 0s ends it now." }]}
              submit="Make a new secret"
              run={async ({ overlap }) => {
                const made = await post("secret", { overlap });
                loaded.again();
                return <Once what="The new secret" value={show(made.secret)} />;
              }}
            />
          </>
        )}
      </Panel>
      <Panel title="What was sent" loaded={log}>
        {(document) => <Table label="Attempts" columns={ATTEMPTS} rows={objects(document, "deliveries")} empty="Nothing was sent yet." />}
      </Panel>
      <Panel title="Given up" loaded={dead}>
        {(document) => (
          <>
            <Table label="Alerts that were given up" columns={DEAD} rows={objects(document, "dead")} empty="No alert was given up." />
            <Form
              title="Send alerts again"
              role="analyst"
              fields={[
                { name: "failed_since", label: "Those given up since", kind: "time" },
                { name: "from", label: "Or all raised from", kind: "time" },
                { name: "to", label: "to", kind: "time" },
              ]}
              submit="Owe them again"
              run={async ({ failed_since, from, to }) => {
                const body = failed_since ? { failed_since: timeOf(failed_since) } : { from: timeOf(from), to: timeOf(to) };
                return after(`${counted(numberOf(await post("redeliver", body), "owed"), "alert is", "alerts are")} owed again.`);
              }}
            />
          </>
        )}
      </Panel>
    </main>
  );
}
