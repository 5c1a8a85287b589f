// Names of rule files: every name that somebody wrote is declared or leads to its declaration, in
// whole files and in files that break off anywhere.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "library/language/checked_pack.h"
#include "library/language/navigation.h"
#include "library/language/text_tokens.h"
#include "library/language/token_classes.h"
#include "runtime/io/rule_files.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
namespace fs = std::filesystem;
using library::CheckedPack;
using library::TokenClass;
using rules::Token;
using rules::TokenKind;

std::vector<std::string> sample_files() {
  const fs::path root = TOCSIN_SOURCE_DIR;
  const Result<std::vector<std::string>> files =
      runtime::find_rule_files({(root / "samples/rules").string()});
  REQUIRE(files);
  return *files;
}

// The words of the enums of a set, its severities, statuses and tags.
std::set<std::string> free_words(const CheckedPack& pack) {
  std::set<std::string> words = {"info",     "low",    "medium", "high",     "critical", "draft",
                                 "internal", "shadow", "live",   "severity", "score",    "message"};
  for (std::uint32_t file = 0; file < pack.sources().size(); ++file) {
    const std::vector<Token> tokens = library::tokens_of(pack.sources().text(file));
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].is("tags") || tokens[i].is("enum")) {
        for (std::size_t at = i + 1; at < tokens.size() && !tokens[at].is(TokenKind::kParenClose);
             ++at) {
          if (tokens[i].is("tags") && tokens[at].line_start) break;
          words.insert(tokens[at].text);
        }
      }
    }
  }
  return words;
}
}  // namespace

TEST_CASE("names: each name in the samples is declared, or leads to its declaration") {
  const CheckedPack pack(sample_files(), runtime::read_rule_file);
  REQUIRE(pack.loaded().rules);
  const std::set<std::string> words = free_words(pack);
  std::size_t names = 0;
  std::vector<std::string> unknown;
  for (std::uint32_t file = 0; file < pack.sources().size(); ++file) {
    if (!pack.sources().path(file).ends_with(".tocsin")) continue;
    const std::vector<Token> tokens = library::tokens_of(pack.sources().text(file));
    for (const library::ClassedToken& token : library::classed_tokens(pack, file)) {
      const bool is_name = token.is >= TokenClass::kEventType && token.is <= TokenClass::kRule;
      names += is_name ? 1 : 0;
      const std::string text(pack.text({file, token.begin, token.end}));
      // What is neither a word of the language nor known as a name.
      const bool guessed = token.is == TokenClass::kEnumMember ||
                           (token.is == TokenClass::kProperty &&
                            pack.symbols_of({file, token.begin, token.end}).empty());
      if (guessed && !words.contains(text)) {
        const rules::SourceMap::Place place = pack.sources().place(file, token.begin);
        unknown.push_back(fmt::format("{}:{}: {}", pack.sources().path(file), place.line, text));
      }
    }
    for (const Token& token : tokens) {
      if (!token.is(TokenKind::kQuotedName)) continue;
      if (pack.symbols_of({file, token.begin, token.end}).empty()) unknown.push_back(token.text);
    }
  }
  CHECK(names > 2000);
  INFO(fmt::format("{}", fmt::join(unknown, "\n")));
  CHECK(unknown.empty());
}

TEST_CASE("names: every use is the name that it leads to") {
  const CheckedPack pack(sample_files(), runtime::read_rule_file);
  for (library::SymbolPlace symbol = 0; symbol < pack.symbols().size(); ++symbol) {
    for (const rules::SourceSpan use : pack.uses(symbol)) {
      REQUIRE(library::without_quotes(pack.text(use)) == pack.symbols()[symbol].name);
      const std::vector<library::SymbolPlace> meant = pack.symbols_of(use);
      REQUIRE(std::ranges::find(meant, symbol) != meant.end());
    }
  }
}

TEST_CASE("names: files that break off anywhere have names and no others") {
  const fs::path root = TOCSIN_SOURCE_DIR;
  const std::string path = (root / "samples/rules/cards.tocsin").string();
  const std::string whole = runtime::read_rule_file(path).value();
  const std::vector<Token> tokens = library::tokens_of(whole);
  std::size_t with_names = 0;
  const std::size_t cases = for_all_seeds("NAMES", 60, [&](Random& random) {
    const Token& last = tokens[random.below(tokens.size())];
    const std::string text = whole.substr(0, last.end);
    CAPTURE(last.end);
    const rules::ReadFile read = [&](const std::string& name) -> Result<std::string> {
      if (name == path) return text;
      return runtime::read_rule_file(name);
    };
    const CheckedPack pack({path}, read);
    const std::uint32_t file = pack.file(path).value();
    for (const rules::Symbol& symbol : pack.symbols()) {
      if (symbol.name_span.file != file) continue;
      REQUIRE(symbol.name_span.end <= text.size());
      REQUIRE(symbol.span.begin <= symbol.name_span.begin);
      ++with_names;
    }
    for (const library::ClassedToken& token : library::classed_tokens(pack, file)) {
      REQUIRE(token.begin < token.end);
      REQUIRE(token.end <= text.size());
    }
  });
  CHECK(with_names > 15 * cases);
}

TEST_CASE("names: a rename leaves the rules as they were, but for the name") {
  const std::vector<std::string> files = sample_files();
  const CheckedPack pack(files, runtime::read_rule_file);
  const std::size_t before = pack.loaded().diagnostics.size();
  for_all_seeds("RENAMES", 12, [&](Random& random) {
    const library::SymbolPlace place = random.below(pack.symbols().size());
    const rules::Symbol& symbol = pack.symbols()[place];
    if (symbol.kind == rules::SymbolKind::kTest) return;
    CAPTURE(symbol.name);
    const Result<std::vector<rules::Edit>> edits =
        library::rename_at(pack, symbol.name_span.file, symbol.name_span.begin,
                           "renamed_for_a_test", runtime::read_rule_file);
    REQUIRE_MESSAGE(edits, edits.error().message);
    std::vector<std::string> texts;
    for (std::uint32_t file = 0; file < pack.sources().size(); ++file) {
      texts.emplace_back(pack.sources().text(file));
    }
    for (auto edit = edits->rbegin(); edit != edits->rend(); ++edit) {
      texts[edit->span.file].replace(edit->span.begin, edit->span.end - edit->span.begin,
                                     edit->text);
    }
    const rules::ReadFile read = [&](const std::string& path) -> Result<std::string> {
      if (const auto file = pack.file(path)) return texts[*file];
      return runtime::read_rule_file(path);
    };
    const CheckedPack after(files, read);
    REQUIRE(after.loaded().rules);
    CHECK(after.loaded().diagnostics.size() == before);
    REQUIRE(after.symbols().size() == pack.symbols().size());
    // The same symbol, used in as many places.
    CHECK(after.symbols()[place].name == "renamed_for_a_test");
    CHECK(after.uses(place).size() == pack.uses(place).size());
  });
}
}  // namespace tocsin::tests
