#include "cep/engine/key_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "cep/compile/compile.h"
#include "cep/compile/program.h"
#include "cep/plan/event_type.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/decimal.h"
#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
using Parts = std::vector<std::pair<std::string, std::string>>;

// A key part's value as people write it; nothing where it is none.
std::optional<Value> read_value(std::string_view text, const Type& type) {
  const auto number = [&](int scale) { return parse_decimal(text, scale); };
  switch (type.kind) {
    case TypeKind::kBool:
      if (text == "true" || text == "false") return Value::boolean(text == "true");
      return std::nullopt;
    case TypeKind::kInt:
      if (const auto n = number(0)) return Value::integer(*n);
      return std::nullopt;
    case TypeKind::kDecimal:
      if (const auto n = number(type.scale)) return Value::decimal(*n, type.scale);
      return std::nullopt;
    case TypeKind::kFloat: {
      double real = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), real);
      if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
      return Value::floating(real);
    }
    case TypeKind::kString:
      return Value::string(text);
    case TypeKind::kTime:
      if (const auto time = parse_time(text)) return Value::time(*time);
      return std::nullopt;
    case TypeKind::kDate:
      if (const auto date = parse_date(text)) return Value::date(*date);
      return std::nullopt;
    case TypeKind::kDuration:
      if (const auto duration = parse_duration(text)) return Value::duration(*duration);
      return std::nullopt;
    case TypeKind::kEnum: {
      const auto word = std::ranges::find(*type.words, text);
      if (word == type.words->end()) return std::nullopt;
      return Value::enumerated(word - type.words->begin(), *word);
    }
    default:
      return std::nullopt;
  }
}

// The names of each table's parts, as its rules and features call them: for people, and to find.
struct TableNames {
  std::set<std::vector<std::string>> names;
};
std::vector<TableNames> names_of(const ProgramImpl& program) {
  std::vector<TableNames> tables(program.tables.size());
  const auto add = [&](std::uint32_t table, const KeySpec& key) {
    std::vector<std::string> names;
    for (const KeyPart& part : key.parts) names.push_back(part.name);
    tables[table].names.insert(std::move(names));
  };
  for (const RuleProgram& rule : program.rules) add(rule.table, rule.rule->key);
  for (const FeatureProgram& feature : program.features) add(feature.table, feature.feature->key);
  return tables;
}
}  // namespace

Result<std::vector<KeyQuery>> find_keys(const Program& program, const Parts& parts) {
  std::map<std::string, std::string> wanted(parts.begin(), parts.end());
  const std::vector<TableNames> tables = names_of(program.impl());
  std::vector<KeyQuery> found;
  std::set<std::string> known;
  std::string unfit;
  for (std::uint32_t t = 0; t < tables.size(); ++t) {
    for (const std::vector<std::string>& names : tables[t].names) {
      known.insert(names.empty() ? "(all events together)"
                                 : fmt::format("{}", fmt::join(names, ", ")));
      const bool is_wanted = wanted.size() == parts.size() && names.size() == parts.size() &&
                             std::ranges::all_of(names, [&](const std::string& name) {
                               return wanted.contains(name);
                             });
      if (!is_wanted) continue;
      std::vector<Value> values;
      for (std::size_t i = 0; i < names.size(); ++i) {
        const Type& type = program.impl().tables[t].key.parts[i].type;
        const auto value = read_value(wanted.at(names[i]), type);
        if (!value) {
          unfit = fmt::format("what is said of `{}` is no {}", names[i], type_name(type));
          break;
        }
        values.push_back(*value);
      }
      if (values.size() < names.size()) continue;
      KeyQuery query;
      query.table = t;
      query.key = key_bytes(values);
      const bool is_new = std::ranges::none_of(found, [&](const KeyQuery& other) {
        return other.table == query.table && other.key == query.key;
      });
      if (is_new) found.push_back(std::move(query));
    }
  }
  if (!found.empty()) return found;
  if (!unfit.empty()) return fail(Errc::kInvalidArgument, unfit);
  return fail(Errc::kNotFound,
              fmt::format("no rule or feature is by these; there are: {}", fmt::join(known, "; ")));
}

std::vector<KeyPartQuery> find_key_parts(const Program& program, const std::string& name,
                                         const std::string& value) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> places;  // table, part
  const std::vector<TableNames> tables = names_of(program.impl());
  for (std::uint32_t t = 0; t < tables.size(); ++t) {
    for (const std::vector<std::string>& names : tables[t].names) {
      for (std::uint32_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) places.emplace(t, i);
      }
    }
  }
  std::vector<KeyPartQuery> found;
  for (const auto& [table, part] : places) {
    const auto read = read_value(value, program.impl().tables[table].key.parts[part].type);
    if (!read) continue;
    found.push_back({table, part, {}});
    append_key_part(found.back().bytes, *read);
  }
  return found;
}

std::set<std::string> input_members(const Program& program, const std::string& name) {
  std::set<std::string> members = {name};
  const Plan& plan = program.plan();
  const auto add = [&](const Field& field) {
    if (!field.path.empty()) members.insert(field.path.back());
  };
  for (const EventType& type : plan.event_types) {
    for (const Field& field : type.fields) {
      if (field.name == name) add(field);
    }
  }
  const auto add_key = [&](const KeySpec& key) {
    for (const KeyPart& part : key.parts) {
      if (part.name != name) continue;
      for (const KeyMember& member : part.members) {
        add(plan.event_types[member.type.value].fields[member.field.value]);
      }
    }
  };
  for (const RuleProgram& rule : program.impl().rules) add_key(rule.rule->key);
  for (const FeatureProgram& feature : program.impl().features) add_key(feature.feature->key);
  return members;
}
}  // namespace tocsin::cep
