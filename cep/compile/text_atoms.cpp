#include "cep/compile/text_atoms.h"

#include <fmt/format.h>

#include <utility>

#include "cep/data/text_search.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"

namespace tocsin::cep {
namespace {
struct Sought {
  std::vector<TextPattern> patterns;
  bool word = false;
};
// What a test looks for; nothing where it is no such test.
std::optional<Sought> sought_by(const Expr& expr, const Plan& plan) {
  Sought sought;
  switch (expr.op) {
    case Op::kContains:
    case Op::kContainsWord: {
      const Expr& what = *expr.args[1];
      if (what.op != Op::kLiteral) return std::nullopt;
      const Value value = literal_of(what);
      if (value.kind != ValueKind::kString || value.text.empty()) return std::nullopt;
      sought.word = expr.op == Op::kContainsWord;
      TextPattern pattern;
      pattern.text = value.text;
      pattern.places = sought.word;
      sought.patterns.push_back(std::move(pattern));
      return sought;
    }
    case Op::kMatches: {
      const auto& regex = expr.as<RegexLiteral>();
      TextPattern pattern;
      pattern.kind = PatternKind::kRegex;
      pattern.text = regex.text;
      pattern.ignore_case = regex.ignore_case;
      sought.patterns.push_back(std::move(pattern));
      return sought;
    }
    case Op::kMatchesAnyOf:
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
      sought.word = expr.op == Op::kContainsAnyWordOf;
      sought.patterns = patterns_of(plan.lists[expr.as<ListLookup>().list.value], sought.word);
      return sought;
    default:
      return std::nullopt;
  }
}

std::string name_of(const TextPattern& pattern) {
  return fmt::format("{}{}{}", static_cast<int>(pattern.kind), pattern.ignore_case ? 'i' : '-',
                     pattern.text);
}

}  // namespace

std::optional<TextTest> TextAtoms::add(EventTypeIndex type, const Expr& expr, const Plan& plan) {
  std::optional<Sought> sought = sought_by(expr, plan);
  if (!sought) return std::nullopt;
  const Expr& operand = *expr.args[0];
  const auto [text, is_new_text] =
      text_places_.try_emplace(fmt::format("{}|{}", type.value, describe(plan, operand)),
                               static_cast<std::uint32_t>(texts_.size()));
  if (is_new_text) {
    SearchedText searched;
    searched.type = type;
    searched.operand = &operand;
    if (operand.op == Op::kField && operand.type.kind == TypeKind::kString) {
      searched.column = field_of(operand)->in(type);
    }
    texts_.push_back(std::move(searched));
    pattern_places_.emplace_back();
  }
  SearchedText& searched = texts_[text->second];
  std::string meaning = fmt::format("{}|{}", text->second, static_cast<int>(expr.op));
  if (expr.op == Op::kMatches || expr.op == Op::kContains || expr.op == Op::kContainsWord) {
    meaning += name_of(sought->patterns.front());
  } else {
    meaning += fmt::format("{}", expr.as<ListLookup>().list.value);
  }
  const auto [test, is_new_test] =
      test_places_.try_emplace(std::move(meaning), TextTest{text->second, searched.slots});
  if (!is_new_test) return test->second;
  ++searched.slots;
  // A test asks whether any is found. Of nested patterns, an attacker's text has many at each byte.
  sought->patterns = without_implied(std::move(sought->patterns), sought->word);
  for (const TextPattern& pattern : sought->patterns) {
    const auto [place, is_new] = pattern_places_[text->second].try_emplace(
        name_of(pattern), static_cast<std::uint32_t>(searched.patterns.size()));
    if (is_new) {
      searched.patterns.push_back(pattern);
      searched.uses.emplace_back();
    }
    searched.patterns[place->second].places |= pattern.places;
    searched.uses[place->second].push_back({test->second.slot, sought->word});
  }
  return test->second;
}

Result<void> TextAtoms::prepare(std::size_t bytes_max, TextDatabaseCache* cache) {
  for (SearchedText& searched : texts_) {
    Result<TextDatabase> compiled = TextDatabase::compile(searched.patterns, bytes_max, cache);
    if (!compiled) {
      const std::string where =
          searched.operand->op == Op::kField
              ? fmt::format("the texts sought in `{}`", field_of(*searched.operand)->name)
              : std::string("the texts sought in one expression");
      return fail(compiled.error().code, where + ": " + compiled.error().message);
    }
    searched.database = std::move(*compiled);
  }
  text_places_.clear();
  test_places_.clear();
  pattern_places_.clear();
  return {};
}
}  // namespace tocsin::cep
