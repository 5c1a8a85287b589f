#include "rules/declaration/check_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "cep/value/json_path.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/coerce_literal.h"

namespace tocsin::rules {
using cep::TypeKind;

namespace {
TypeKind kind_of(tree::TypeForm form) {
  switch (form) {
    case tree::TypeForm::kBool:
      return TypeKind::kBool;
    case tree::TypeForm::kInt:
      return TypeKind::kInt;
    case tree::TypeForm::kFloat:
      return TypeKind::kFloat;
    case tree::TypeForm::kDecimal:
      return TypeKind::kDecimal;
    case tree::TypeForm::kString:
      return TypeKind::kString;
    case tree::TypeForm::kTime:
      return TypeKind::kTime;
    case tree::TypeForm::kDate:
      return TypeKind::kDate;
    case tree::TypeForm::kDuration:
      return TypeKind::kDuration;
    case tree::TypeForm::kEnum:
      break;
  }
  return TypeKind::kEnum;
}

}  // namespace

std::optional<cep::Type> declared_type(CheckContext& context, const tree::TypeRef& ref) {
  if (ref.broken) return std::nullopt;
  cep::Type type = plain_type(kind_of(ref.form));
  if (ref.form == tree::TypeForm::kDecimal) {
    const std::int64_t scale = ref.scale ? ref.scale->value : 0;
    if (scale > cep::kScaleMax) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0303, ref.scale->span,
                          fmt::format("`decimal({})` has too many digits after the point", scale));
      diagnostic.helps.push_back(fmt::format("at most {}", cep::kScaleMax));
      context.sink.report(std::move(diagnostic));
      return std::nullopt;
    }
    type.scale = static_cast<std::uint8_t>(scale);
  }
  if (ref.form == tree::TypeForm::kEnum) {
    std::vector<std::string> words;
    std::unordered_set<std::string_view> seen;
    for (const tree::Word& word : ref.words) {
      if (seen.insert(word.text).second) {
        words.push_back(word.text);
      } else {
        context.sink.report(make_diagnostic(
            Code::kE0215, word.span, fmt::format("the word {} appears twice", in_code(word.text))));
      }
    }
    if (words.empty()) return std::nullopt;
    type.words = std::make_shared<const std::vector<std::string>>(std::move(words));
  }
  return type;
}

namespace {
// One event type while its declaration is read.
class EventReader {
 public:
  EventReader(CheckContext& context, const tree::Event& tree) : context_(context), tree_(tree) {
    type_.name = tree.name.text;
    type_.json_type = tree.from ? tree.from->text : tree.name.text;
    symbol_.tree = &tree;
    symbol_.broken = tree.broken;
  }

  void read() {
    for (const tree::Field& field : tree_.fields) add_field(field);
    choose_time();
    if (type_.unique && type_.id_field != unique_field_) {
      report(Code::kE0217, unique_span_, "`unique` belongs to the field marked `id`",
             "mark the identity: `id: string id unique within 1d`");
    }
  }
  cep::EventType& type() { return type_; }
  EventSymbol& symbol() { return symbol_; }

 private:
  void report(Code code, SourceSpan span, std::string message, std::string help = {}) {
    Diagnostic diagnostic = make_diagnostic(code, span, std::move(message));
    if (!help.empty()) diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
  }

  void set_path(cep::Field& field, const tree::Modifier& modifier) {
    const std::string& text = modifier.path->text;
    field.path.clear();
    std::size_t begin = 0;
    while (begin <= text.size()) {
      const std::size_t end = std::min(text.find('.', begin), text.size());
      const std::string part = text.substr(begin, end - begin);
      const std::size_t bracket = std::min(part.find('['), part.size());
      field.path.push_back(part.substr(0, bracket));
      if (!add_places(field, part.substr(bracket), modifier.path->span)) return;
      begin = end + 1;
    }
    if (std::ranges::find(field.path, "") != field.path.end()) {
      report(Code::kE0217, modifier.path->span,
             fmt::format("the path {} has an empty part", in_code(text)),
             "names in a path are separated by points: `\"geo.lat\"`");
      field.path = {field.name};
    }
  }

  // `[0][2]`, behind a name of a path; false, reported, where it says no places in arrays.
  bool add_places(cep::Field& field, std::string_view brackets, SourceSpan span) {
    while (!brackets.empty()) {
      const std::size_t end = std::min(brackets.find(']'), brackets.size() - 1);
      const std::string step(brackets.substr(0, end + 1));
      if (!cep::array_place(step)) {
        report(Code::kE0217, span, fmt::format("{} is not an index of an array", in_code(step)),
               fmt::format("the first element of `items` is `\"items[0]\"`, its members are "
                           "`\"items[0].sku\"`; the last place that may be read is {}",
                           cep::kArrayPlaceMax));
        field.path = {field.name};
        return false;
      }
      field.path.push_back(step);
      brackets.remove_prefix(end + 1);
    }
    return true;
  }

