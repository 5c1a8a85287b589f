/// The parser's inside; only the parse_*.cpp files include it. In order of reading: parse_core.cpp
/// (tokens and what was expected), parse_recovery.cpp, parse_declaration.cpp, parse_rule.cpp,
/// parse_alert.cpp, parse_test.cpp, parse_pattern.cpp, parse_expr.cpp, parse_aggregate.cpp,
/// parse_foreign.cpp, parse_foreign_steps.cpp.
///
/// How mistakes are kept apart: fail() reports one and raises `panic_`; from then on the current
/// token fits nothing and nothing moves, so every function unwinds by itself until one that knows
/// where to go on calls a resume_…(). Where the meaning is plain (`==`, a missing comma), remark()
/// reports and parsing goes on at once. What is legal is never taken for a habit: such guesses are
/// made only where no legal text could go on.
#pragma once
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/syntax/keywords.h"
#include "rules/syntax/lexer.h"
#include "rules/syntax/parser.h"
#include "rules/syntax/poison.h"
#include "rules/syntax/tree.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
// What other languages write, and what it is here.
struct ForeignWord {
  std::string_view written;
  std::string_view meant;
};

class Parser {
 public:
  Parser(LexedText text, std::uint32_t begin, MistakeCounter& mistakes, int nesting = 0);
  tree::File file();
  tree::ExprPtr condition_alone();
  /// Writes down where each token stands from now on.
  void record_places(std::vector<TokenPlace>* places) { places_ = places; }
  /// The expression of a placeholder of a message, and the byte behind its `}`; the text before it
  /// is `{`.
  struct Placeholder {
    tree::ExprPtr expr;
    std::uint32_t end = 0;
    bool broken = false;
  };
  Placeholder placeholder();

 private:
  // ---- tokens (parse_core.cpp)
  const Token& current();
  const Token& now();  // the current one; one that fits nothing while panicking
  const Token& ahead(
      std::size_t count = 1);  // the one `count` behind it; nothing is read behind a `/`
  Token take();
  bool at(TokenKind kind);  // also notes what was looked for
  bool at(std::string_view word);
  bool accept(TokenKind kind);
  bool accept(std::string_view word);           // also nearly so: `AND`, `wher`
  bool accept_operator(std::string_view word);  // listed as "an operator" when it is missing
  bool expect(TokenKind kind);
  bool expect(std::string_view word);
  void note(std::string_view expected);
  SourceSpan here();                         // of the current token
  SourceSpan since(SourceSpan begin) const;  // from `begin` to the end of the token taken last
  SourceSpan last() const { return last_; }  // the token taken last
  std::size_t brackets() const { return open_.size(); }

  // ---- mistakes
  void report(Diagnostic diagnostic);
  void remark(Code code, SourceSpan span, std::string message, std::string label = {},
              std::optional<Edit> edit = std::nullopt, std::vector<std::string> helps = {});
  void fail(Code code, std::string message, std::string label = {},
            std::vector<std::string> helps = {});
  void fail_expected(std::string_view what = {}, std::vector<std::string> helps = {});
  std::string expected_list() const;
  std::string found(const Token& token) const;
  bool enter();  // one level deeper; false and a failure when that is too deep
  void leave() { --nesting_; }
  struct Level;

  // ---- brackets and recovery
  bool open(TokenKind kind);                // expect that remembers where
  void close(TokenKind kind);               // or a diagnostic at the opening one
  void unclosed(SourceSpan where);          // the innermost open bracket is never closed
  void forget_brackets(std::size_t count);  // those opened since there were `count`
  void skip_one();
  bool resume_clause(
      std::size_t base);  // at a clause, or the `}` that closes `base` brackets' last
  bool resume_entry(std::size_t base, TokenKind closing);
  bool resume_then(std::size_t base);
  bool resume_brace();
  void resume_declaration();
  bool comma_in_number();                    // reported
  void skip_doubled(std::string_view word);  // `then then`: reported
  void skip_doubled_type(std::string_view word);
  cep::TimeUnit time_unit();
  void skip_doubled_operand(const Token& token);
  bool begins_test_line();
  void poison_last();         // the expression read last is part of the mistake
  bool begins_clause();       // surely: nothing legal goes on so
  bool begins_declaration();  // surely
  bool resumes_here();        // a line begins with what looks like a clause or a declaration
  bool begins_anew() { return begins_clause() || begins_declaration(); }
  bool ends_block();  // it begins anew here, or the text or a block ends
  bool is_open(TokenKind opening, std::size_t base = 0) const;
  template <typename Entry, typename Begins>
  void comma_list(TokenKind closing, Entry entry, Begins begins);
  bool at_entry();  // NAME ":"
  bool
  accept_comma();  // inside of round or square brackets: not one that ends an entry around them
  bool comma_ends_entry();
  bool accept_semicolon();     // which ends nothing here
  bool at_declaration();       // its word, at the beginning of a line: where no name may stand
  bool is_declaration_word();  // the current one; `key` only before NAME `=`

