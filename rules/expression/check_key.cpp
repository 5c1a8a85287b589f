#include "rules/expression/check_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/check_kinds.h"

namespace tocsin::rules {
namespace {
// Of one event type; the engine's own limit.
constexpr std::size_t kRolesMax = 12;

struct TypedPlace {
  const cep::Type& type;
  SourceSpan declared;
};
void report_key_types(CheckContext& context, SourceSpan at, const std::string& name,
                      const TypedPlace& first, const TypedPlace& second) {
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0313, at,
                      fmt::format("the key {} is {} and {}", in_code(name), type_text(first.type),
                                  type_text(second.type)));
  diagnostic.labels.push_back({first.declared, type_text(first.type)});
  diagnostic.labels.push_back({second.declared, type_text(second.type)});
  diagnostic.helps.push_back("a key has one type in all event types of the rule");
  context.sink.report(std::move(diagnostic));
}

// The members of a key with a name of its own: for each event type the field that holds it.
class MemberCollector {
 public:
  MemberCollector(CheckContext& context, const std::string& name)
      : context_(context), name_(name) {}

  // False, reported, where one of the types cannot be taken by this field.
  bool add(const tree::KeyMember& tree, const EventTypes& types) {
    bool right = true;
    for (const cep::EventTypeIndex type : types) right = add(tree, type) && right;
    return right;
  }
  const cep::Type& type() const { return type_; }
  // Ascending by type; the roles of one type stay in the order written.
  std::vector<cep::KeyMember> take() {
    std::ranges::stable_sort(members_, {}, &cep::KeyMember::type);
    return std::move(members_);
  }

 private:
  bool add(const tree::KeyMember& tree, cep::EventTypeIndex type) {
    const FieldLookup field = look_up_field(context_, {type}, false, tree.field.text);
    if (field.presence == FieldPresence::kUnknown) return false;
    if (field.presence != FieldPresence::kEverywhere) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0201, tree.field.span,
                          fmt::format("{} has no field {}", context_.event_type(type).name,
                                      in_code(tree.field.text)));
      suggest(context_, diagnostic, tree.field.text, field_names(context_, {type}));
      diagnostic.notes.push_back(declared_text(context_, type));
      context_.sink.report(std::move(diagnostic));
      return false;
    }
    note_use(context_, tree.field.span, field.declared);
    if (!check_repeated(tree, type)) return false;
    if (!typed_by_) {
      typed_by_ = field.declared;
      type_ = field.type;
    } else if (!(field.type == type_)) {
      report_key_types(context_, tree.field.span, name_, {type_, *typed_by_},
                       {field.type, field.declared});
      return false;
    }
    members_.push_back({.type = type,
                        .field = field.field.by_type.front().second,
                        .role = tree.role ? tree.role->text : std::string()});
    return true;
  }

  // One event type stands twice only under two roles.
  bool check_repeated(const tree::KeyMember& tree, cep::EventTypeIndex type) {
    std::size_t roles = 0;
    for (const cep::KeyMember& other : members_) {
      if (other.type != type) continue;
      ++roles;
      const std::string role = tree.role ? tree.role->text : std::string();
      if (!role.empty() && !other.role.empty() && role != other.role) continue;
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0428, tree.span,
          fmt::format("{} appears twice in one key", type_name(context_, type)),
          role.empty() || other.role.empty() ? "which of the two is meant?" : "the same role");
      diagnostic.helps.push_back(
          fmt::format("give each a role of its own: `{0}.FIELD as got | {0}.FIELD as sent`",
                      type_name(context_, type)));
      context_.sink.report(std::move(diagnostic));
      return false;
    }
    if (roles < kRolesMax) return true;
    context_.sink.report(make_diagnostic(
        Code::kE0428, tree.span,
        fmt::format("{} has more than {} roles", type_name(context_, type), kRolesMax)));
    return false;
  }

  CheckContext& context_;
  const std::string& name_;
  std::vector<cep::KeyMember> members_;
  cep::Type type_;
  std::optional<SourceSpan> typed_by_;
};

class KeyChecker {
 public:
  KeyChecker(CheckContext& context, const EventTypes& types, bool types_broken, RuleScope& scope)
      : context_(context), types_(types), types_broken_(types_broken), scope_(scope) {}

