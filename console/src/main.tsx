import { ComponentType, render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { me } from "./api";
import { AlertScreen } from "./alert_screen";
import { ProblemBox, useLoaded } from "./parts";
import { go, href, path } from "./place";
import { QueueScreen } from "./queue";
import { Shell, watchServer } from "./shell";
import { SignIn, Waiting } from "./sign_in";
import { visible } from "./text";

type ScreenOf = ComponentType<{ id: string }>;
interface Route {
  pattern: RegExp; // what its group has is the screen's id
  title: string;
  screen?: ScreenOf; // of the first page
  load?: () => Promise<ScreenOf>; // of the others: in a file which comes when it is wanted
}
const later = (name: keyof typeof import("./screens")) => async (): Promise<ScreenOf> => (await import("./screens"))[name];
const ROUTES: readonly Route[] = [
  { pattern: /^\/(?:alerts)?$/, title: "Alerts", screen: QueueScreen },
  { pattern: /^\/alerts\/([0-9a-f]{1,64})$/, title: "Alert", screen: AlertScreen },
  { pattern: /^\/keys$/, title: "Keys", load: later("NearKeysScreen") },
  { pattern: /^\/keys\/([^/]+)$/, title: "Key", load: later("KeyScreen") },
  { pattern: /^\/rules$/, title: "Rules", load: later("RulesScreen") },
  { pattern: /^\/rules\/([^/]+)$/, title: "Rule", load: later("RuleScreen") },
  { pattern: /^\/rules\/([^/]+)\/edit$/, title: "Edit a rule", load: async () => (await import("./editor")).default },
  { pattern: /^\/pack\/([^/]+)$/, title: "Edit a file", load: async () => (await import("./editor")).FileEditor },
  { pattern: /^\/changes$/, title: "Changes", load: later("ChangesScreen") },
  { pattern: /^\/changes\/([^/]+)$/, title: "Change", load: later("ChangeScreen") },
  { pattern: /^\/proposals\/([^/]+)$/, title: "Request", load: later("ProposalScreen") },
  { pattern: /^\/versions\/(\d+)$/, title: "Version", load: later("VersionScreen") },
  { pattern: /^\/backtests$/, title: "Backtests", load: later("BacktestsScreen") },
  { pattern: /^\/backtests\/(\d+)$/, title: "Backtest", load: later("BacktestScreen") },
  { pattern: /^\/lists$/, title: "Lists", load: later("ListsScreen") },
  { pattern: /^\/lists\/([^/]+)$/, title: "List", load: later("ListScreen") },
  { pattern: /^\/tables\/([^/]+)$/, title: "Table", load: later("TableScreen") },
  { pattern: /^\/subscriptions$/, title: "Deliveries", load: later("SubscriptionsScreen") },
  { pattern: /^\/subscriptions\/([^/]+)$/, title: "Subscription", load: later("SubscriptionScreen") },
  { pattern: /^\/health$/, title: "Health", load: later("HealthScreen") },
  { pattern: /^\/set-aside$/, title: "Set aside", load: later("SetAsideScreen") },
  { pattern: /^\/tokens$/, title: "People and tokens", load: later("AccessScreen") },
  { pattern: /^\/audit$/, title: "Audit log", load: later("AuditScreen") },
];

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // no text that was encoded: nothing has such an id
  }
}

/** Who works by keyboard, or hears the page, goes on at the screen that came. */
function toScreen(): void {
  document.getElementById("main")?.focus({ preventScroll: true });
}
function Later({ title, load, id }: { title: string; load: () => Promise<ScreenOf>; id: string }) {
  const loaded = useLoaded(async () => ({ screen: await load() }), title);
  const isThere = loaded.value !== undefined;
  useEffect(() => {
    if (isThere && document.activeElement === document.body) toScreen();
  }, [isThere]);
  if (loaded.value) {
    const Loaded = loaded.value.screen;
    return <Loaded key={id} id={id} />;
  }
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>{title}</h1>
      {loaded.problem ? (
        <>
          <ProblemBox problem={loaded.problem} />
          <p>A part of the page did not come; the server may be starting, or have another version.</p>
          <button type="button" onClick={() => location.reload()}>
            Load the page again
          </button>
        </>
      ) : (
        <p class="quiet">Loading…</p>
      )}
    </main>
  );
}

function Screen({ route, id }: { route: Route | undefined; id: string }) {
  if (route?.screen) return <route.screen id={id} />;
  if (route?.load) return <Later title={route.title} load={route.load} id={id} />;
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>There is no such page</h1>
      <p>
        <a href={href("/alerts?status=open")}>To the alerts</a>
      </p>
    </main>
  );
}

function App() {
  useEffect(watchServer, []);
  const at = path.value;
  const route = ROUTES.find(({ pattern }) => pattern.test(at));
  const id = decoded(route?.pattern.exec(at)?.[1] ?? "");
  const before = useRef(at);
  useEffect(() => {
    document.title = route ? `${visible(`${route.title} ${id}`.trim())} · Tocsin` : "Tocsin";
    if (before.current !== at && before.current !== "/") toScreen();
    before.current = at;
  }, [at]);
  useEffect(() => {
    if (at === "/") go("/alerts?status=open", true);
  }, [at]);
  if (me.value === undefined) return <Waiting />;
  if (me.value === null) return <SignIn />;
  return (
    <Shell>
      <Screen key={route?.title} route={route} id={id} />
    </Shell>
  );
}

const root = document.getElementById("app");
if (root) {
  root.textContent = "";
  render(<App />, root);
}
