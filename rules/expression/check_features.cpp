// Long because a feature's source, key and window are checked as one, for declarations, groups and
// aggregates inside rules.
#include "rules/expression/check_features.h"
#include "rules/context/occurrences.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/aggregate_typing.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/check_key.h"
#include "rules/expression/check_kinds.h"
#include "rules/expression/check_window.h"
#include "rules/lint/contradiction.h"

namespace tocsin::rules {
using cep::TypeKind;
using cep::WindowKind;

namespace {
// Features read others, those again others, …: no deeper than this.
constexpr int kDepthMax = 100;

// What a feature takes and makes of it, as written.
struct Source {
  cep::Aggregate name = cep::Aggregate::kCount;
  SourceSpan name_span;
  const tree::Expr* argument = nullptr;  // absent for count
  std::vector<const tree::AggregateParam*> params;
  const tree::Expr* where = nullptr;
  const tree::Unless* unless = nullptr;
  bool unless_told = false;  // that it stands with the wrong window
};

tree::Kinds kinds_of_subjects(const tree::AggregateCall& call) {
  tree::Kinds kinds;
  kinds.refs = call.subjects;
  if (!call.subjects.empty()) {
    kinds.span = call.subjects.front().span;
    kinds.span.end = call.subjects.back().span.end;
  }
  return kinds;
}

ExprScope scope_of(const ResolvedKinds& kinds, const RuleScope* rule) {
  ExprScope scope;
  scope.place = Place::kAggregate;
  scope.types = kinds.types;
  scope.types_broken = kinds.broken;
  scope.rule = rule;
  return scope;
}

bool check_unless_place(CheckContext& context, const tree::Unless& unless,
                        const cep::FeatureWindow& window, bool told) {
  const bool is_previous = window.kind() == WindowKind::kPrevious ||
                           window.kind() == WindowKind::kPreviousEvents ||
                           window.kind() == WindowKind::kPreviousEver;
  if (!is_previous && told) return false;
  if (!is_previous) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0454, unless.span,
                                            "`unless alerted by` over a window that has this event",
                                            "whether this event alerts is not known yet");
    diagnostic.helps.emplace_back("it is used with `previous`, such as `over previous 30d`");
    context.sink.report(std::move(diagnostic));
    return false;
  }
  if (const auto rule = context.names.rules.find(unless.rule.text);
      rule != context.names.rules.end()) {
    note_use(context, unless.rule.span, rule->second.tree->name.span);
    return true;
  }
  if (unless.rule.text.empty()) return false;
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0206, unless.rule.span,
                      fmt::format("no rule is named {}", in_code(unless.rule.text)));
  std::vector<std::string> candidates;
  for (const auto& [name, symbol] : context.names.rules) candidates.emplace_back(name);
  std::ranges::sort(candidates);
  const bool near = suggest(context, diagnostic, unless.rule.text, candidates);
  if (near || !context.names.incomplete) context.sink.report(std::move(diagnostic));
  return false;
}

// `window`: absent where it has a mistake, which has been reported.
std::optional<FeatureBody> check_source(CheckContext& context, const Source& source,
                                        const ResolvedKinds& kinds, SourceSpan kinds_span,
                                        const std::optional<cep::FeatureWindow>& window,
                                        const tree::Window& window_tree, const RuleScope* rule) {
  FeatureBody body;
  body.kinds_span = kinds_span;
  body.types = kinds.types;
  body.unless = source.unless;
  const ExprScope scope = scope_of(kinds, rule);
  const ExprContext c{context, scope};
  bool broken = kinds.broken || !window;
  cep::Feature& feature = body.feature;
  feature.aggregate = source.name;
  feature.type = plain_type(TypeKind::kInt);
  if (window) {
    feature.window = *window;
    broken = !check_panes(context, window_tree, feature.aggregate) || broken;
    if (source.unless) {
      broken = !check_unless_place(context, *source.unless, *window, source.unless_told) || broken;
    }
  }
  if (source.argument) {
    const Checked argument = check_expr(c, *source.argument);
    std::optional<TypedArgument> typed;
    if (argument) typed = type_argument(context, source.name, argument);
    broken = broken || !typed;
    if (typed) {
      feature.argument = typed->expr;
      feature.type = typed->type;
    }
  }
  const std::optional<AggregateParams> params =
      check_params(context, c, source.name, source.name_span, source.params);
  broken = broken || !params;
  if (params) {
    feature.half_life = params->half_life;
    feature.weight = params->weight;
    feature.percentile = params->percentile;
  }
  if (source.where) {
    const Condition where = check_condition(c, *source.where);
    broken = broken || where.broken;
    if (!where.broken) warn_of_condition(context, scope, {}, kinds.alternatives, where.conjuncts);
    feature.where = where.expr();
  }
  if (broken) return std::nullopt;
  feature.events = kinds.subsets;
  return body;
}