  // The part that is a field of every event type.
  void check_field(const tree::KeyPart& tree, cep::KeyPart& part) {
    const FieldLookup field = look_up_field(context_, types_, types_broken_, tree.name.text);
    switch (field.presence) {
      case FieldPresence::kEverywhere:
        note_field(context_, tree.name.span, types_, tree.name.text);
        part.type = field.type;
        for (const auto& [type, index] : field.field.by_type) {
          part.members.push_back({.type = type, .field = index, .role = {}});
        }
        return;
      case FieldPresence::kUnknown:
        break;
      case FieldPresence::kMixed: {
        const FieldSymbol& other =
            context_.event_symbol(field.without).fields.find(tree.name.text)->second;
        const cep::Type& type = context_.event_type(field.without).fields[other.index.value].type;
        report_key_types(context_, tree.name.span, tree.name.text, {field.type, field.declared},
                         {type, other.tree->name.span});
        break;
      }
      case FieldPresence::kNowhere:
      case FieldPresence::kSomewhere: {
        const bool nowhere = field.presence == FieldPresence::kNowhere;
        const cep::EventTypeIndex without = nowhere ? types_.front() : field.without;
        Diagnostic diagnostic = make_diagnostic(
            Code::kE0220, tree.name.span,
            fmt::format("{} has no field {}, which the rule is by",
                        context_.event_type(without).name, in_code(tree.name.text)));
        bool near = false;
        if (nowhere) near = suggest(context_, diagnostic, tree.name.text, candidates());
        if (!near && context_.names.incomplete) break;  // perhaps a key that could not be read
        diagnostic.notes.push_back(declared_text(context_, without));
        if (!nowhere) {
          diagnostic.helps.push_back(fmt::format(
              "name the field of each event type: `{0} = {1}.{0} | {2}.FIELD`", tree.name.text,
              context_.event_type(field.first).name, context_.event_type(without).name));
        }
        context_.sink.report(std::move(diagnostic));
        break;
      }
    }
    scope_.key_broken = true;
  }

  // The part with a name of its own.
  void check_union(const tree::KeyPart& tree, cep::KeyPart& part,
                   std::vector<cep::KeyMember>& all_members) {
    MemberCollector collector(context_, tree.name.text);
    bool broken = false;
    for (const tree::KeyMember& member : tree.members) {
      const KindSymbol* kind = find_kind(context_, member.kind);
      if (!kind || kind->broken || member.field.text.empty()) {
        broken = true;
        continue;
      }
      EventTypes kind_types;
      for (const KindAlternative& alternative : kind->alternatives)
        kind_types.push_back(alternative.type);
      normalize(kind_types);
      broken = !collector.add(member, kind_types) || broken;
    }
    all_members = collector.take();
    part.type = collector.type();
    take_members(part, all_members);
    if (broken) {
      scope_.key_broken = true;
      return;
    }
    for (const cep::EventTypeIndex type : types_) {
      if (has_member(all_members, type)) continue;
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0220, tree.name.span,
                          fmt::format("the key {} has no field of {}", in_code(tree.name.text),
                                      context_.event_type(type).name));
      diagnostic.helps.push_back(
          fmt::format("add `| {}.FIELD`: every event type of the rule has its key",
                      context_.event_type(type).name));
      context_.sink.report(std::move(diagnostic));
      scope_.key_broken = true;
      return;
    }
  }

  // The part that is a declared key.
  void check_declared(const tree::KeyPart& tree, const KeySymbol& key, cep::KeyPart& part,
                      std::vector<cep::KeyMember>& all_members) {
    part.type = key.type;
    if (key.broken) {
      scope_.key_broken = true;
      return;
    }
    all_members = key.members;
    for (const cep::EventTypeIndex type : types_) {
      if (has_member(all_members, type)) continue;
      const std::vector<cep::KeyMember> members = members_of(context_, key, type);
      if (members.empty()) {
        context_.sink.report(outside_of_key(context_, Code::kE0220, tree.name.span, key, type));
        scope_.key_broken = true;
        return;
      }
      all_members.insert(all_members.end(), members.begin(), members.end());
    }
    std::ranges::stable_sort(all_members, {}, &cep::KeyMember::type);
    take_members(part, all_members);
  }

 private:
  static bool has_member(const std::vector<cep::KeyMember>& members, cep::EventTypeIndex type) {
    return std::ranges::find(members, type, &cep::KeyMember::type) != members.end();
  }
  // Those of the rule's own event types.
  void take_members(cep::KeyPart& part, const std::vector<cep::KeyMember>& members) {
    for (const cep::KeyMember& member : members) {
      if (std::ranges::binary_search(types_, member.type)) part.members.push_back(member);
    }
  }

  // What may have been meant by a name behind `by`.
  std::vector<std::string> candidates() const {
    std::vector<std::string> names = field_names(context_, types_);
    std::vector<std::string> keys;
    for (const auto& [name, key] : context_.names.keys) keys.emplace_back(name);
    std::ranges::sort(keys);
    names.insert(names.end(), keys.begin(), keys.end());
    return names;
  }

  CheckContext& context_;
  const EventTypes& types_;
  bool types_broken_;
  RuleScope& scope_;
};
// The roles of an event type are the same in all parts of the key, or a part has none of it.
void check_roles_agree(CheckContext& context, const tree::ByClause& by, const cep::KeySpec& key,
                       RuleScope& scope) {
  using Roles = std::set<std::string>;
  std::map<cep::EventTypeIndex, Roles> first;
  for (std::size_t i = 0; i < key.parts.size(); ++i) {
    std::map<cep::EventTypeIndex, Roles> roles;
    for (const cep::KeyMember& member : key.parts[i].members) {
      if (!member.role.empty()) roles[member.type].insert(member.role);
    }
    for (auto& [type, of_type] : roles) {
      const auto [known, is_new] = first.emplace(type, of_type);
      if (is_new || known->second == of_type) continue;
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0428, by.parts[i].span,
          fmt::format("{} has other roles in another part of the key", type_name(context, type)));
      diagnostic.helps.push_back("use the same roles in each part: an event comes in one of them");
      context.sink.report(std::move(diagnostic));
      scope.key_broken = true;
      return;
    }
  }
}