  // ---- habits of other languages (parse_foreign.cpp)
  std::string source(SourceSpan span) const;  // as written, on one line; else empty
  std::string own_kind(SourceSpan span) const;
  std::string joined_at(std::uint32_t begin) const;  // `my-rule`; empty where no `-` joins a name
  void take_joined(tree::Name& name);
  tree::Name declared_name(std::string_view what, bool in_data = false);
  tree::Name rule_name();
  void foreign_colon(bool& colon_block);
  bool skip_foreign_comment();
  void skip_where();
  tree::ExprPtr second_where(tree::ExprPtr first);
  void late_as(tree::Step& step);
  void late_for(tree::Absence& absence);
  bool foreign_then();
  void foreign_article(tree::Step& step);
  bool foreign_step(tree::Step& step);
  void step_condition_behind(tree::Step& step);
  bool foreign_comparison(tree::ExprPtr& left);
  tree::ExprPtr foreign_list();
  tree::ExprPtr foreign_method(const tree::Expr& member);
  bool foreign_by();
  bool foreign_once();
  bool foreign_entry();
  void foreign_offset();
  bool nested_declaration(const tree::Rule& rule);
  bool skip_list_bracket(TokenKind bracket);

  // ---- the calendar (parse_calendar.cpp)
  struct UnitAhead {
    cep::CalendarUnit unit = cep::CalendarUnit::kDay;
    std::size_t words = 1;  // with what leads to the unit
    bool is_exact = false;  // `month`, not `months`
    bool has_zone = false;  // `in` or a string stands behind it
    SourceSpan span;
  };
  std::optional<UnitAhead> unit_ahead();
  void take_unit(const UnitAhead& unit);
  tree::Zone calendar_zone(std::string_view form);
  tree::Zone made_up_zone();
  bool calendar_window(tree::Window& window);
  bool calendar_once(tree::OnceClause& clause);
  void zone_of_duration();
  void no_unit();
  bool at_calendar_tumbling();
  void calendar_tumbling(tree::EventWindow& window);

  // ---- small things
  tree::Name name(std::string_view what);
  std::optional<tree::StringLiteral> string(std::string_view what);
  std::optional<tree::IntLiteral> integer(std::string_view what);
  std::optional<tree::DurationLiteral> duration(bool positive = false);  // `positive`: not 0
  tree::Word word(std::string_view what);
  std::vector<tree::Word> words(std::string_view what);
  std::vector<tree::StringLiteral> strings(std::string_view what);
  std::vector<tree::Name> names(std::string_view what);
  bool comma_before_clause();