std::optional<cep::FeatureWindow> check_window_of(CheckContext& context, const tree::Window& window,
                                                  const ResolvedKinds& kinds) {
  const ExprScope scope = scope_of(kinds, nullptr);
  const ExprContext c{context, scope};
  return check_window(context, c, window);
}

// ---- keys

void report_no_key_field(CheckContext& context, const tree::Name& name, const FieldLookup& field,
                         const EventTypes& types, SourceSpan kinds_span) {
  const bool nowhere = field.presence == FieldPresence::kNowhere;
  const cep::EventTypeIndex without = nowhere ? types.front() : field.without;
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0220, name.span,
                      field.presence == FieldPresence::kMixed
                          ? fmt::format("{} has different types in {}", in_code(name.text),
                                        types_text(context, types))
                          : fmt::format("{} has no field {}", context.event_type(without).name,
                                        in_code(name.text)));
  std::vector<std::string> candidates = field_names(context, types);
  const std::size_t fields = candidates.size();
  for (const auto& [key, symbol] : context.names.keys) candidates.emplace_back(key);
  std::sort(candidates.begin() + static_cast<std::ptrdiff_t>(fields), candidates.end());
  const bool near = suggest(context, diagnostic, name.text, candidates);
  if (!near && context.names.incomplete) return;  // perhaps a key that could not be read
  diagnostic.labels.push_back({kinds_span, "the feature takes these"});
  diagnostic.notes.push_back(declared_text(context, without));
  context.sink.report(std::move(diagnostic));
}

// The part of a feature's key that is a declared one.
std::optional<cep::KeyPart> check_declared_part(CheckContext& context, const tree::Name& name,
                                                const KeySymbol& declared, const EventTypes& types,
                                                SourceSpan kinds_span) {
  if (declared.broken) return std::nullopt;
  cep::KeyPart part{.name = name.text, .type = declared.type, .members = {}};
  for (const cep::EventTypeIndex type : types) {
    const std::vector<cep::KeyMember> members = members_of(context, declared, type);
    if (members.size() == 1) {
      part.members.push_back({.type = type, .field = members.front().field, .role = {}});
      continue;
    }
    Diagnostic diagnostic =
        members.empty()
            ? outside_of_key(context, Code::kE0220, name.span, declared, type)
            : make_diagnostic(Code::kE0435, name.span,
                              fmt::format("{} has the key {} twice: {}", type_name(context, type),
                                          in_code(name.text), roles_text(members)),
                              "under which of them is it counted?");
    diagnostic.labels.push_back({kinds_span, "the feature takes these"});
    if (!members.empty()) {
      diagnostic.helps.push_back(
          fmt::format("name the field: `by {}`",
                      context.event_type(type).fields[members.front().field.value].name));
    }
    context.sink.report(std::move(diagnostic));
    return std::nullopt;
  }
  return part;
}

bool check_over_all(CheckContext& context, const std::vector<tree::Name>& by, SourceSpan by_span,
                    const tree::Window& window) {
  if (!window.all || by.empty()) return true;
  Diagnostic diagnostic = make_diagnostic(Code::kE0427, by_span, "`by` beside `over all`");
  diagnostic.labels.push_back({*window.all, "the events of every key, as one"});
  diagnostic.helps.push_back(
      fmt::format("leave one of them out: `by {0} over last 30d` is of each {0}, `over all last "
                  "30d` of all together",
                  by.front().text));
  context.sink.report(std::move(diagnostic));
  return false;
}

// A field of these events that may be meant as the key: the first text that is no id.
std::string likely_key(const CheckContext& context, const EventTypes& types) {
  for (const cep::Field& field : context.event_type(types.front()).fields) {
    const bool text = field.type.kind == TypeKind::kString;
    const FieldLookup found = look_up_field(context, types, false, field.name);
    if (text && field.name != "id" && found.presence == FieldPresence::kEverywhere)
      return field.name;
  }
  return "FIELD";
}

void report_no_key(CheckContext& context, const EventTypes& types, SourceSpan kinds_span) {
  Diagnostic diagnostic = make_diagnostic(Code::kE0101, kinds_span, "a feature without a key",
                                          "whose events are taken together?");
  diagnostic.helps.push_back(fmt::format("name a field of theirs before the window: `by {} over …`",
                                         likely_key(context, types)));
  context.sink.report(std::move(diagnostic));
}

