// What editors ask: places, completion, hover, navigation, actions. A `^` in a text is the cursor.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cep/plan/aggregate.h"
#include "library/language/checked_pack.h"
#include "library/language/code_actions.h"
#include "library/language/completion.h"
#include "library/language/hover.h"
#include "library/language/inlay_hints.h"
#include "library/language/navigation.h"
#include "library/language/outline.h"
#include "library/language/text_lines.h"
#include "library/language/text_tokens.h"
#include "library/language/word_docs.h"
#include "rules/syntax/keywords.h"

namespace tocsin::tests {
namespace {
using library::CharacterUnit;
using library::CheckedPack;
using library::LinePlace;

constexpr const char* kSchema =
    "# A payment by card.\n"
    "event payment { ts: time, id: string id, card: string, amount: decimal(2),\n"
    "  channel: enum(pos, ecom), memo: string? }\n"
    "event login { ts: time, id: string id, card: string, ok: bool }\n"
    "kind large = payment where amount > 100\n"
    "list known : string = [\"a\", \"b\"]\n"
    "table limits key card { most: decimal(2) } from \"limits.csv\"\n"
    "const floor_of_all = 5\n"
    "feature spent = sum(amount of payment) by card over last 1h\n";

// A set of two files, the second with a cursor.
struct Texts {
  explicit Texts(std::string marked) {
    const std::size_t mark = marked.find('^');
    byte = static_cast<std::uint32_t>(mark == std::string::npos ? 0 : mark);
    if (mark != std::string::npos) marked.erase(mark, 1);
    text = "use \"schema.tocsin\"\n" + marked;
    byte += static_cast<std::uint32_t>(text.size() - marked.size());
    read = [this](const std::string& path) -> Result<std::string> {
      if (path == "rules.tocsin") return text;
      if (path == "schema.tocsin") return std::string(kSchema);
      if (path == "limits.csv") return std::string("card,most\nc1,10.00\n");
      return fail(Errc::kNotFound, "no such file");
    };
    pack = std::make_unique<CheckedPack>(std::vector<std::string>{"rules.tocsin"}, read);
    file = pack->file("rules.tocsin").value();
  }
  std::vector<std::string> completions() const {
    std::vector<std::string> labels;
    for (const library::Completion& item : library::completions_at(*pack, file, byte).items) {
      labels.push_back(item.label);
    }
    return labels;
  }
  std::string hover() const {
    const auto found = library::hover_at(*pack, file, byte);
    return found ? found->markdown : std::string();
  }

