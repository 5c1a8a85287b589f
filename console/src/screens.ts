// All screens but those of the first page and the editor, in one file: it packs better than one for each.
export { default as AccessScreen, AuditScreen } from "./access";
export { BacktestScreen, default as BacktestsScreen } from "./backtests";
export { ChangeScreen, default as ChangesScreen, ProposalScreen, VersionScreen } from "./changes";
export { HealthScreen } from "./health";
export { default as KeyScreen } from "./key_screen";
export { ListScreen, default as ListsScreen, TableScreen } from "./lists";
export { default as NearKeysScreen } from "./near_keys";
export { default as RuleScreen } from "./rule_screen";
export { RulesScreen } from "./rules";
export { default as SetAsideScreen } from "./set_aside";
export { SubscriptionScreen, default as SubscriptionsScreen } from "./subscriptions";