  void add_field(const tree::Field& tree) {
    if (tree.name.text.empty()) {
      symbol_.broken = true;
      return;
    }
    const auto earlier = symbol_.fields.find(tree.name.text);
    if (earlier != symbol_.fields.end()) {
      report_duplicate(context_, tree.name, earlier->second.tree->name, "field");
      return;
    }
    const std::optional<cep::Type> type = declared_type(context_, tree.type);
    cep::Field field;
    field.name = tree.name.text;
    field.path = {field.name};
    field.type = type.value_or(plain_type(TypeKind::kBool));
    field.optional = tree.type.optional;
    field.any_year = field.type.kind != TypeKind::kTime || tree.computed != nullptr;
    const cep::FieldIndex index(type_.fields.size());
    for (const tree::Modifier& modifier : tree.modifiers) {
      switch (modifier.kind) {
        case tree::ModifierKind::kUpToLate:
          late_field_ = index;
          late_span_ = modifier.span;
          if (modifier.duration) type_.bound = modifier.duration->value;
          break;
        case tree::ModifierKind::kUnique:
          unique_span_ = modifier.span;
          unique_field_ = index;
          type_.unique.emplace();
          if (modifier.duration &&
              require_positive(context_, *modifier.duration, "unique within")) {
            type_.unique->within = modifier.duration->value;
          }
          break;
        case tree::ModifierKind::kId:
          add_id(index, modifier);
          break;
        case tree::ModifierKind::kKey:
          add_time_key(field, index, modifier, type.has_value());
          break;
        case tree::ModifierKind::kFrom:
          if (modifier.path) set_path(field, modifier);
          break;
        case tree::ModifierKind::kPii:
          field.pii = true;
          break;
        case tree::ModifierKind::kEvidence:
          field.evidence = true;
          break;
        case tree::ModifierKind::kUnit:
          if (has_number(tree, modifier, type)) field.unit = modifier.unit;
          break;
        case tree::ModifierKind::kAnyYear:
          if (has_number(tree, modifier, type)) field.any_year = true;
          break;
      }
    }
    symbol_.fields.emplace(tree.name.text, FieldSymbol{index, &tree, !type});
    type_.fields.push_back(std::move(field));
  }

  // Whether the input may have the field as a number that counts time; reports.
  bool has_number(const tree::Field& tree, const tree::Modifier& modifier,
                  const std::optional<cep::Type>& type) {
    const bool is_unit = modifier.kind == tree::ModifierKind::kUnit;
    const std::string words =
        is_unit ? fmt::format("in {}", cep::time_unit_name(modifier.unit)) : "from 1970";
    if (tree.computed) {
      report(Code::kE0217, modifier.span,
             fmt::format("the computed field {} has no `{}`", in_code(tree.name.text), words),
             "it is never read from the input");
      return false;
    }
    if (!type) return false;
    const bool fits =
        type->kind == TypeKind::kTime || (is_unit && type->kind == TypeKind::kDuration);
    if (fits) return true;
    report(
        Code::kE0217, modifier.span,
        fmt::format("`{}` on a field that is no {}", words, is_unit ? "time or duration" : "time"),
        is_unit ? "a unit belongs to a `time` or a `duration`: `ts: time in ms`"
                : "it belongs to a `time`: `opened: time from 1970`");
    return false;
  }

  void add_id(cep::FieldIndex index, const tree::Modifier& modifier) {
    if (type_.id_field) {
      report(Code::kE0217, modifier.span,
             fmt::format("{} has two fields marked `id`", tree_.name.text));
      return;
    }
    type_.id_field = index;
  }

  void add_time_key(const cep::Field& field, cep::FieldIndex index, const tree::Modifier& modifier,
                    bool type_known) {
    if (time_) {
      report(Code::kE0217, modifier.span,
             fmt::format("{} has two fields marked `key`", tree_.name.text),
             "one field is the event time");
      return;
    }
    if (type_known && field.type.kind != TypeKind::kTime) {
      report(Code::kE0217, modifier.span, "`key` marks the event time: the field must be a `time`");
      time_broken_ = true;
      return;
    }
    time_ = index;
    time_broken_ = time_broken_ || !type_known;
  }

