import { render } from "preact";
import { useEffect } from "preact/hooks";
import { me } from "./api";
import { AlertScreen } from "./detail";
import { HealthScreen } from "./health";
import { go, href, path } from "./place";
import { QueueScreen } from "./queue";
import { RulesScreen } from "./rules";
import { Shell, SignIn, Waiting, watchServer } from "./shell";

function Screen() {
  const at = path.value;
  const alert = /^\/alerts\/([0-9a-f]{1,64})$/.exec(at);
  useEffect(() => {
    if (at === "/") go("/alerts?status=open", true);
  }, [at]);
  if (alert) return <AlertScreen id={alert[1] as string} />;
  if (at === "/" || at === "/alerts") return <QueueScreen />;
  if (at === "/rules") return <RulesScreen />;
  if (at === "/health") return <HealthScreen />;
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>There is no such page</h1>
      <p>
        <a href={href("/alerts?status=open")}>To the alerts</a>
      </p>
    </main>
  );
}

const TITLES: readonly [RegExp, string][] = [
  [/^\/alerts\/./, "Alert"],
  [/^\/(alerts)?$/, "Alerts"],
  [/^\/rules/, "Rules"],
  [/^\/health/, "Health"],
];
function App() {
  useEffect(watchServer, []);
  const title = TITLES.find(([pattern]) => pattern.test(path.value))?.[1];
  useEffect(() => {
    document.title = title ? `${title} · Tocsin` : "Tocsin";
  }, [title]);
  if (me.value === undefined) return <Waiting />;
  if (me.value === null) return <SignIn />;
  return (
    <Shell>
      <Screen />
    </Shell>
  );
}

const root = document.getElementById("app");
if (root) {
  root.textContent = "";
  render(<App />, root);
}