void report_role(CheckContext& context, const tree::Name& role) {
  const auto kind = context.names.kinds.find(role.text);
  if (kind == context.names.kinds.end()) return;
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0429, role.span,
                      fmt::format("the role {} has the name of {}", in_code(role.text),
                                  kind->second.kind ? "a kind" : "an event type"));
  diagnostic.labels.push_back({kind->second.name->span, "declared here"});
  diagnostic.helps.push_back("in a step a role is the name of its events: rename it");
  context.sink.report(std::move(diagnostic));
}

// The event types of a declared key's member. A kind stands for all event types that it is made
// of; which of their events it takes plays no part.
class MemberTypes {
 public:
  MemberTypes(CheckContext& context, const tree::KeyMember& member)
      : context_(context), member_(member) {}

  // Absent where they cannot be said, reported.
  std::optional<EventTypes> find() {
    const tree::KindRef& ref = member_.kind;
    if (ref.form != tree::KindForm::kNamed) {
      report_alerts("a declared key is of event types");
      return std::nullopt;
    }
    const KindSymbol* symbol = find_kind(context_, ref);
    if (symbol == nullptr) return std::nullopt;
    add(*symbol);
    if (alerts_) {
      report_alerts(fmt::format("the kind {} is made of alerts", in_code(ref.name.text)));
      return std::nullopt;
    }
    if (broken_) return std::nullopt;
    normalize(types_);
    return std::move(types_);
  }

 private:
  void report_alerts(std::string message) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0219, member_.kind.span, std::move(message));
    diagnostic.helps.push_back(
        "leave them out: the alerts of a rule have its key under the same name");
    context_.sink.report(std::move(diagnostic));
  }
  void add(const KindSymbol& first) {
    std::vector<const KindSymbol*> todo = {&first};
    std::set<const KindSymbol*> seen = {&first};
    while (!todo.empty()) {
      const KindSymbol& symbol = *todo.back();
      todo.pop_back();
      if (symbol.event) types_.push_back(*symbol.event);
      if (symbol.kind == nullptr) {
        broken_ = broken_ || !symbol.event;
        continue;
      }
      broken_ = broken_ || symbol.kind->broken;
      for (const tree::Subset& subset : symbol.kind->subsets) {
        if (subset.kind.form != tree::KindForm::kNamed) {
          alerts_ = true;
          continue;
        }
        const KindSymbol* next = look_up_kind(context_, subset.kind);
        broken_ = broken_ || next == nullptr;
        if (next != nullptr && seen.insert(next).second) todo.push_back(next);
      }
    }
  }

  CheckContext& context_;
  const tree::KeyMember& member_;
  EventTypes types_;
  bool broken_ = false;
  bool alerts_ = false;
};
}  // namespace

void check_keys(CheckContext& context, const std::vector<const tree::Key*>& keys) {
  for (const tree::Key* tree : keys) {
    MemberCollector collector(context, tree->part.name.text);
    bool broken = tree->broken || tree->part.members.empty();
    for (const tree::KeyMember& member : tree->part.members) {
      if (member.role && !member.role->text.empty()) report_role(context, *member.role);
      if (member.field.text.empty()) {
        broken = true;
        continue;
      }
      const std::optional<EventTypes> types = MemberTypes(context, member).find();
      broken = !types || !collector.add(member, *types) || broken;
    }
    const auto symbol = context.names.keys.find(tree->part.name.text);
    if (symbol == context.names.keys.end() || symbol->second.tree != tree) continue;
    symbol->second.type = collector.type();
    symbol->second.members = collector.take();
    symbol->second.broken = broken;
  }
}