  std::string text;
  std::uint32_t byte = 0;
  rules::ReadFile read;
  std::unique_ptr<CheckedPack> pack;
  std::uint32_t file = 0;
};

bool has(const std::vector<std::string>& labels, const std::string& label) {
  return std::ranges::find(labels, label) != labels.end();
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
const std::string kRule =
    "rule r \"R\" {\n"
    "  by card\n"
    "  when 2+ payment as small where amount < 2 then payment as hit where amount > 100\n"
    "  within 10m\n"
    "  alert \"{hit.amount} on {card}\" { total: sum(small.amount) }\n"
    "}\n"
    "test r \"fires\" {\n"
    "  starting 2026-01-01T00:00:00Z\n"
    "  0s  payment { id: \"1\", card: \"c1\", amount: 1, channel: \"pos\" }\n"
    "  1s  payment { id: \"2\", card: \"c1\", amount: 1, channel: \"pos\" }\n"
    "  2s  payment { id: \"3\", card: \"c1\", amount: 200, channel: \"pos\" }\n"
    "  expect alert { card: \"c1\", total: 2 }\n"
    "}\n";
}  // namespace

TEST_CASE("language: places in lines of every encoding, and back") {
  const std::string text = "a\U0001F600b\r\n\xc3\xa9 x\n";
  const library::TextLines lines(text);
  CHECK(lines.count() == 3);
  CHECK(lines.line(0) == "a\U0001F600b");
  CHECK(lines.place(5, CharacterUnit::kUtf16) == LinePlace{0, 3});
  CHECK(lines.place(5, CharacterUnit::kUtf32) == LinePlace{0, 2});
  CHECK(lines.place(5, CharacterUnit::kUtf8) == LinePlace{0, 5});
  for (const CharacterUnit unit :
       {CharacterUnit::kUtf8, CharacterUnit::kUtf16, CharacterUnit::kUtf32}) {
    for (std::uint32_t byte = 0; byte <= text.size(); ++byte) {
      const bool is_inside =
          byte < text.size() && (static_cast<unsigned char>(text[byte]) & 0xc0) == 0x80;
      if (is_inside || byte == 7) continue;  // between CR and LF there is no place
      CHECK(lines.byte(lines.place(byte, unit), unit) == byte);
    }
  }
  // Behind the ends, and inside a character.
  CHECK(lines.byte({0, 99}, CharacterUnit::kUtf16) == 6);
  CHECK(lines.byte({9, 0}, CharacterUnit::kUtf16) == text.size());
  CHECK(lines.byte({0, 2}, CharacterUnit::kUtf16) == 1);
}

TEST_CASE("language: places in one long line cost the line once") {
  const std::string text(std::size_t{1} << 18, 'x');
  const library::TextLines lines(text);
  for (std::uint32_t byte = 0; byte <= text.size(); ++byte) {
    REQUIRE(lines.place(byte, CharacterUnit::kUtf16).character == byte);
  }
  // And backwards it is right.
  CHECK(lines.place(7, CharacterUnit::kUtf16) == LinePlace{0, 7});
  CHECK(lines.place(9, CharacterUnit::kUtf8) == LinePlace{0, 9});
}

TEST_CASE("language: completion knows its place") {
  const auto at = [](const std::string& marked) { return Texts(marked).completions(); };
  CHECK(has(at("^"), "rule"));
  CHECK(has(at("rule r \"R\" {\n  ^\n}\n"), "when"));
  CHECK_FALSE(has(at("rule r \"R\" {\n  when payment\n  ^\n}\n"), "when"));
  CHECK(has(at("rule r \"R\" {\n  when ^\n}\n"), "large"));
  CHECK_FALSE(has(at("rule r \"R\" {\n  when ^\n}\n"), "amount"));
  CHECK(has(at("rule r \"R\" {\n  when payment then ^\n}\n"), "login"));
  CHECK(has(at("rule r \"R\" {\n  when payment where ^\n}\n"), "amount"));
  CHECK_FALSE(has(at("rule r \"R\" {\n  when payment where ^\n}\n"), "ok"));
  CHECK(has(at("rule r \"R\" {\n  when large where am^\n}\n"), "amount"));
  CHECK(has(at("rule r \"R\" {\n  when payment where ^\n}\n"), "spent"));
  CHECK(has(at("rule r \"R\" {\n  when payment where channel = ^\n}\n"), "ecom"));
  CHECK(has(at("rule r \"R\" {\n  when payment where channel in [^\n}\n"), "pos"));
  CHECK(has(at("rule r \"R\" {\n  when payment as p then login where p.^\n}\n"), "amount"));
  CHECK_FALSE(has(at("rule r \"R\" {\n  when payment as p then login where p.^\n}\n"), "ok"));
  const std::vector<std::string> of_loop =
      at("rule r \"R\" {\n  when 3+ payment as p then login where p.^\n}\n");
  CHECK(has(of_loop, "first"));
  CHECK(has(at("rule r \"R\" {\n  when payment where limits[card].^\n}\n"), "most"));
  CHECK(has(at("rule r \"R\" {\n  by ^\n  when payment\n}\n"), "card"));
  CHECK(has(at("rule r \"R\" {\n  severity ^\n}\n"), "critical"));
  CHECK(has(at("rule r \"R\" {\n  status ^\n}\n"), "shadow"));
  CHECK(has(at("rule r \"R\" {\n  allow ^\n}\n"), "grows"));
  CHECK(has(at("event e { ts: ^ }\n"), "decimal(2)"));
  CHECK(has(at("kind k = ^\n"), "payment"));
  CHECK(has(at("feature f = count(^\n"), "payment"));
  CHECK(has(at("feature f = sum(amount of payment) by card over ^\n"), "last 10m"));
  CHECK(has(at(kRule + "test ^\n"), "r"));
  CHECK(has(at(kRule + "test r \"x\" {\n  0s ^\n}\n"), "payment"));
  CHECK(has(at(kRule + "test r \"x\" {\n  0s payment { ^ }\n}\n"), "amount"));
  CHECK(has(at(kRule + "test r \"x\" {\n  0s payment { channel: ^ }\n}\n"), "\"ecom\""));
  CHECK(has(at(kRule + "test r \"x\" {\n  expect ^\n}\n"), "expect no alert"));
  // Where nothing may be offered: in texts, comments and new names.
  CHECK(at("rule r \"R^\" {\n}\n").empty());
  CHECK(at("rule r \"R\" {\n  # when ^\n}\n").empty());
  CHECK(at("rule r \"R\" {\n  when payment as ^\n}\n").empty());
}

TEST_CASE("language: completion at every byte of a file, whole or cut, ends") {
  for (std::size_t cut = 0; cut <= kRule.size(); cut += 3) {
    Texts texts(kRule.substr(0, cut) + "^");
    const library::Completions found = library::completions_at(*texts.pack, texts.file, texts.byte);
    REQUIRE(found.replaced.begin <= found.replaced.end);
    REQUIRE(found.replaced.end == texts.byte);
  }
}

TEST_CASE("language: hover shows declarations, their comments, and what words mean") {
  const auto at = [](const std::string& before, const std::string& behind) {
    return Texts(before + "^" + behind).hover();
  };
  const std::size_t amount = kRule.find("amount < 2");
  CHECK(has(at(kRule.substr(0, amount), kRule.substr(amount)), "amount: decimal(2)"));
  const std::size_t payment = kRule.find("payment as small");
  CHECK(has(at(kRule.substr(0, payment), kRule.substr(payment)), "A payment by card."));
  const std::size_t rule = kRule.find("r \"R\"");
  CHECK(has(at(kRule.substr(0, rule), kRule.substr(rule)), "What has to happen"));
  const std::size_t within = kRule.find("10m");
  CHECK(has(at(kRule.substr(0, within), kRule.substr(within)), "10 minutes"));
  const std::size_t then = kRule.find("then");
  CHECK(has(at(kRule.substr(0, then), kRule.substr(then)), "other events may come between"));
  // In a message too.
  const std::size_t hit = kRule.find("hit.amount}");
  CHECK(has(at(kRule.substr(0, hit), kRule.substr(hit)), "**step** `hit`"));
}

TEST_CASE("language: a rename changes conditions, messages and tests, and refuses what breaks") {
  const std::size_t place = kRule.find("total: sum");
  Texts texts(kRule.substr(0, place) + "^" + kRule.substr(place));
  const auto rename = [&](const std::string& name) {
    return library::rename_at(*texts.pack, texts.file, texts.byte, name, texts.read);
  };
  REQUIRE(rename("together"));
  CHECK(rename("together")->size() == 2);  // in the alert and in the test
  const std::size_t step = kRule.find("hit where");
  Texts of_step(kRule.substr(0, step) + "^" + kRule.substr(step));
  const auto edits =
      library::rename_at(*of_step.pack, of_step.file, of_step.byte, "then", of_step.read);
  REQUIRE(edits);
  CHECK(edits->size() == 2);  // in the pattern and in the message
  CHECK(edits->front().text == "`then`");
  // Another step has the name.
  const auto taken =
      library::rename_at(*of_step.pack, of_step.file, of_step.byte, "small", of_step.read);
  REQUIRE_FALSE(taken);
  CHECK(has(taken.error().message, "no longer check"));
  CHECK_FALSE(rename("a`b"));
  CHECK_FALSE(rename(""));
  // A field changes in the schema too.
  const std::size_t field = kRule.find("amount < 2");
  Texts of_field(kRule.substr(0, field) + "^" + kRule.substr(field));
  const auto fields =
      library::rename_at(*of_field.pack, of_field.file, of_field.byte, "value", of_field.read);
  REQUIRE(fields);
  const auto in_schema = std::ranges::count_if(
      *fields, [&](const rules::Edit& edit) { return edit.span.file != of_field.file; });
  CHECK(in_schema == 3);  // declared, in a kind and in a feature
}

TEST_CASE("language: definitions, references, outline, folds and selections") {
  const std::size_t place = kRule.find("small.amount");
  Texts texts(kRule.substr(0, place) + "^" + kRule.substr(place));
  const auto definitions = library::definitions_at(*texts.pack, texts.file, texts.byte);
  REQUIRE(definitions.size() == 1);
  CHECK(texts.pack->text(definitions.front()) == "small");
  CHECK(library::references_at(*texts.pack, texts.file, texts.byte, true).size() == 2);
  // `use` leads to its file.
  CHECK(library::definitions_at(*texts.pack, texts.file, 6).size() == 1);
  const auto outline = library::outline_of(*texts.pack, texts.file);
  REQUIRE(outline.size() == 2);
  CHECK(outline.front().parts.size() == 3);  // two steps, one field of the alert
  CHECK(library::folds_of(texts.text).size() == 2);
  const auto selections = library::selections_at(*texts.pack, texts.file, texts.byte);
  REQUIRE(selections.size() > 3);
  for (std::size_t i = 1; i < selections.size(); ++i) {
    CHECK(selections[i].begin <= selections[i - 1].begin);
    CHECK(selections[i].end >= selections[i - 1].end);
  }
  CHECK(selections.back().end == texts.text.size());
}

TEST_CASE("language: actions correct mistakes, allow warnings and begin tests") {
  Texts texts("rule r \"R\" {\n  by card\n  when payment where amout > 1\n}\n");
  const auto place = static_cast<std::uint32_t>(texts.text.find("amout"));
  const auto actions = library::code_actions(*texts.pack, texts.file, place, place);
  REQUIRE(actions.size() >= 3);
  CHECK(actions.front().preferred);
  CHECK(actions.front().edits.front().text == "amount");
  CHECK(library::all_fixes(*texts.pack, texts.file).size() == 1);
  // What a begun test says is a test that can be read.
  for (const library::CodeAction& action : actions) {
    if (action.kind != library::ActionKind::kRewrite) continue;
    std::string text = texts.text;
    text.replace(place, 5, "amount");
    const rules::Edit& edit = action.edits.front();
    text.insert(edit.span.begin + 1, edit.text);
    Texts with_test(text.substr(text.find('\n') + 1));
    CHECK(with_test.pack->loaded().rules);
  }
  Texts warned("rule r \"R\" {\n  by card\n  when payment where amount > 1\n  within 10m\n}\n");
  REQUIRE(warned.pack->loaded().rules);
  const auto all = library::code_actions(*warned.pack, warned.file, 0,
                                         static_cast<std::uint32_t>(warned.text.size()));
  const auto allows = std::ranges::find_if(all, [](const library::CodeAction& action) {
    return has(action.title, "Allow `within_one_event`");
  });
  REQUIRE(allows != all.end());
  std::string text = warned.text;
  text.insert(allows->edits.front().span.begin, allows->edits.front().text);
  Texts allowed(text.substr(text.find('\n') + 1));
  CHECK(allowed.pack->loaded().diagnostics.size() < warned.pack->loaded().diagnostics.size());
}

TEST_CASE("language: lenses and hints") {
  Texts texts("defaults payment { channel: \"ecom\", memo: \"m\" }\n" + kRule);
  const auto lenses = library::lenses(*texts.pack, texts.file);
  REQUIRE(lenses.size() == 2);
  CHECK(lenses.front().tests == 1);
  std::vector<std::string> hints;
  for (const library::InlayHint& hint : library::inlay_hints(*texts.pack, texts.file)) {
    hints.push_back(hint.text);
  }
  CHECK(has(hints, ": string"));
  CHECK(has(hints, ", memo: \"m\""));
}

TEST_CASE("language: hints of windows say from which event on they count") {
  const auto hints_of = [](const std::string& rule) {
    Texts texts(rule);
    CHECK(texts.pack->loaded().rules.has_value());
    std::vector<std::string> hints;
    for (const library::InlayHint& hint : library::inlay_hints(*texts.pack, texts.file)) {
      if (!hint.text.starts_with(":")) hints.push_back(hint.text);
    }
    return hints;
  };
  const auto rule = [](const std::string& pattern, const std::string& clauses = "") {
    return fmt::format("rule r \"R\" {{\n  by card\n  when {}\n  within 1h\n{}  alert \"x\"\n}}\n",
                       pattern, clauses);
  };
  using Hints = std::vector<std::string>;
  CHECK(hints_of(rule("2+ payment as probes then payment as big")) ==
        Hints{"from the first probes"});
  CHECK(hints_of(rule("payment then payment as big")) == Hints{"from the first event"});
  CHECK(hints_of(rule("payment as a then first within 2m payment as b then within 3m payment")) ==
        Hints{"after the last a", "after the last b", "from the first a"});
  CHECK(hints_of(rule("payment as a then payment then within 2m payment as c")) ==
        Hints{"after the event before", "from the first a"});
  CHECK(
      hints_of(rule("payment as a then no payment where amount > 5 then within 2m payment as c")) ==
      Hints{"after the event before", "from the first a"});
  // A condition of several names, and windows that are no clause of a rule.
  CHECK(hints_of(rule("payment as a where amount > 1 and memo != \"then\" then payment as b",
                      "  considering payment\n")) == Hints{"from the first a"});
  CHECK(hints_of("feature f = sum(amount of payment) by card over previous 20 events within 90d\n")
            .empty());
}

TEST_CASE("language: every clause, declaration and aggregate has its meaning") {
  for (const std::string& word : rules::clause_keywords()) {
    CHECK_MESSAGE(library::find_word(word, library::WordClass::kClause) != nullptr, word);
  }
  for (const std::string& word : rules::declaration_keywords()) {
    CHECK_MESSAGE(library::find_word(word, library::WordClass::kDeclaration) != nullptr, word);
  }
  for (const cep::Aggregate aggregate : cep::kAggregates) {
    const std::string word = cep::aggregate_name(aggregate);
    CHECK_MESSAGE(library::find_word(word, library::WordClass::kAggregate) != nullptr, word);
  }
}

TEST_CASE("language: comments and regular expressions are told from what looks like them") {
  const std::string text = "when memo matches /a#b/ and amount / 2 > 1 # a comment\n# another\n";
  const std::vector<rules::Token> tokens = library::tokens_of(text);
  CHECK(std::ranges::count(tokens, rules::TokenKind::kRegex, &rules::Token::kind) == 1);
  CHECK(std::ranges::count(tokens, rules::TokenKind::kSlash, &rules::Token::kind) == 1);
  CHECK(library::comments_of(text, tokens).size() == 2);
}
}  // namespace tocsin::tests