  // ---- expressions (parse_expr.cpp)
  tree::ExprPtr expr();
  tree::ExprPtr choice();
  tree::ExprPtr conj();
  tree::ExprPtr neg();
  tree::ExprPtr comparison();
  tree::ExprPtr sum();
  tree::ExprPtr product();
  tree::ExprPtr unary();
  tree::ExprPtr postfix();
  tree::ExprPtr primary();
  tree::ExprPtr parenthesized();
  tree::ExprPtr list();
  tree::ExprPtr aggregate(bool with_over);
  bool at_aggregate();
  tree::ExprPtr literal();
  tree::ExprPtr literal_token();
  tree::ExprPtr regex();
  tree::ExprPtr compared(tree::ExprPtr left);
  tree::ExprPtr error_expr(SourceSpan span);
  tree::ExprPtr foreign_operand();
  void foreign_like(bool negated);
  bool foreign_presence(bool& missing);
  bool foreign_percent(const tree::Expr& left, SourceSpan op);
  tree::ExprPtr missing_operand();
  bool at_operand();
  tree::ExprPtr make(tree::ExprKind kind, SourceSpan begin, SourceSpan op);
  tree::ExprPtr binary(tree::ExprKind kind, SourceSpan op, tree::ExprPtr left, tree::ExprPtr right);
  void adopt(tree::Expr& parent, tree::ExprPtr child);
  bool at_foreign_not();
  void stray_closers();
  tree::ExprPtr where(SourceSpan* keyword);
  void aggregate_argument(tree::AggregateCall& call);
  tree::AggregateParam aggregate_param();
  std::optional<tree::Unless> unless();
  tree::Window window();
  void window_where(tree::Window& window);
  tree::Window declared_window();
  void range(tree::Window& window);
  tree::Zone zone();
  tree::Record record(bool literals);

  // ---- patterns (parse_pattern.cpp)
  tree::KindRef kindref();
  tree::Kinds kinds();
  tree::Pattern pattern();
  tree::Element element(bool first);
  tree::Step step();
  void step_kinds(tree::Step& step);
  void step_group(tree::Step& step);
  void step_foreign(const tree::Step& step);
  void step_missing_where(const tree::Step& step);
  void foreign_begin(tree::Step& step);
  std::optional<tree::Count> count();
  tree::Absence absence();
  bool accept_then();
  std::optional<tree::EventWindow> event_window();

  // ---- rules and tests (parse_rule.cpp)
  tree::Rule rule();
  void clause(tree::Rule& rule);
  bool clause_by_name(tree::Rule& rule, std::string_view keyword);
  void unknown_clause(tree::Rule& rule, std::optional<SourceSpan> before = std::nullopt);
  void by(tree::ByClause& clause);
  tree::KeyPart key_part();
  void key_members(tree::KeyPart& part);
  void without(tree::WithoutClause& clause);
  void after(tree::AfterClause& clause);
  bool is_foreign_row();
  void except(tree::ExceptClause& clause);
  template <typename SuppressedWarning>
  void suppressed_warning(SuppressedWarning& made);
  void once(tree::OnceClause& clause);
  void at_most(tree::AtMostClause& clause);
  void each(std::vector<tree::ExprPtr>& exprs, SourceSpan& span);
  void alert(tree::AlertClause& clause);
  bool quote_inside(const Token& token, SourceSpan span);
  void message(const Token& token, tree::AlertClause& clause);
  tree::Test test();
  void test_line(tree::Test& test);
  void expectations(tree::Test& test);
  bool begins_expectation();
  bool accept_missing_expect();
  void skip_second_brace();
  bool resume_test_line(std::size_t base);

  // ---- declarations (parse_declaration.cpp)
  void declaration(tree::File& file);
  bool declaration_by_name(tree::File& file, std::string_view keyword);
  void unknown_declaration(tree::File& file);
  void begin(tree::Declaration& declaration);
  void finish(tree::Declaration& declaration);
  tree::Use use();
  tree::Allow allow();
  tree::Event event();
  tree::Field field();
  bool foreign_field(tree::Field& field);
  bool modifier(tree::Field& field);
  tree::TypeRef type();
  tree::Kind kind();
  tree::Key key();
  tree::List list_declaration();
  tree::Table table();
  tree::Column column(const std::vector<tree::Name>& keys);
  tree::Row row();
  tree::Const constant();
  tree::Defaults defaults();
  void expect_over();
  void by_beside_all(std::vector<tree::Name>& by, SourceSpan& by_span);
  bool ends_declaration();
  void foreign_aggregate();
  void feature_key(std::vector<tree::Name>& by, SourceSpan& by_span);
  tree::Feature feature();
  tree::Features features();
  tree::FeatureEntry feature_entry();

