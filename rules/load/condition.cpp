#include "rules/load/condition.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <variant>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/context/build_expr.h"
#include "rules/context/types.h"
#include "rules/load/check.h"
#include "rules/parse/parser.h"

namespace tocsin::rules {
namespace {
constexpr std::size_t kBytesMax = 64U << 10;

// The fields as a rule file declares them, with a kind and a rule around the condition.
std::string declarations(const std::vector<cep::Field>& fields) {
  std::string text = "event alerts {\n  ts: time";
  for (const cep::Field& field : fields) {
    if (field.name == "ts") continue;
    text += fmt::format(",\n  {}: {}?", field.name, cep::type_name(field.type));
  }
  return text +
         "\n}\n"
         "kind wanted = alerts where true\n"
         "rule wanted \"Wanted\" {\n  when wanted\n  alert \"wanted\"\n}\n";
}

std::string names_of(const std::vector<cep::Field>& fields) {
  std::string text;
  for (const cep::Field& field : fields) text += (text.empty() ? "`" : ", `") + field.name + "`";
  return text;
}

// Has the kind ask the condition.
void put_in(tree::File& file, tree::ExprPtr condition) {
  for (tree::Item& item : file.items) {
    if (auto* kind = std::get_if<tree::Kind>(&item))
      kind->subsets.front().where = std::move(condition);
  }
}

// The condition as a computed field, which the rule reads.
std::shared_ptr<const cep::Plan> with_field(const cep::Plan& checked) {
  auto plan = std::make_shared<cep::Plan>(checked);
  cep::EventType& alert = plan->event_types.front();
  cep::Subset& wanted = plan->rules.front().pattern.front().test()->events.front();
  if (!wanted.condition)
    wanted.condition = literal_expr(plain_type(cep::TypeKind::kBool), cep::Value::boolean(true));
  cep::Field holds;
  holds.name = "$holds";
  holds.type = plain_type(cep::TypeKind::kBool);
  holds.computed = wanted.condition;
  cep::FieldRef field{
      holds.name, {{cep::EventTypeIndex(std::size_t{0}), cep::FieldIndex(alert.fields.size())}}};
  wanted.condition = field_expr(holds.type, std::move(field));
  for (cep::Subset& considered : plan->rules.front().considered)
    considered.condition = wanted.condition;
  alert.fields.push_back(std::move(holds));
  return plan;
}
}  // namespace

ConditionCheck check_condition(std::string text, const std::vector<cep::Field>& fields) {
  ConditionCheck made;
  DiagnosticSink sink;
  const std::uint32_t written = made.sources.add("condition", std::move(text));
  const std::uint32_t around = made.sources.add("alert", declarations(fields));
  tree::ExprPtr condition = parse_condition(made.sources, written, sink, {.bytes_max = kBytesMax});
  if (condition && !sink.has_errors()) {
    ParsedFile file;
    file.tree = parse(made.sources, around, sink);
    if (!sink.has_errors()) {
      put_in(file.tree, std::move(condition));
      DataFiles data(made.sources, [](const std::string& path) -> Result<std::string> {
        return fail(Errc::kNotFound, path);
      });
      const std::optional<RuleSet> set =
          check(made.sources, {&file}, false, sink, LoadOptions{}, data);
      if (set) made.plan = with_field(*set->plan);
    }
  }
  // What is said of the rule around it is nobody's business, unless that is what is wrong.
  for (Diagnostic& diagnostic : sink.take()) {
    const bool is_own = diagnostic.primary.span.file == written;
    // Nobody has seen the file that declares the fields: they are named instead.
    const bool is_unknown = std::erase_if(diagnostic.notes, [](const std::string& note) {
                              return note.ends_with("is declared in alert:1");
                            }) > 0;
    if (is_unknown) diagnostic.notes.push_back("there are " + names_of(fields));
    if (is_own || level_of(diagnostic.code) == Level::kError)
      made.diagnostics.push_back(std::move(diagnostic));
  }
  return made;
}
}  // namespace tocsin::rules
