#include "rules/check_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "rules/check_expression.h"
#include "rules/check_kinds.h"
#include "rules/report.h"

namespace tocsin::rules {
namespace {
// Of one event type; the engine's own limit.
constexpr std::size_t kRolesMax = 12;

class KeyChecker {
 public:
  KeyChecker(CheckContext& context, const EventTypes& types, bool types_broken, RuleScope& scope)
      : context_(context), types_(types), types_broken_(types_broken), scope_(scope) {}

  // The part that is a field of every event type.
  void check_field(const tree::KeyPart& tree, cep::KeyPart& part) {
    const FieldLookup field = look_up_field(context_, types_, types_broken_, tree.name.text);
    switch (field.presence) {
      case FieldPresence::kEverywhere:
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
        report_types(tree.name.span, tree.name.text, field, type, other.tree->name.span);
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
        if (nowhere) suggest(context_, diagnostic, tree.name.text, field_names(context_, types_));
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
    std::optional<SourceSpan> typed_by;
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
      for (const cep::EventTypeIndex type : kind_types) {
        broken = !add_member(member, type, part, all_members, typed_by) || broken;
      }
    }
    // The roles of one event type stay in the order written.
    std::ranges::stable_sort(all_members, {}, &cep::KeyMember::type);
    for (const cep::KeyMember& member : all_members) {
      if (std::ranges::binary_search(types_, member.type)) part.members.push_back(member);
    }
    if (broken) {
      scope_.key_broken = true;
      return;
    }
    for (const cep::EventTypeIndex type : types_) {
      const bool found = std::ranges::any_of(
          all_members, [&](const cep::KeyMember& member) { return member.type == type; });
      if (found) continue;
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

 private:
  void report_types(SourceSpan at, const std::string& name, const FieldLookup& first,
                    const cep::Type& second, SourceSpan second_declared) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0313, at,
                                            fmt::format("the key {} is {} and {}", in_code(name),
                                                        type_text(first.type), type_text(second)));
    diagnostic.labels.push_back({first.declared, type_text(first.type)});
    diagnostic.labels.push_back({second_declared, type_text(second)});
    diagnostic.helps.push_back("a key has one type in all event types of the rule");
    context_.sink.report(std::move(diagnostic));
  }

  bool add_member(const tree::KeyMember& tree, cep::EventTypeIndex type, cep::KeyPart& part,
                  std::vector<cep::KeyMember>& all_members, std::optional<SourceSpan>& typed_by) {
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
    if (!check_repeated(tree, type, all_members)) return false;
    if (!typed_by) {
      typed_by = field.declared;
      part.type = field.type;
    } else if (!(field.type == part.type)) {
      FieldLookup first;
      first.type = part.type;
      first.declared = *typed_by;
      report_types(tree.field.span, part.name, first, field.type, field.declared);
      return false;
    }
    all_members.push_back({.type = type,
                           .field = field.field.by_type.front().second,
                           .role = tree.role ? tree.role->text : std::string()});
    return true;
  }

  // One event type stands twice only under two roles.
  bool check_repeated(const tree::KeyMember& tree, cep::EventTypeIndex type,
                      const std::vector<cep::KeyMember>& all_members) {
    std::size_t roles = 0;
    for (const cep::KeyMember& other : all_members) {
      if (other.type != type) continue;
      ++roles;
      const std::string role = tree.role ? tree.role->text : std::string();
      if (!role.empty() && !other.role.empty() && role != other.role) continue;
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0428, tree.span,
          fmt::format("{} stands twice in one key", type_name(context_, type)),
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
}  // namespace

void check_key(CheckContext& context, const tree::ByClause& by, const EventTypes& types,
               bool types_broken, cep::KeySpec& key, RuleScope& scope) {
  scope.key_broken = types_broken;
  KeyChecker checker(context, types, types_broken, scope);
  for (const tree::KeyPart& tree : by.parts) {
    const auto repeated = std::ranges::find(key.parts, tree.name.text, &cep::KeyPart::name);
    if (repeated != key.parts.end()) {
      context.sink.report(
          make_diagnostic(Code::kE0215, tree.name.span,
                          fmt::format("{} stands twice in the key", in_code(tree.name.text))));
      continue;
    }
    cep::KeyPart part;
    part.name = tree.name.text;
    std::vector<cep::KeyMember> all_members;
    if (tree.members.empty()) {
      if (types.empty()) {
        scope.key_broken = true;
      } else {
        checker.check_field(tree, part);
      }
    } else {
      checker.check_union(tree, part, all_members);
    }
    key.parts.push_back(std::move(part));
    scope.key_part_is_union.push_back(!tree.members.empty());
    scope.union_members.push_back(std::move(all_members));
  }
  if (!scope.key_broken) check_roles_agree(context, by, key, scope);
}

void declare_roles(CheckContext& context, const tree::ByClause& by, RuleScope& scope) {
  for (const tree::KeyPart& part : by.parts) {
    for (const tree::KeyMember& member : part.members) {
      if (!member.role || member.role->text.empty()) continue;
      const auto kind = context.names.kinds.find(member.role->text);
      if (kind != context.names.kinds.end()) {
        Diagnostic diagnostic = make_diagnostic(
            Code::kE0429, member.role->span,
            fmt::format("the role {} has the name of {}", in_code(member.role->text),
                        kind->second.kind ? "a kind" : "an event type"));
        diagnostic.labels.push_back({kind->second.name->span, "declared here"});
        diagnostic.helps.push_back("in a step the role stands for its events: rename it");
        context.sink.report(std::move(diagnostic));
      }
      scope.roles.emplace(member.role->text, &member);
    }
  }
}
}  // namespace tocsin::rules