std::optional<cep::KeySpec> check_feature_key(CheckContext& context,
                                              const std::vector<tree::Name>& by,
                                              const EventTypes& types, SourceSpan kinds_span,
                                              const tree::Window& window) {
  cep::KeySpec key;
  if (by.empty() && window.all) return key;
  if (by.empty()) {
    if (!types.empty()) report_no_key(context, types, kinds_span);
    return std::nullopt;
  }
  for (const tree::Name& name : by) {
    const bool repeated = std::ranges::any_of(
        key.parts, [&](const cep::KeyPart& part) { return part.name == name.text; });
    if (repeated) {
      context.sink.report(make_diagnostic(
          Code::kE0215, name.span, fmt::format("{} appears twice in the key", in_code(name.text))));
      return std::nullopt;
    }
    if (const KeySymbol* declared = find_declared_key(context, name.text)) {
      note_use(context, name.span, declared->tree->part.name.span);
      std::optional<cep::KeyPart> part =
          check_declared_part(context, name, *declared, types, kinds_span);
      if (!part) return std::nullopt;
      key.parts.push_back(std::move(*part));
      continue;
    }
    const FieldLookup field = look_up_field(context, types, false, name.text);
    if (field.presence == FieldPresence::kUnknown) return std::nullopt;
    if (field.presence != FieldPresence::kEverywhere) {
      report_no_key_field(context, name, field, types, kinds_span);
      return std::nullopt;
    }
    note_field(context, name.span, types, name.text);
    cep::KeyPart part{.name = name.text, .type = field.type, .members = {}};
    for (const auto& [type, index] : field.field.by_type) {
      part.members.push_back({.type = type, .field = index, .role = {}});
    }
    key.parts.push_back(std::move(part));
  }
  return key;
}

// ---- declarations

void add_feature(CheckContext& context, FeatureBody body, const std::string& name, cep::KeySpec key,
                 ValueSymbol& symbol) {
  body.feature.name = name;
  body.feature.key = std::move(key);
  symbol.feature = context.features.add_named(std::move(body.feature), body.unless);
  symbol.broken = false;
}

// `sold_30d … over last 30m`: the name ends with another duration than the window's.
void warn_of_other_window(CheckContext& context, const tree::Name& name,
                          const cep::FeatureWindow& window, SourceSpan span) {
  const std::size_t last = name.text.rfind('_');
  if (last == std::string::npos || !window.duration() || window.excluding() || window.events())
    return;
  const std::optional<cep::Duration> named = cep::parse_duration(name.text.substr(last + 1));
  if (!named || *named == *window.duration()) return;
  Diagnostic diagnostic =
      make_diagnostic(Code::kW0038, span,
                      fmt::format("{} has a window of {}", in_code(name.text),
                                  in_code(cep::format_duration(*window.duration()))),
                      fmt::format("its name says {}", in_code(cep::format_duration(*named))));
  diagnostic.helps.emplace_back("correct the window, or the name");
  context.sink.report(std::move(diagnostic));
}

void check_feature(CheckContext& context, const tree::Feature& tree, ValueSymbol& symbol) {
  if (!tree.aggregate || tree.aggregate->kind != tree::ExprKind::kAggregate) return;
  const tree::AggregateCall& call = *tree.aggregate->aggregate;
  std::optional<FeatureBody> body = check_feature_body(context, call, tree.window, nullptr);
  if (!check_over_all(context, tree.by, tree.by_span, tree.window) || !body) return;
  std::optional<cep::KeySpec> key =
      check_feature_key(context, tree.by, body->types, body->kinds_span, tree.window);
  if (!key || tree.broken) return;
  body->feature.key = *key;
  if (call.argument) warn_of_distinct_key(context, body->feature, call.argument->span);
  warn_of_other_window(context, tree.name, body->feature.window, tree.window.span);
  add_feature(context, std::move(*body), tree.name.text, std::move(*key), symbol);
}

FeatureGroup check_group(CheckContext& context, const tree::Features& tree) {
  FeatureGroup group;
  ResolvedKinds kinds = resolve_kinds(context, tree.of);
  group.window = check_window_of(context, tree.window, kinds);
  const bool right = check_over_all(context, tree.by, tree.by_span, tree.window);
  if (right && !kinds.broken)
    group.key = check_feature_key(context, tree.by, kinds.types, tree.of.span, tree.window);
  group.kinds = std::make_shared<const ResolvedKinds>(std::move(kinds));
  return group;
}