  Lexer lexer_;
  MistakeCounter& mistakes_;
  std::optional<Token> now_;
  std::deque<Token> ahead_;
  SourceSpan last_;  // of the token taken last
  TokenKind last_kind_ = TokenKind::kEnd;
  std::string last_word_;  // its text when it was a name
  struct Expected {
    std::string_view text;  // of a literal
    bool word = false;
  };
  std::vector<Expected> expected_;  // looked for at the current token
  struct Bracket {
    TokenKind kind = TokenKind::kParenOpen;
    std::uint32_t begin = 0;
  };
  std::vector<Bracket> open_;
  std::vector<tree::ClauseKind> broken_clauses_;  // of the current rule
  bool in_when_ = false;                          // the clause begun last is `when`
  bool in_test_ = false;
  bool guessed_ = false;                   // a mistake was told since the last clause or line began
  std::optional<PoisonedExpr> last_root_;  // the expression read last in the current clause
  std::set<PoisonedExpr> poisoned_;        // of the file
  bool after_condition_ = false;           // the step read last ends with a condition
  std::optional<Bracket> suspect_;         // a `{` whose `}` stands further out than its own line
  bool in_rule_ = false;                   // clauses may begin
  std::map<std::string, std::string> joined_;  // names written with `-`, and what they are read as
  std::string last_rule_;                      // the name of the rule declared last
  bool unclosed_block_ = false;                // a block of which the `}` may stand further down
  std::vector<decltype(tree::File::items)::value_type> nested_;  // declared inside a rule
  int nesting_ = 0;
  int nesting_patterns_ = 0;                // groups of steps around
  std::optional<std::uint32_t> failed_at_;  // the token at which something was last missing
  bool panic_ = false;
  bool broken_ = false;     // something of the current declaration was lost
  bool abandoned_ = false;  // too deep: nothing is judged up to the next clause
  bool too_deep_ = false;   // … nor in the current declaration, whether its brackets are closed
  std::vector<TokenPlace>* places_ = nullptr;  // of the tokens taken; may be null
  const bool in_message_;
};

/// Counts a level for as long as it lives.
struct Parser::Level {
  [[nodiscard]] explicit Level(Parser& parser) : parser_(parser), ok(parser.enter()) {}
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { parser_.leave(); }

 private:
  Parser& parser_;

 public:
  const bool ok;
};

/// Entries up to `closing`, whose opening bracket is the last open one, with commas between them
/// and perhaps one behind the last. `entry()` reads one, `begins()` tells whether another begins at
/// the current token.
template <typename Entry, typename Begins>
void Parser::comma_list(TokenKind closing, Entry entry, Begins begins) {
  const std::size_t base = brackets();
  for (;;) {
    if (skip_foreign_comment()) continue;
    if (at(closing) || now().is(TokenKind::kEnd) || begins_anew() || begins_test_line()) break;
    if (now().is(TokenKind::kComma)) {
      const SourceSpan comma = here();
      take();
      remark(Code::kE0125, comma, "a comma too many", "nothing stands before it", Edit{comma, ""});
      continue;
    }
    last_root_.reset();
    entry();
    if (panic_ && !resume_entry(base, closing)) return forget_brackets(base - 1);
    skip_foreign_comment();
    if (now().is(TokenKind::kSemicolon)) {
      remark(Code::kE0117, here(), "entries are not separated by `;`", "write `,`",
             Edit{here(), ","});
      take();
      continue;
    }
    if (accept(TokenKind::kComma)) continue;
    if (at(closing) || now().is(TokenKind::kEnd)) break;
    if (begins()) {
      const SourceSpan place{last().file, last().end, last().end};
      remark(Code::kE0125, place, "a comma is missing", "entries are separated by commas",
             Edit{place, ","});
      continue;
    }
    if (ends_block() || begins_test_line()) break;
    poison_last();
    fail_expected();
    if (!resume_entry(base, closing)) return forget_brackets(base - 1);
    accept(TokenKind::kComma);
  }
  close(closing);
}

/// What stands behind `allow`.
template <typename SuppressedWarning>
void Parser::suppressed_warning(SuppressedWarning& made) {
  made.warning = name("the name of a warning");
  if (auto reason = string("the reason in quotes")) made.reason = std::move(*reason);
}
}  // namespace tocsin::rules
