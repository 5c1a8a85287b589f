// Signing in: with a token, or at an issuer of OpenID Connect, from which the browser comes back with a code.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, asProblem, get, me, readSession, signIn, Problem } from "./api";
import { JsonObject, show } from "./json";
import { ProblemBox } from "./parts";
import { go, href, path, place, query } from "./place";
import { server } from "./shell";

const RETURN = "/signed-in";
/** Why a sign-in at the issuer failed, until somebody tries again. */
const failure = signal<Problem | undefined>(undefined);

function failed(problem: Problem): void {
  failure.value = problem;
  me.value = null;
  go("/", true);
}
/** Whether the browser has come back from the issuer. */
export function isBack(): boolean {
  return path.value === RETURN;
}
/** Takes the code with which it came back. Throws nothing. */
export async function takeCode(): Promise<void> {
  const said = new URLSearchParams(query.value);
  // A code counts once, and must not stay in the history.
  const code = said.get("code") ?? "";
  if (!code) {
    const why = said.get("error_description") ?? said.get("error") ?? "";
    failed(new Problem(403, "You are not signed in", why || "The issuer sent no code.", ""));
    return;
  }
  try {
    const done = (await ask("POST", "/v1/session/openid", { body: { code, state: said.get("state") ?? "" } })).json as JsonObject;
    const to = show(done.place);
    await readSession();
    go(to.startsWith("/console/") ? to.slice("/console".length) : "/", true);
  } catch (error) {
    failed(asProblem(error));
  }
}

/** The link to the issuer, where there is one. */
function AtIssuer() {
  const [isThere, setThere] = useState(false);
  useEffect(() => {
    void get("/v1/session/ways")
      .then((ways) => setThere(ways.openid === true))
      .catch(() => undefined);
  }, []);
  if (!isThere) return null;
  const to = isBack() ? href("/") : place.value;
  return (
    <p>
      <a class="button" href={`/v1/session/openid?place=${encodeURIComponent(to.startsWith("/console/") ? to : href("/"))}`}>
        Sign in with your organisation
      </a>
    </p>
  );
}

export function SignIn() {
  const [problem, setProblem] = useState<Problem | undefined>(failure.value);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    failure.value = undefined;
    field.current?.focus();
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? "";
    if (!token) return;
    setBusy(true);
    try {
      await signIn(token);
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
      field.current?.focus();
    }
  };
  return (
    <main class="sign-in">
      <h1>Sign in to Tocsin</h1>
      <AtIssuer />
      <p>
        Sign in with a token of this server. An administrator makes one with <code>POST /v1/tokens</code>; the first one is in the file{" "}
        <code>admin-token</code> of the data directory.
      </p>
      <form onSubmit={(event) => void submit(event)}>
        <input type="text" name="username" autocomplete="username" value="token" hidden readOnly />
        <label for="token">Token</label>
        <input ref={field} id="token" type="password" autocomplete="current-password" spellcheck={false} required />
        <button type="submit" disabled={isBusy}>
          Sign in
        </button>
      </form>
      {problem && <ProblemBox problem={problem} />}
      {server.value.why && <p class="quiet">The server: {server.value.why}</p>}
    </main>
  );
}

/** Until it is known whether somebody is signed in. */
export function Waiting() {
  const [problem, setProblem] = useState<Problem>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    let timer = 0;
    if (isBack()) {
      void takeCode();
      return undefined;
    }
    void readSession().catch((error: unknown) => {
      setProblem(asProblem(error));
      timer = window.setTimeout(() => setRound(round + 1), 1000);
    });
    return () => clearTimeout(timer);
  }, [round]);
  return (
    <main class="sign-in">
      <h1>Tocsin</h1>
      {problem ? <ProblemBox problem={problem} /> : <p class="quiet">Loading…</p>}
    </main>
  );
}
