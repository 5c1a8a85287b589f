// Neighbouring bounds: which literals of a rule are varied, to what, and that nothing else changes.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/parse/parser.h"
#include "rules/variation/neighbours.h"
#include "rules/variation/variable_rules.h"
#include "rules/variation/variants.h"
#include "tests/support/plan_source.h"
#include "tests/support/random.h"
#include "tests/support/random_language.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
using rules::Variant;
using rules::Variants;

std::string joined(const std::vector<std::string>& texts) {
  return fmt::format("{}", fmt::join(texts, " "));
}

struct Parsed {
  rules::SourceMap sources;
  std::vector<rules::tree::File> files;
};
Parsed parsed(const std::string& text) {
  Parsed result;
  rules::DiagnosticSink sink;
  const std::uint32_t file = result.sources.add("rules.tocsin", text);
  result.files.push_back(rules::parse(result.sources, file, sink));
  REQUIRE_FALSE(sink.has_errors());
  return result;
}

// What is varied in a text: "3: 1 2 4 5" for each literal.
std::vector<std::string> varied(const std::string& text) {
  const Parsed file = parsed(text);
  std::vector<std::string> lines;
  for (const rules::VariableRule& rule : rules::find_variable_rules(file.sources, file.files)) {
    for (const rules::VariableLiteral& literal : rule.literals) {
      lines.push_back(fmt::format("{}: {}", literal.written, joined(literal.neighbours)));
    }
  }
  return lines;
}

// The texts of a rule's tokens, without its name and its id, and which of them begins at `at`.
struct Tokens {
  std::vector<std::string> texts;
  std::size_t place = 0;
};
Tokens tokens_of(const std::string& text, const std::vector<std::string>& names, std::uint32_t at) {
  rules::SourceMap sources;
  rules::DiagnosticSink sink;
  std::vector<rules::TokenPlace> places;
  rules::parse(sources, sources.add("one.tocsin", text), sink, {}, &places);
  Tokens tokens;
  for (const rules::TokenPlace& place : places) {
    if (place.begin <= at) tokens.place = tokens.texts.size();
    std::string token = text.substr(place.begin, place.end - place.begin);
    if (std::ranges::count(names, token) != 0) token = "NAME";
    tokens.texts.push_back(std::move(token));
  }
  return tokens;
}

// A variant's text is its rule's but for the literal, and the name.
void check_text(const std::string& rule_text, const rules::VariableRule& rule,
                const Variant& variant) {
  CAPTURE(variant.text);
  std::vector<std::string> names = {variant.name};
  names.push_back(rule_text.substr(rule.name_span.begin - rule.span.begin,
                                   rule.name_span.end - rule.name_span.begin));
  if (rule.id_span) {
    names.push_back(rule_text.substr(rule.id_span->begin - rule.span.begin,
                                     rule.id_span->end - rule.id_span->begin));
  }
  const std::uint32_t at = variant.literal.begin - rule.span.begin;
  const Tokens before = tokens_of(rule_text, names, at);
  const Tokens after = tokens_of(variant.text, names, 0);
  REQUIRE(after.texts.size() >= before.texts.size());
  const std::size_t more = after.texts.size() - before.texts.size();
  for (std::size_t i = 0; i < before.place; ++i) CHECK(before.texts[i] == after.texts[i]);
  for (std::size_t i = before.place + 1; i < before.texts.size(); ++i) {
    CHECK(before.texts[i] == after.texts[i + more]);
  }
  CHECK(variant.neighbour != variant.value);
  CHECK(after.texts[before.place] != before.texts[before.place]);
}

bool loads(const std::string& text) {
  return rules::load({"random.tocsin"},
                     [&](const std::string&) -> Result<std::string> { return text; })
      .rules.has_value();
}
}  // namespace

TEST_CASE("variation: neighbours of numbers and durations") {
  struct Row {
    std::string written, neighbours;
  };
  const Row rows[] = {
      {"3", "1 2 4 5"},
      {"1", "0 2 3"},
      {"0", "1 2"},
      {"10", "8 9 11 12"},
      {"11", "6 9 13 17"},
      {"1_000", "500 800 1200 1500"},
      {"200.00", "100.00 160.00 240.00 300.00"},
      {"0.01", "0.02"},
      {"0.5", "0.3 0.4 0.6 0.8"},
      {"-3", "-5 -4 -2 -1"},
      {"-50.0", "-75.0 -60.0 -40.0 -25.0"},
      {"1e3", ""},
      {"2026-03-02", ""},
      {"9223372036854775807", ""},
      {"", ""},
      {"-", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.written);
    CHECK(joined(rules::neighbours_of_number(row.written)) == row.neighbours);
  }
  const Row durations[] = {
      {"10m", "5m 8m 12m 15m"},
      {"1h", "30m 48m 1h12m 1h30m"},
      {"7d", "3d12h 5d14h24m 8d9h36m 10d12h"},
      {"1ms", "2ms"},
      {"2ms", "1ms 3ms"},
  };
  for (const Row& row : durations) {
    CAPTURE(row.written);
    CHECK(joined(rules::neighbours_of_duration(*cep::parse_duration(row.written))) ==
          row.neighbours);
  }
  CHECK(joined(rules::neighbours_of_count(1)) == "2 3");
  CHECK(joined(rules::neighbours_of_count(4)) == "2 3 5 6");
}