void check_entry(CheckContext& context, const tree::Features& tree, const tree::FeatureEntry& entry,
                 ValueSymbol& symbol) {
  const auto [place, is_new] = context.feature_groups.try_emplace(&tree);
  if (is_new) place->second = check_group(context, tree);
  const FeatureGroup group = place->second;  // checking may add others
  Source source;
  source.name = entry.aggregate;
  source.name_span = entry.aggregate_span;
  source.argument = entry.argument.get();
  if (entry.param) source.params.push_back(&*entry.param);
  source.where = entry.where.get();
  if (entry.unless) source.unless = &*entry.unless;
  for (const tree::FeatureEntry& earlier : tree.entries) {
    if (&earlier == &entry) break;
    source.unless_told = source.unless_told || earlier.unless;
  }
  if (source.argument && source.argument->kind == tree::ExprKind::kError) return;
  std::optional<FeatureBody> body =
      check_source(context, source, *group.kinds, tree.of.span, group.window, tree.window, nullptr);
  if (!body || !group.key || tree.broken) return;
  body->feature.key = *group.key;
  if (entry.argument) warn_of_distinct_key(context, body->feature, entry.argument->span);
  warn_of_other_window(context, entry.name, body->feature.window, tree.window.span);
  add_feature(context, std::move(*body), entry.name.text, *group.key, symbol);
}

void check_symbol(CheckContext& context, ValueSymbol& symbol) {
  symbol.broken = true;  // until it is known to be right
  symbol.resolution = Resolution::kRunning;
  ++context.feature_depth;
  if (symbol.feature_tree != nullptr) check_feature(context, *symbol.feature_tree, symbol);
  if (symbol.entry_tree != nullptr) {
    check_entry(context, *symbol.group_tree, *symbol.entry_tree, symbol);
  }
  --context.feature_depth;
  symbol.resolution = Resolution::kDone;
}

void report_circle(CheckContext& context, const ValueSymbol& symbol, SourceSpan span) {
  const bool too_deep = symbol.resolution != Resolution::kRunning;
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0455, span,
      too_deep ? fmt::format("features that read others, more than {} deep", kDepthMax)
               : fmt::format("the feature {} depends on itself", in_code(symbol.name->text)));
  diagnostic.labels.push_back({symbol.name->span, "the feature"});
  context.sink.report(std::move(diagnostic));
}
}  // namespace

std::optional<FeatureBody> check_feature_body(CheckContext& context,
                                              const tree::AggregateCall& call,
                                              const tree::Window& window, const RuleScope* rule) {
  const bool is_count = call.name == cep::Aggregate::kCount;
  const std::string name = cep::aggregate_name(call.name);
  if (is_count ? call.of.has_value() || call.subjects.empty() : !call.of || !call.argument) {
    if (call.argument && call.argument->kind == tree::ExprKind::kError) return std::nullopt;
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0412, call.argument ? call.argument->span : call.name_span,
                        is_count ? "`count` takes kinds of events"
                                 : fmt::format("{} of which events?", in_code(name)));
    diagnostic.helps.push_back(is_count
                                   ? "write `count(payment)` or `count(payment where amount > 5)`"
                                   : fmt::format("write `{}(amount of payment)`", name));
    context.sink.report(std::move(diagnostic));
    return std::nullopt;
  }
  const tree::Kinds kinds = call.of ? *call.of : kinds_of_subjects(call);
  const ResolvedKinds resolved = resolve_kinds(context, kinds, rule);
  Source source;
  source.name = call.name;
  source.name_span = call.name_span;
  source.argument = is_count ? nullptr : call.argument.get();
  for (const tree::AggregateParam& param : call.params) source.params.push_back(&param);
  source.where = call.where.get();
  if (call.unless) source.unless = &*call.unless;
  return check_source(context, source, resolved, kinds.span,
                      check_window_of(context, window, resolved), window, rule);
}

void warn_of_distinct_key(CheckContext& context, const cep::Feature& feature, SourceSpan span) {
  if (feature.aggregate != cep::Aggregate::kDistinct || !feature.argument ||
      feature.argument->op != cep::Op::kField)
    return;
  const auto& places = field_of(*feature.argument)->by_type;
  const bool is_key = std::ranges::any_of(feature.key.parts, [&](const cep::KeyPart& part) {
    return std::ranges::all_of(places, [&](const auto& place) {
      return std::ranges::any_of(part.members, [&](const cep::KeyMember& member) {
        return member.type == place.first && member.field == place.second;
      });
    });
  });
  if (!is_key) return;
  Diagnostic diagnostic = make_diagnostic(
      Code::kW0029, span,
      fmt::format("each key has one {} only", in_code(field_of(*feature.argument)->name)),
      "is part of the key");
  diagnostic.helps.emplace_back("count another field, or take this one out of `by`");
  context.sink.report(std::move(diagnostic));
}

