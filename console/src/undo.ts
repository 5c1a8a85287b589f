// How a change of triage is taken back: there is no action that does it in one step from every state.

export interface Place {
  state: string;
  assignee: string;
}
export interface Step {
  action: string;
  assignee?: string;
}
/** The steps from `after` back to `before`; nothing where there is no way. */
export function stepsBack(before: Place, after: Place): Step[] | undefined {
  if (before.state === after.state && before.assignee === after.assignee) return [];
  const toOpen: Step[] = after.state === "open" ? [] : [{ action: after.state === "assigned" ? "release" : "reopen" }];
  switch (before.state) {
    case "open":
      return toOpen;
    case "assigned":
      return [...toOpen, { action: "assign", assignee: before.assignee }];
    case "confirmed":
      return [...toOpen, { action: "confirm" }];
    case "dismissed":
      return [...toOpen, { action: "dismiss" }];
    default:
      return undefined;
  }
}