TEST_CASE("variation: every kind of bound is found where it stands") {
  const std::string text = R"(const LIMIT = 500.00
const LOWEST = -20
event payment { ts: time, card: string, amount: decimal(2), mcc: int }
kind small = payment where amount < 2.00
feature spent = sum(amount of payment) by card over last 1h
rule r "over 9000" {
  by card
  when 3..4 small as probes where mcc = 6011 and amount > (1.50)
    then within 20m payment as hit where amount >= LIMIT and spent > 3 * avg(amount of payment) over last 2h
  within 1h
  having count(probes) > 2 or hit.amount > LOWEST
  once per 3h
  alert "more than 7" { score: 60 + 5 * count(probes) }
}
)";
  CHECK(varied(text) == std::vector<std::string>{
                            "3: 1 2 4 5",
                            "4: 2 3 5 6",
                            "1.50: 0.75 1.20 1.80 2.25",
                            "20m: 10m 16m 24m 30m",
                            "LIMIT: 250.00 400.00 600.00 750.00",
                            "3: 1 2 4 5",
                            "2h: 1h 1h36m 2h24m 3h",
                            "1h: 30m 48m 1h12m 1h30m",
                            "2: 0 1 3 4",
                            "LOWEST: (-30) (-24) (-16) (-10)",
                        });
}

TEST_CASE("variation: a rule of any alert is not varied, and the limit is said") {
  const Parsed file = parsed(R"(rule busy "b" { by card when payment where amount > 5 }
rule all "a" { when 3+ any alert as alerts within 1h }
)");
  const auto found = rules::find_variable_rules(file.sources, file.files);
  const Variants all = rules::make_variants(file.sources, found, 100);
  CHECK(all.all.size() == 4);
  CHECK(all.left_out == 0);
  CHECK(all.not_varied == std::vector<std::string>{"all"});
  const Variants some = rules::make_variants(file.sources, found, 3);
  CHECK(some.all.size() == 3);
  CHECK(some.left_out == 1);
}

TEST_CASE("variation: names and ids of variants are used nowhere else") {
  const Parsed file = parsed(R"(rule vary_1 "b" { id "vary_v_" by card when payment where n > 5 }
)");
  const Variants all =
      rules::make_variants(file.sources, rules::find_variable_rules(file.sources, file.files), 9);
  REQUIRE(all.all.size() == 4);
  CHECK(all.all[0].name == "vary_v_v_1");
  CHECK(all.all[0].text ==
        R"(rule vary_v_v_1 "b" { id vary_v_v_1 by card when payment where n > 3 })");
  const rules::VariedFile varied_file = rules::add_variants(file.sources, 0, all.all);
  CHECK(varied_file.find(5) == nullptr);
  for (const rules::VariedFile::Place& place : varied_file.places) {
    CHECK(varied_file.find(place.begin)->variant == place.variant);
    CHECK(varied_file.text.substr(place.begin, all.all[place.variant].text.size()) ==
          all.all[place.variant].text);
  }
}

TEST_CASE("variation: variants of random rules differ in one literal, and most of them are rules") {
  std::size_t variants = 0;
  std::size_t right = 0;
  for_all_seeds("variation", 300, [&](Random& random) {
    const std::string text = plan_source(random_language_plan(random));
    if (!loads(text)) return;
    const Parsed file = parsed(text);
    const auto found = rules::find_variable_rules(file.sources, file.files);
    const Variants all = rules::make_variants(file.sources, found, 40);
    for (const Variant& variant : all.all) {
      const auto rule = std::ranges::find(found, variant.rule, &rules::VariableRule::name);
      REQUIRE(rule != found.end());
      check_text(text.substr(rule->span.begin, rule->span.end - rule->span.begin), *rule, variant);
      ++variants;
      if (loads(rules::add_variants(file.sources, 0, {variant}).text)) ++right;
    }
  });
  CHECK(variants > 0);
  // What is refused can never be true with the other bound, or leaves a clause without an effect.
  CHECK(right * 100 > variants * 90);
}
}  // namespace tocsin::tests