const KeySymbol* find_declared_key(const CheckContext& context, std::string_view name) {
  const auto found = context.names.keys.find(name);
  return found == context.names.keys.end() ? nullptr : &found->second;
}

std::vector<cep::KeyMember> members_of(const CheckContext& context, const KeySymbol& key,
                                       cep::EventTypeIndex type) {
  std::vector<cep::KeyMember> members;
  for (const cep::KeyMember& member : key.members) {
    if (member.type == type) members.push_back(member);
  }
  if (!members.empty() || !context.event_type(type).is_alert()) return members;
  const FieldLookup field = look_up_field(context, {type}, false, key.tree->part.name.text);
  if (field.presence == FieldPresence::kEverywhere && field.type == key.type) {
    members.push_back({.type = type, .field = field.field.by_type.front().second, .role = {}});
  }
  return members;
}

Diagnostic outside_of_key(const CheckContext& context, Code code, SourceSpan span,
                          const KeySymbol& key, cep::EventTypeIndex type) {
  const tree::Name& name = key.tree->part.name;
  const std::string of = type_name(context, type);
  Diagnostic diagnostic = make_diagnostic(
      code, span, fmt::format("the key {} has no field of {}", in_code(name.text), of));
  diagnostic.labels.push_back({name.span, "the key"});
  if (context.event_type(type).is_alert()) {
    diagnostic.helps.push_back(
        fmt::format("alerts have the keys of their rule: one that is `by {}` has it", name.text));
    return diagnostic;
  }
  const FieldLookup field = look_up_field(context, {type}, false, name.text);
  const bool has_it = field.presence == FieldPresence::kEverywhere && field.type == key.type;
  diagnostic.helps.push_back(
      fmt::format("add `| {}.{}` to the key", of, has_it ? name.text : "FIELD"));
  return diagnostic;
}

std::string roles_text(const std::vector<cep::KeyMember>& members) {
  std::string out;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i > 0) out += i + 1 == members.size() ? " and " : ", ";
    out += "as " + in_code(members[i].role);
  }
  return out;
}

void check_key(CheckContext& context, const tree::ByClause& by, const EventTypes& types,
               bool types_broken, cep::KeySpec& key, RuleScope& scope) {
  scope.key_broken = types_broken;
  KeyChecker checker(context, types, types_broken, scope);
  for (const tree::KeyPart& tree : by.parts) {
    const auto repeated = std::ranges::find(key.parts, tree.name.text, &cep::KeyPart::name);
    if (repeated != key.parts.end()) {
      context.sink.report(
          make_diagnostic(Code::kE0215, tree.name.span,
                          fmt::format("{} appears twice in the key", in_code(tree.name.text))));
      continue;
    }
    cep::KeyPart part;
    part.name = tree.name.text;
    std::vector<cep::KeyMember> all_members;
    const KeySymbol* declared =
        tree.members.empty() ? find_declared_key(context, tree.name.text) : nullptr;
    if (!tree.members.empty()) {
      checker.check_union(tree, part, all_members);
    } else if (declared != nullptr) {
      checker.check_declared(tree, *declared, part, all_members);
    } else if (types.empty()) {
      scope.key_broken = true;
    } else {
      checker.check_field(tree, part);
    }
    key.parts.push_back(std::move(part));
    scope.key_part_is_union.push_back(!tree.members.empty() || declared != nullptr);
    scope.declared_keys.push_back(declared);
    const tree::Name& named = declared != nullptr ? declared->tree->part.name : tree.name;
    scope.key_part_names.push_back(named.span);
    if (declared != nullptr) note_use(context, tree.name.span, named.span);
    scope.union_members.push_back(std::move(all_members));
  }
  if (!scope.key_broken) check_roles_agree(context, by, key, scope);
}

void declare_roles(CheckContext& context, const tree::ByClause& by, RuleScope& scope) {
  for (const tree::KeyPart& part : by.parts) {
    const KeySymbol* declared =
        part.members.empty() ? find_declared_key(context, part.name.text) : nullptr;
    const tree::KeyPart& meant = declared != nullptr ? declared->tree->part : part;
    for (const tree::KeyMember& member : meant.members) {
      if (!member.role || member.role->text.empty()) continue;
      if (declared == nullptr) report_role(context, *member.role);
      scope.roles.emplace(member.role->text, &member);
    }
  }
}
}  // namespace tocsin::rules
