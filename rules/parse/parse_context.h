/// What all functions of the grammar share: the cursor, the mistakes, and the state that crosses
/// functions.
///
/// One mistake gives one error: fail() reports one and lets the cursor panic; then every function
/// returns until one that knows where to continue calls a resume_…() of recovery.h. Where the
/// meaning is plain (`==`, a missing comma), remark() reports and parsing continues at once. What
/// is legal is never taken for a habit of other languages: such guesses are made only where no
/// legal text could continue.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/parse/token_cursor.h"
#include "rules/syntax/lexer.h"
#include "rules/syntax/poison.h"
#include "rules/syntax/tree.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// The rule that is being read.
struct RuleProgress {
  bool in_when = false;  // the clause begun last is `when`
  std::vector<tree::ClauseKind> broken_clauses;
  std::vector<decltype(tree::File::items)::value_type> nested;  // declarations inside of it
};

class ParseContext : public TokenCursor {
 public:
  /// `nesting`: the levels around the text.
  ParseContext(LexedText text, std::uint32_t begin, MistakeCounter& mistakes, int nesting = 0);

  /// Takes the current token; one that fits nothing while the cursor panics. A name or literal that
  /// stands twice is reported and taken once.
  Token take();
  bool accept(TokenKind kind);
  /// Also accepts, and reports, what nearly is the word: `AND`, `wher`.
  bool accept(std::string_view word);
  /// The same; what is expected is listed as "an operator" and not by its word.
  bool accept_operator(std::string_view word);
  /// Accepts, or fails.
  bool expect(TokenKind kind);
  bool expect(std::string_view word);
  /// Reports and passes over `word` if it stands here a second time.
  void skip_doubled(std::string_view word);

  /// Reports a diagnostic, if the construct has not been abandoned.
  void report(Diagnostic diagnostic);
  /// Reports a mistake and continues; silent while the cursor panics.
  void remark(Code code, SourceSpan span, std::string message, std::string label = {},
              std::optional<Edit> edit = std::nullopt, std::vector<std::string> helps = {});
  /// Reports a mistake at the current token, if it does not follow from another, and panics.
  void fail(Code code, std::string message, std::string label = {},
            std::vector<std::string> helps = {});
  /// Fails with what was expected here: `what`, and what was looked for.
  void fail_expected(std::string_view what = {}, std::vector<std::string> helps = {});
  /// Gives up what is too deep: panics, and reports nothing up to the next clause.
  void give_up();
  /// The token as a message names it.
  std::string found(const Token& token) const;
  /// The text of `span` if it is short enough to be repeated in advice, else empty.
  std::string source(SourceSpan span) const;
  /// The kinds of a step for an example in advice.
  std::string own_kind(SourceSpan span) const;

  MistakeCounter& mistakes() { return mistakes_; }
  int nesting() const { return nesting_; }

  // Mistakes.
  bool broken = false;     // something of the current declaration was lost
  bool guessed = false;    // a mistake was reported since the last clause or line began
  bool abandoned = false;  // too deep: nothing is reported up to the next clause
  bool too_deep = false;   // nor unclosed brackets in the current declaration
  std::optional<std::uint32_t> failed_at;  // the token at which something was last missing
  bool unclosed_block = false;             // a block whose `}` may be further down
  std::optional<PoisonedExpr> last_root;   // the expression read last in the current clause
  std::set<PoisonedExpr> poisoned;         // of the file
  // What was read.
  RuleProgress rule;
  std::string last_rule;                      // the name of the rule declared last
  bool after_condition = false;               // the step read last ends with a condition
  std::map<std::string, std::string> joined;  // names written with `-`, and what they are read as

 private:
  friend struct NestingLevel;
  bool enter();  // one level deeper; false and a failure when that is too deep
  void leave() { --nesting_; }
  std::string expected_list() const;
  void skip_doubled_operand(const Token& token);

  MistakeCounter& mistakes_;
  int nesting_;
};

/// Counts a level for as long as it lives.
struct NestingLevel {
  [[nodiscard]] explicit NestingLevel(ParseContext& p) : context_(p), ok(p.enter()) {}
  NestingLevel(const NestingLevel&) = delete;
  NestingLevel& operator=(const NestingLevel&) = delete;
  ~NestingLevel() { context_.leave(); }

 private:
  ParseContext& context_;

 public:
  const bool ok;
};
}  // namespace tocsin::rules