  void choose_time() {
    if (!time_ && !time_broken_) {
      const auto ts = symbol_.fields.find("ts");
      if (ts == symbol_.fields.end()) {
        if (symbol_.broken) return;
        report(Code::kE0216, tree_.name.span,
               fmt::format("{} has no event time", in_code(tree_.name.text)),
               "add the field `ts: time`, or mark another: `booked_at: time key`");
        return;
      }
      if (ts->second.broken) return;
      if (type_.fields[ts->second.index.value].type.kind != TypeKind::kTime) {
        report(Code::kE0216, ts->second.tree->type.span,
               fmt::format("the event time `ts` of {} is not a time", in_code(tree_.name.text)),
               "write `ts: time`, or mark another field: `booked_at: time key`");
        return;
      }
      time_ = ts->second.index;
    }
    if (!time_) return;
    type_.time_field = *time_;
    cep::Field& field = type_.fields[time_->value];
    if (field.optional) {
      const tree::Field& tree = *symbol_.fields.find(field.name)->second.tree;
      report(Code::kE0217, tree.type.span, "the event time cannot be missing", "leave the `?` out");
    }
    if (late_field_ && *late_field_ != *time_) {
      report(Code::kE0217, late_span_,
             fmt::format("`up to … late` belongs to the event time {}", in_code(field.name)));
    }
  }

  CheckContext& context_;
  const tree::Event& tree_;
  cep::EventType type_;
  EventSymbol symbol_;
  std::optional<cep::FieldIndex> time_;
  std::optional<cep::FieldIndex> late_field_;
  std::optional<cep::FieldIndex> unique_field_;
  SourceSpan unique_span_;
  SourceSpan late_span_;
  bool time_broken_ = false;
};
}  // namespace

namespace {
// An event type that is declared twice: a field may be of either declaration.
void add_second_declaration(CheckContext& context, cep::EventTypeIndex first, EventReader& second) {
  EventSymbol& symbol = context.names.events[first.value];
  symbol.broken = symbol.broken || second.symbol().broken;
  for (const auto& [name, field] : second.symbol().fields) {
    const auto known = symbol.fields.find(name);
    if (known == symbol.fields.end()) {
      symbol.fields_elsewhere.insert(name);
      continue;
    }
    const cep::Type& type = context.event_type(first).fields[known->second.index.value].type;
    const bool same = !field.broken && second.type().fields[field.index.value].type == type;
    known->second.broken = known->second.broken || !same;
  }
}
}  // namespace

void check_events(CheckContext& context, const std::vector<const tree::Event*>& events) {
  std::unordered_map<std::string, const tree::Event*> by_json_type;
  for (const tree::Event* event : events) {
    EventReader reader(context, *event);
    reader.read();
    const auto found = context.names.kinds.find(event->name.text);
    if (found == context.names.kinds.end()) continue;
    if (found->second.name != &event->name) {
      if (found->second.event) {
        add_second_declaration(context, *found->second.event, reader);
      }
      continue;
    }
    const auto [same, is_new] = by_json_type.emplace(reader.type().json_type, event);
    if (!is_new) {
      const tree::Event& other = *same->second;
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0205, event->from ? event->from->span : event->name.span,
                          fmt::format("two event types are read from the JSON type {}",
                                      in_code(reader.type().json_type)));
      diagnostic.labels.push_back({other.from ? other.from->span : other.name.span, "the first"});
      context.sink.report(std::move(diagnostic));
    }
    KindSymbol& symbol = found->second;
    const cep::EventTypeIndex index(context.plan.event_types.size());
    symbol.event = index;
    symbol.resolution = Resolution::kDone;
    symbol.alternatives.push_back({.type = index, .conjuncts = {}, .condition = nullptr});
    reader.symbol().defaults.resize(reader.type().fields.size());
    context.plan.event_types.push_back(std::move(reader.type()));
    context.names.events.push_back(std::move(reader.symbol()));
  }
}

void check_defaults(CheckContext& context, const std::vector<const tree::Defaults*>& defaults) {
  for (const tree::Defaults* tree : defaults) {
    if (tree->event.text.empty()) continue;
    const auto found = context.names.kinds.find(tree->event.text);
    if (found == context.names.kinds.end() || !found->second.event) {
      Diagnostic diagnostic = make_diagnostic(
          found == context.names.kinds.end() ? Code::kE0202 : Code::kE0219, tree->event.span,
          found == context.names.kinds.end()
              ? fmt::format("no event type is named {}", in_code(tree->event.text))
              : fmt::format("{} is a kind: defaults are of an event type",
                            in_code(tree->event.text)));
      std::vector<std::string> names;
      for (const cep::EventType& type : context.plan.event_types) names.push_back(type.name);
      const bool near = suggest(context, diagnostic, tree->event.text, names);
      const bool unknown = found == context.names.kinds.end();
      if (near || !unknown || !context.names.incomplete) context.sink.report(std::move(diagnostic));
      continue;
    }
    note_use(context, tree->event.span, found->second.name->span);
    const cep::EventTypeIndex type = *found->second.event;
    EventSymbol& event = context.names.events[type.value];
    if (event.defaults_tree) {
      report_duplicate(context, tree->event, event.defaults_tree->event, "defaults of");
      continue;
    }
    event.defaults_tree = tree;
    fill_record(context, tree->values, type, event.defaults);
  }
}
}  // namespace tocsin::rules
