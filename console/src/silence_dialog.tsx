// A silence for alerts like one: of its key, its rule, or both.
import { useEffect, useRef } from "preact/hooks";
import { PREVIEW, previewOf } from "./alert_filter";
import { keyText } from "./alerts";
import { Field, Form } from "./forms";
import { JsonObject, show } from "./json";
import { Data } from "./parts";
import { SPAN_FIELDS, silence } from "./silences";

/** What a choice of the dialog is for. */
export function likeOf(alert: JsonObject, choice: string): { [name: string]: unknown } {
  const rules = [show(alert.rule)];
  if (choice === "rule") return { rules };
  return choice === "key" ? { key: alert.key } : { rules, key: alert.key };
}
export function SilenceDialog({ alert, close }: { alert: JsonObject; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    dialog.current?.querySelector("select")?.focus();
  }, []);
  const key = keyText(alert);
  const rule = show(alert.rule);
  const choices = [
    { value: "both", text: `${rule} on ${key}` },
    { value: "key", text: `every rule on ${key}` },
    { value: "rule", text: `${rule} on every key` },
  ];
  const like: Field = { name: "like", label: "Alerts of", kind: "choice", choices: key ? choices : choices.slice(2) };
  return (
    <dialog ref={dialog} aria-labelledby="silence-title" onClose={close}>
      <h2 id="silence-title">
        Silence alerts like <Data value={alert.message} />
      </h2>
      <Form
        title="Silence"
        role="analyst"
        isOpen
        fields={[like, ...SPAN_FIELDS]}
        submit="Silence them"
        run={(values) => silence(likeOf(alert, values.like ?? ""), values)}
        more={[{ text: PREVIEW, isFree: true, run: (values) => previewOf("silences", likeOf(alert, values.like ?? "")) }]}
      >
        <p class="quiet">They are stored and shown as ever, and sent to nobody meanwhile.</p>
      </Form>
      <button type="button" onClick={close}>
        Close
      </button>
    </dialog>
  );
}