std::string feature_meaning(const CheckContext& context, const FeatureBody& body) {
  const cep::Feature& feature = body.feature;
  const auto text = [&](const cep::ExprPtr& expr) {
    return expr ? cep::describe(context.plan, *expr) : std::string("-");
  };
  const auto length = [](const std::optional<cep::Duration>& duration) {
    return duration ? duration->us : -1;
  };
  const cep::FeatureWindow& window = feature.window;
  std::string meaning = fmt::format(
      "{} {} where {} over {} of unit {} {} excluding {} events {} of those where {} zone {} every "
      "{} needs "
      "{} "
      "half life {} "
      "weight {} percentile {} unless {}",
      static_cast<int>(feature.aggregate), text(feature.argument), text(feature.where),
      static_cast<int>(window.kind()), static_cast<int>(window.unit()), length(window.duration()),
      length(window.excluding()), window.events().value_or(0), text(window.where()),
      text(window.zone()), length(window.every()), window.needs.value_or(0),
      length(feature.half_life), feature.weight.value_or(0), feature.percentile,
      body.unless ? body.unless->rule.text : "-");
  for (const cep::Subset& subset : feature.events) {
    meaning += fmt::format(" of {} {} {}", subset.type.value, text(subset.condition), subset.role);
  }
  for (const cep::KeyPart& part : feature.key.parts) {
    meaning += " by " + part.name;
    for (const cep::KeyMember& member : part.members) {
      meaning += fmt::format(" {}.{}{}", member.type.value, member.field.value, member.role);
    }
  }
  return meaning;
}

std::optional<cep::FeatureIndex> find_feature(CheckContext& context, ValueSymbol& symbol,
                                              SourceSpan span) {
  if (symbol.resolution == Resolution::kNotYet) {
    if (context.feature_depth >= kDepthMax) {
      report_circle(context, symbol, span);
      return std::nullopt;
    }
    check_symbol(context, symbol);
  } else if (symbol.resolution == Resolution::kRunning) {
    report_circle(context, symbol, span);
    return std::nullopt;
  }
  return symbol.broken ? std::nullopt : symbol.feature;
}

void declare_features(CheckContext& context, const std::vector<const tree::Feature*>& features,
                      const std::vector<const tree::Features*>& groups) {
  const auto symbol_for = [&](const tree::Name& name) -> ValueSymbol& {
    const auto found = context.names.values.find(name.text);
    if (found != context.names.values.end() && found->second.name == &name) return found->second;
    // Declared twice: its own mistakes are still told.
    ValueSymbol& symbol = context.repeated_features.emplace_back();
    symbol.name = &name;
    symbol.form = ValueForm::kFeature;
    return symbol;
  };
  for (const tree::Feature* feature : features) {
    ValueSymbol& symbol = symbol_for(feature->name);
    symbol.feature_tree = feature;
    context.feature_symbols.emplace(&feature->name, &symbol);
  }
  for (const tree::Features* group : groups) {
    for (const tree::FeatureEntry& entry : group->entries) {
      ValueSymbol& symbol = symbol_for(entry.name);
      symbol.group_tree = group;
      symbol.entry_tree = &entry;
      context.feature_symbols.emplace(&entry.name, &symbol);
    }
  }
}

void check_features(CheckContext& context, const std::vector<const tree::Feature*>& features,
                    const std::vector<const tree::Features*>& groups) {
  const auto check = [&](const tree::Name& name) {
    ValueSymbol& symbol = *context.feature_symbols.at(&name);
    if (symbol.resolution == Resolution::kNotYet) check_symbol(context, symbol);
  };
  for (const tree::Feature* feature : features) check(feature->name);
  for (const tree::Features* group : groups) {
    for (const tree::FeatureEntry& entry : group->entries) check(entry.name);
  }
}

void check_unless(CheckContext& context) {
  context.features.for_each_unless(
      [&](const tree::Unless& unless) -> std::optional<cep::RuleIndex> {
        const auto found = context.names.rules.find(unless.rule.text);
        if (found != context.names.rules.end() && found->second.index) return found->second.index;
        if (context.sink.has_errors())
          return std::nullopt;  // the rule may have been left out for them
        Diagnostic diagnostic = make_diagnostic(
            Code::kE0454, unless.rule.span,
            fmt::format("the rule {} is a draft: it never alerts", in_code(unless.rule.text)));
        context.sink.report(std::move(diagnostic));
        return std::nullopt;
      });
}
}  // namespace tocsin::rules
