#include "cep/text_atoms.h"

#include <fmt/format.h>

#include "cep/eval.h"
#include "cep/program.h"
#include "cep/text_search.h"

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
      const Value value = what.literal.view();
      if (what.op != Op::kLiteral || value.kind != ValueKind::kString || value.text.empty()) {
        return std::nullopt;
      }
      sought.word = expr.op == Op::kContainsWord;
      TextPattern pattern;
      pattern.text = value.text;
      pattern.places = sought.word;
      sought.patterns.push_back(std::move(pattern));
      return sought;
    }
    case Op::kMatches: {
      TextPattern pattern;
      pattern.kind = PatternKind::kRegex;
      pattern.text = expr.literal.view().text;
      pattern.ignore_case = expr.ignore_case;
      sought.patterns.push_back(std::move(pattern));
      return sought;
    }
    case Op::kMatchesAnyOf:
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
      sought.word = expr.op == Op::kContainsAnyWordOf;
      sought.patterns = patterns_of(plan.lists[expr.list.value], sought.word);
      return sought;
    default:
      return std::nullopt;
  }
}

std::string name_of(const TextPattern& pattern) {
  return fmt::format("{}{}{}", static_cast<int>(pattern.kind), pattern.ignore_case ? 'i' : '-',
                     pattern.text);
}

void set_bit(TextBits::Words& words, std::uint32_t row) {
  words[row / 64] |= std::uint64_t{1} << (row % 64);
}
}  // namespace

std::optional<TextTest> TextAtoms::add(EventTypeIndex type, const Expr& expr, const Plan& plan) {
  const std::optional<Sought> sought = sought_by(expr, plan);
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
      searched.column = operand.field.in(type);
    }
    texts_.push_back(std::move(searched));
    pattern_places_.emplace_back();
  }
  SearchedText& searched = texts_[text->second];
  std::string meaning = fmt::format("{}|{}", text->second, static_cast<int>(expr.op));
  if (expr.op == Op::kMatches || expr.op == Op::kContains || expr.op == Op::kContainsWord) {
    meaning += name_of(sought->patterns.front());
  } else {
    meaning += fmt::format("{}", expr.list.value);
  }
  const auto [test, is_new_test] =
      test_places_.try_emplace(std::move(meaning), TextTest{text->second, searched.slots});
  if (!is_new_test) return test->second;
  ++searched.slots;
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
              ? fmt::format("the texts sought in `{}`", searched.operand->field.name)
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

void TextBits::scan(const SearchedText& searched, std::string_view text, std::uint32_t row,
                    Result& result) {
  set_bit(result.known, row);
  searched.database.scan(text, [&](const TextMatch& match) {
    for (const SearchedText::Use& use : searched.uses[match.pattern]) {
      if (use.word && !is_word(text, match.begin, match.end)) continue;
      set_bit(result.found[use.slot], row);
    }
  });
}

void TextBits::evaluate(const ProgramImpl& program, const TextAtoms& atoms, const Batch& batch,
                        const std::vector<std::uint32_t>& rows_of_type,
                        std::uint64_t& values_missing) {
  const std::vector<SearchedText>& texts = atoms.texts();
  results_.resize(texts.size());
  std::vector<std::vector<std::uint32_t>> by_row(rows_of_type.size());
  bool has_expressions = false;
  for (std::uint32_t t = 0; t < texts.size(); ++t) {
    const SearchedText& searched = texts[t];
    Result& result = results_[t];
    const std::uint32_t rows = rows_of_type[searched.type.value];
    const std::size_t words = (rows + 63) / 64;
    result.found.resize(searched.slots);
    for (Words& found : result.found) found.assign(words, 0);
    result.known.assign(words, 0);
    if (!searched.column) {
      by_row[searched.type.value].push_back(t);
      has_expressions = true;
      continue;
    }
    const Column& column = batch.types[searched.type.value].fields[searched.column->value];
    if (column.known.size() < rows) continue;  // a field that nothing filled is missing
    for (std::uint32_t row = 0; row < rows; ++row) {
      if (column.known[row] != 0) scan(searched, column.texts[row], row, result);
    }
  }
  if (!has_expressions) return;
  EvalScope scope{program};
  scope.batch = &batch;
  scope.values_missing = &values_missing;
  for (const Row& row : batch.rows) {
    for (const std::uint32_t t : by_row[row.type.value]) {
      const Value value = cep::evaluate(*texts[t].operand, EventView{&row, nullptr}, scope);
      if (!value.is_missing()) scan(texts[t], value.text, row.index, results_[t]);
    }
  }
}
}  // namespace tocsin::cep
