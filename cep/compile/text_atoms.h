/// Text tests of one event, gathered by the text that they search: all patterns sought in one field
/// (or in one function of it, `lower(memo)`) are one database, and each row's text is scanned once.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cep/data/batch.h"
#include "cep/data/text_database.h"
#include "cep/plan/expr.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// One test: `slot` of the searched text number `text`.
struct TextTest {
  std::uint32_t text = 0;
  std::uint32_t slot = 0;
};
/// One text of one event type and what is sought in it.
struct SearchedText {
  EventTypeIndex type;
  const Expr* operand = nullptr;
  std::optional<FieldIndex> column;  // where the operand is a string field
  struct Use {
    std::uint32_t slot = 0;
    bool word = false;  // only where no letter or digit stands before and after the match
  };
  std::vector<TextPattern> patterns;   // each once; none that a test does not need
  std::vector<std::vector<Use>> uses;  // by pattern
  std::uint32_t slots = 0;
  TextDatabase database;
};

class TextAtoms {
 public:
  /// The test that `expr` is: `contains`, `matches` and their like with a literal or a list.
  /// Nothing for all else. `expr` reads only the current event and outlives this.
  std::optional<TextTest> add(EventTypeIndex type, const Expr& expr, const Plan& plan);
  /// Compiles the databases; to be called once, after the last add().
  Result<void> prepare(std::size_t bytes_max, TextDatabaseCache* cache);
  const std::vector<SearchedText>& texts() const { return texts_; }

 private:
  std::vector<SearchedText> texts_;
  std::unordered_map<std::string, std::uint32_t> text_places_;
  std::unordered_map<std::string, TextTest> test_places_;
  std::vector<std::unordered_map<std::string, std::uint32_t>> pattern_places_;  // by text
};
}  // namespace tocsin::cep
