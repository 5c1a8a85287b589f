#include "rules/load/unused.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

#include "rules/context/references.h"
#include "rules/context/report.h"

namespace tocsin::rules {
namespace {
// Every name that anything mentions. One that is a field's too counts as mentioned.
class Mentioned {
 public:
  explicit Mentioned(const std::vector<const ParsedFile*>& files) {
    for (const ParsedFile* file : files) {
      for (const tree::Item& item : file->tree.items) {
        std::visit([&](const auto& declaration) { add(declaration); }, item);
      }
    }
  }
  bool contains(std::string_view name) const { return names_.contains(name); }
  bool has_rule() const { return has_rule_; }

 private:
  template <typename Declaration>
  void add(const Declaration& declaration) {
    if constexpr (std::is_same_v<Declaration, tree::Rule>) has_rule_ = true;
    if constexpr (!std::is_same_v<Declaration, tree::Use> &&
                  !std::is_same_v<Declaration, tree::Allow> &&
                  !std::is_same_v<Declaration, tree::Const>) {
      const References references = references_of(declaration);
      for (const tree::KindRef* ref : references.kinds) {
        if (ref->form == tree::KindForm::kNamed) names_.insert(ref->name.text);
      }
      for (const tree::Name* name : references.names) names_.insert(name->text);
      for (const tree::Name* name : references.keys) names_.insert(name->text);
    }
  }

  std::unordered_set<std::string_view> names_;
  bool has_rule_ = false;
};

class Unused {
 public:
  Unused(CheckContext& context, const std::vector<const ParsedFile*>& files)
      : context_(context), mentioned_(files) {}

  void look_at(const tree::List& list) { look_at_data(list.name, "list"); }
  void look_at(const tree::Table& table) { look_at_data(table.name, "table"); }
  void look_at(const tree::Kind& kind) { look_at_name(kind.name, "kind"); }
  void look_at(const tree::Const& constant) { look_at_name(constant.name, "constant"); }
  void look_at(const tree::Key& key) { look_at_name(key.part.name, "key"); }
  void look_at(const tree::Feature& feature) { look_at_name(feature.name, "feature"); }
  void look_at(const tree::Features& group) {
    for (const tree::FeatureEntry& entry : group.entries) look_at_name(entry.name, "feature");
  }
  template <typename Other>
  void look_at(const Other&) {}

 private:
  void look_at_data(const tree::Name& name, const char* what) {
    const auto symbol = context_.names.values.find(name.text);
    if (symbol == context_.names.values.end() || symbol->second.name != &name) return;
    if (!symbol->second.list_used && !symbol->second.broken) report(Code::kW0008, name, what);
  }
  void look_at_name(const tree::Name& name, const char* what) {
    if (name.text.empty() || !mentioned_.has_rule() || mentioned_.contains(name.text)) return;
    report(Code::kW0023, name, what);
  }
  void report(Code code, const tree::Name& name, const char* what) {
    Diagnostic diagnostic = make_diagnostic(
        code, name.span, fmt::format("the {} {} is never used", what, in_code(name.text)));
    if (code == Code::kW0023)
      diagnostic.helps.emplace_back("leave it out, or name it where it was meant");
    context_.sink.report(std::move(diagnostic));
  }

  CheckContext& context_;
  const Mentioned mentioned_;
};

struct Shown {
  bool fires = false;
  bool holds_still = false;
};
}  // namespace

void warn_of_unused(CheckContext& context, const std::vector<const ParsedFile*>& files) {
  Unused unused(context, files);
  for (const ParsedFile* file : files) {
    if (!file->asked) continue;
    for (const tree::Item& item : file->tree.items) {
      std::visit([&](const auto& declaration) { unused.look_at(declaration); }, item);
    }
  }
}

void warn_of_no_alert_text(CheckContext& context, const std::vector<const ParsedFile*>& files) {
  for (const ParsedFile* file : files) {
    if (!file->asked) continue;
    for (const tree::Item& item : file->tree.items) {
      const auto* rule = std::get_if<tree::Rule>(&item);
      if (rule == nullptr || rule->alert || rule->broken) continue;
      const bool is_read = !rule->status || rule->status->status == tree::StatusWord::kLive ||
                           rule->status->status == tree::StatusWord::kShadow;
      if (!is_read) continue;
      Diagnostic diagnostic = make_diagnostic(
          Code::kW0040, rule->name.span,
          fmt::format("the rule {} has no `alert` clause", in_code(rule->name.text)),
          "its alerts show the title and nothing of the events");
      diagnostic.helps.emplace_back(
          "name the key and the amount: `alert \"Card {card}: {amount}\"`");
      context.sink.report(std::move(diagnostic));
    }
  }
}

void warn_of_untested(CheckContext& context, const std::vector<const ParsedFile*>& files,
                      const std::vector<EmbeddedTest>& tests) {
  std::unordered_map<std::string_view, Shown> shown;
  for (const EmbeddedTest& test : tests) {
    Shown& rule = shown[test.rule];
    (test.expected.empty() ? rule.holds_still : rule.fires) = true;
  }
  for (const ParsedFile* file : files) {
    if (!file->asked) continue;
    for (const tree::Item& item : file->tree.items) {
      const auto* rule = std::get_if<tree::Rule>(&item);
      if (rule == nullptr || (rule->status && rule->status->status != tree::StatusWord::kLive))
        continue;
      const Shown is = shown[rule->name.text];
      if (is.fires && is.holds_still) continue;
      const std::string name = in_code(rule->name.text);
      Diagnostic diagnostic = make_diagnostic(
          Code::kW0024, rule->name.span,
          is.fires         ? fmt::format("no test shows the rule {} keep still", name)
          : is.holds_still ? fmt::format("no test shows the rule {} alert", name)
                           : fmt::format("the rule {} is live and has no test", name));
      diagnostic.helps.push_back(
          is.fires         ? "add a near miss: a `test` that ends with `expect no alert`"
          : is.holds_still ? "add a `test` that ends with `expect alert`"
                           : "add a `test` in which it alerts and one in which it just does not");
      context.sink.report(std::move(diagnostic));
    }
  }
}
}  // namespace tocsin::rules
