#include "library/language/completion_place.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "library/language/word_docs.h"
#include "rules/syntax/keywords.h"

namespace tocsin::library {
using rules::Token;
using rules::TokenKind;

namespace {
template <typename Words>
bool is_one_of(const Token& token, const Words& words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return token.is(word); });
}
constexpr std::array<std::string_view, 19> kWantsKind = {
    "when",        "then",    "of",  "no",      "next",   "first", "optional",
    "greedy",      "each",    "or",  "without", "unless", "until", "kind",
    "considering", "alerted", "any", "all",     "one"};
constexpr std::array<std::string_view, 19> kWantsOperand = {
    "where",    "having", "and",  "or",       "not",  "in",      "between",
    "if",       "then",   "else", "contains", "with", "matches", "while",
    "severity", "each",   "word", "except",   "of"};

bool is_name(const Token& token) {
  return token.is(TokenKind::kName) || token.is(TokenKind::kQuotedName);
}
bool is_comparison(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEqual:
    case TokenKind::kNotEqual:
    case TokenKind::kLess:
    case TokenKind::kLessEqual:
    case TokenKind::kGreater:
    case TokenKind::kGreaterEqual:
      return true;
    default:
      return false;
  }
}
bool is_arithmetic(const Token& token) {
  switch (token.kind) {
    case TokenKind::kPlus:
    case TokenKind::kMinus:
    case TokenKind::kStar:
    case TokenKind::kSlash:
    case TokenKind::kPercent:
      return true;
    default:
      return false;
  }
}
bool ends_operand(const Token& token) {
  return is_name(token) || rules::is_literal(token.kind) || token.is(TokenKind::kRegex) ||
         token.is(TokenKind::kParenClose) || token.is(TokenKind::kBracketClose);
}

class PlaceFinder {
 public:
  PlaceFinder(std::string_view text, const std::vector<Token>& tokens, std::uint32_t byte)
      : text_(text), all_(tokens), byte_(byte) {
    end_ = 0;
    while (end_ < all_.size() && all_[end_].end < byte) ++end_;
    place_.begin = byte;
    // The word that the cursor is in, or directly behind.
    if (end_ < all_.size() && all_[end_].begin < byte && all_[end_].end >= byte) {
      if (is_name(all_[end_])) {
        place_.begin = all_[end_].begin;
        at_line_start_ = all_[end_].line_start;
        has_word_ = true;
      } else if (all_[end_].end > byte || all_[end_].is(TokenKind::kString) ||
                 all_[end_].is(TokenKind::kInt)) {
        inside_literal_ = true;
      } else {
        ++end_;  // a mark that ends here stands before the cursor
      }
    }
    if (!has_word_) {
      const std::size_t line = text.rfind('\n', byte == 0 ? std::string_view::npos : byte - 1);
      const std::size_t from = byte == 0 || line == std::string_view::npos ? 0 : line + 1;
      at_line_start_ =
          text.substr(from, byte - from).find_first_not_of(" \t") == std::string_view::npos;
    }
  }

  CompletionPlace find() {
    if (inside_literal_ || in_comment()) return std::move(place_);
    find_declaration();
    if (begin_ == all_.size() || place_.declaration.empty()) {
      place_.wanted = WantedHere::kDeclaration;
      return std::move(place_);
    }
    read_steps();
    read_clauses();
    place_.wanted = wanted();
    return std::move(place_);
  }

 private:
  const Token* before(std::size_t count = 1) const {
    return end_ >= begin_ + count ? &all_[end_ - count] : nullptr;
  }
  bool in_comment() const {
    const std::uint32_t from = end_ == 0 ? 0 : all_[end_ - 1].end;
    const std::uint32_t to = place_.begin;
    if (from > to) return false;
    const std::string_view gap = text_.substr(from, to - from);
    const std::size_t mark = gap.rfind('#');
    return mark != std::string_view::npos && gap.find('\n', mark) == std::string_view::npos;
  }

  // Where the declaration begins that has the cursor, and how deep in its brackets that is.
  void find_declaration() {
    begin_ = all_.size();
    for (std::size_t i = 0; i < end_; ++i) {
      const Token& token = all_[i];
      if (token.line_start && token.is(TokenKind::kName) && open_.empty() &&
          rules::is_declaration_keyword(token.text)) {
        begin_ = i;
        place_.declaration = token.text;
      }
      // A declaration at the begin of a line ends what was left open before it.
      const bool at_margin = token.line_start && is_at_margin(token);
      if (at_margin && token.is(TokenKind::kName) && !open_.empty() &&
          (token.is("rule") || token.is("event") || token.is("test") || token.is("feature"))) {
        open_.clear();
        begin_ = i;
        place_.declaration = token.text;
      }
      if (rules::is_opening(token.kind)) open_.push_back(i);
      const TokenKind opening = rules::opening_of(token.kind);
      if (opening == TokenKind::kEnd) continue;
      while (!open_.empty() && all_[open_.back()].kind != opening) open_.pop_back();
      if (!open_.empty()) open_.pop_back();
      if (open_.empty() && token.is(TokenKind::kBraceClose)) {
        begin_ = all_.size();
        place_.declaration.clear();
      }
    }
    // Behind a declaration without braces, a line begins another one.
    if (begin_ != all_.size() && open_.empty() && at_line_start_ && end_ > begin_ &&
        ends_operand(all_[end_ - 1]) && end_ > begin_ + 1) {
      begin_ = all_.size();
      place_.declaration.clear();
    }
  }
  bool is_at_margin(const Token& token) const {
    return token.begin == 0 || text_[token.begin - 1] == '\n';
  }
  std::size_t braces() const {
    return static_cast<std::size_t>(std::ranges::count(
        open_, TokenKind::kBraceOpen, [&](std::size_t i) { return all_[i].kind; }));
  }

  // The steps named before the cursor, the kinds of the step that the cursor is in, and all kinds
  // of the declaration, also of what is written behind the cursor.
  void read_steps() {
    std::vector<std::string> kinds;
    bool is_loop = false;
    bool wants_kind = false;
    for (std::size_t i = begin_; i < all_.size(); ++i) {
      const Token& token = all_[i];
      if (i > begin_ && i >= end_ && token.line_start && is_at_margin(token) && is_name(token))
        break;
      if (i == end_) place_.kinds = kinds;
      const bool is_own = has_word_ && token.begin == place_.begin;
      if (is_own) continue;
      if (begins_kinds(i)) {
        kinds.clear();
        is_loop = false;
        wants_kind = true;
        continue;
      }
      if (token.is(TokenKind::kInt) || token.is(TokenKind::kPlus)) is_loop = is_loop || wants_kind;
      if (token.is("session") || token.is("tumbling")) is_loop = true;
      if (token.is("where") || token.is("within") || token.is("by") || token.is("over") ||
          token.is(TokenKind::kParenClose) || token.is(TokenKind::kComma)) {
        wants_kind = false;
      }
      if (token.is("as") && i + 1 < all_.size() && is_name(all_[i + 1])) {
        if (i + 1 < end_) place_.steps.push_back({all_[i + 1].text, kinds, is_loop});
        ++i;
        wants_kind = false;
        continue;
      }
      if (!wants_kind || !is_name(token) || token.is("or") || is_step_word(token)) continue;
      kinds.push_back(token.text);
      place_.all_kinds.push_back(token.text);
    }
    if (end_ == all_.size()) place_.kinds = std::move(kinds);
  }
  bool begins_kinds(std::size_t at) const {
    const Token& token = all_[at];
    if (token.is("when") || token.is("then") || token.is("of") || token.is("no") ||
        token.is("without") || token.is("until")) {
      return true;
    }
    if (token.is(TokenKind::kParenOpen)) return at > begin_ && all_[at - 1].is("count");
    return place_.declaration == "kind" && token.is(TokenKind::kEqual) && at == begin_ + 2;
  }
  static bool is_step_word(const Token& token) {
    constexpr std::array<std::string_view, 12> kWords = {"first", "next", "each",     "greedy",
                                                         "one",   "all",  "optional", "any",
                                                         "alert", "gap",  "session",  "tumbling"};
    return is_one_of(token, kWords);
  }

  void read_clauses() {
    if (place_.declaration != "rule") return;
    std::size_t depth = 0;
    for (std::size_t i = begin_; i < all_.size(); ++i) {
      const Token& token = all_[i];
      if (token.is(TokenKind::kBraceOpen)) ++depth;
      if (token.is(TokenKind::kBraceClose) && (depth == 0 || --depth == 0)) return;
      if (i > begin_ && is_at_margin(token) && token.line_start) return;
      const bool own = has_word_ && token.begin == place_.begin;
      if (depth == 1 && token.line_start && !own && token.is(TokenKind::kName) &&
          rules::is_clause_keyword(token.text)) {
        place_.clauses.push_back(token.text);
        if (i < end_) clause_ = i;
      }
    }
  }

  WantedHere wanted() {
    const Token* last = before();
    if (last == nullptr) return WantedHere::kNothing;
    if (last->is(TokenKind::kDot)) return member();
    if (place_.declaration == "rule") return in_rule(*last);
    if (place_.declaration == "test") return in_test(*last);
    if (place_.declaration == "event") return in_event(*last);
    if (place_.declaration == "use" || place_.declaration == "const") return WantedHere::kNothing;
    if (place_.declaration == "allow")
      return last->is("allow") ? WantedHere::kWarning : WantedHere::kNothing;
    if (place_.declaration == "defaults") {
      if (last->is("defaults")) return WantedHere::kEvent;
      return in_record(*last, begin_ + 1);
    }
    return in_definition(*last);
  }

  WantedHere member() {
    // The names before the dot: `a.`, `a.first.`, `table[key].`.
    std::size_t at = end_ - 1;
    std::vector<std::string> names;
    while (at > begin_ && all_[at].is(TokenKind::kDot)) {
      --at;
      if (all_[at].is(TokenKind::kBracketClose)) {
        std::size_t depth = 1;
        while (at > begin_ && depth > 0) {
          --at;
          if (all_[at].is(TokenKind::kBracketClose)) ++depth;
          if (all_[at].is(TokenKind::kBracketOpen)) --depth;
        }
        names.emplace_back("[]");
        if (at == begin_) break;
        --at;
      }
      if (!is_name(all_[at])) break;
      names.push_back(all_[at].text);
      if (at == begin_) break;
      --at;
    }
    place_.member_of.assign(names.rbegin(), names.rend());
    return place_.member_of.empty() ? WantedHere::kNothing : WantedHere::kMember;
  }

  WantedHere in_rule(const Token& last) {
    if (braces() == 0) return WantedHere::kNothing;
    if (last.is(TokenKind::kBraceOpen) && braces() == 1) return WantedHere::kClause;
    const std::string clause = clause_ == 0 ? "" : all_[clause_].text;
    if (last.is("by") || (clause == "by" && last.is(TokenKind::kComma))) return WantedHere::kKeys;
    if (last.is("status")) return WantedHere::kStatus;
    if (last.is("severity")) return WantedHere::kSeverity;
    if (last.is("allow")) return WantedHere::kWarning;
    if (last.is("as")) return WantedHere::kNothing;
    if (clause == "alert" && open_.size() > 1 && all_[open_.back()].is(TokenKind::kBraceOpen)) {
      return last.is(TokenKind::kColon) || is_comparison(last) || is_arithmetic(last)
                 ? WantedHere::kCondition
                 : WantedHere::kNothing;
    }
    if (const std::optional<WantedHere> here = in_pattern(last, clause)) return *here;
    if (at_line_start_ && ends_operand(last)) return WantedHere::kClause;
    return in_expression(last);
  }

  // Where a step's kind is wanted.
  std::optional<WantedHere> in_pattern(const Token& last, const std::string& clause) {
    const bool in_when = clause == "when";
    if (!in_when && clause != "without" && clause != "considering") return std::nullopt;
    const bool in_condition = in_where();
    if (is_one_of(last, kWantsKind) && !(in_condition && (last.is("or") || last.is("of")))) {
      if (last.is("then") && in_if()) return WantedHere::kCondition;
      return WantedHere::kKinds;
    }
    if (!in_condition && (last.is(TokenKind::kInt) || last.is(TokenKind::kPlus) ||
                          last.is(TokenKind::kBraceOpen) || last.is(TokenKind::kParenOpen))) {
      return WantedHere::kKinds;
    }
    if (last.is(TokenKind::kDuration) && before(2) != nullptr && before(2)->is("within") &&
        before(3) != nullptr && before(3)->is("then")) {
      return WantedHere::kKinds;
    }
    return std::nullopt;
  }
  // Whether the cursor is in a step's condition: `where` stands behind its last kind.
  bool in_where() const {
    for (std::size_t i = end_; i > begin_;) {
      const Token& token = all_[--i];
      if (token.is("where")) return true;
      if (token.is("when") || (token.is("then") && !in_if_at(i))) return false;
    }
    return false;
  }
  bool in_if() const { return in_if_at(end_ - 1); }
  bool in_if_at(std::size_t then) const {
    for (std::size_t i = then; i > begin_;) {
      const Token& token = all_[--i];
      if (token.is("if")) return true;
      if (token.is("where") || token.is("then") || token.is("when")) return false;
    }
    return false;
  }

  WantedHere in_expression(const Token& last) {
    if (last.is("over")) return WantedHere::kWindow;
    if (last.is("of")) return WantedHere::kKinds;
    if (last.is("by") && place_.declaration != "rule") return WantedHere::kKeys;
    if (is_comparison(last) || last.is(TokenKind::kBracketOpen) || last.is("in")) {
      std::size_t at = end_ - 1;
      while (at > begin_ && !is_comparison(all_[at]) && !all_[at].is("in")) --at;
      if (at > begin_ && all_[at - 1].is("not")) --at;
      if (at > begin_ && is_name(all_[at - 1])) place_.compared = all_[at - 1].text;
      return WantedHere::kEnumWord;
    }
    if (is_one_of(last, kWantsOperand) || is_arithmetic(last) || last.is(TokenKind::kParenOpen) ||
        last.is(TokenKind::kComma)) {
      return WantedHere::kCondition;
    }
    return ends_operand(last) ? WantedHere::kOperator : WantedHere::kNothing;
  }

  WantedHere in_test(const Token& last) {
    if (last.is("test") && end_ == begin_ + 1) return WantedHere::kRule;
    if (braces() == 0) return WantedHere::kNothing;
    if (braces() == 1) {
      if (last.is(TokenKind::kDuration)) return WantedHere::kEvent;
      if (last.is("expect") || at_line_start_) return WantedHere::kTestLine;
      return WantedHere::kNothing;
    }
    const std::size_t record = open_.back();
    return in_record(last, record == 0 ? 0 : record - 1);
  }

  // Inside `EVENT { … }`, whose name stands at `event`.
  WantedHere in_record(const Token& last, std::size_t event) {
    if (event < all_.size() && is_name(all_[event])) place_.compared = all_[event].text;
    if (last.is(TokenKind::kBraceOpen) || last.is(TokenKind::kComma)) {
      return WantedHere::kRecordField;
    }
    if (last.is(TokenKind::kColon) && before(2) != nullptr && is_name(*before(2))) {
      place_.kinds = {place_.compared};
      place_.compared = before(2)->text;
      return WantedHere::kEnumWord;
    }
    return WantedHere::kNothing;
  }

  WantedHere in_event(const Token& last) {
    if (last.is(TokenKind::kColon)) return WantedHere::kType;
    if (braces() == 1 && !at_line_start_ && last.line_start == false && is_name(last)) {
      return WantedHere::kType;
    }
    if (last.is(TokenKind::kEqual)) return WantedHere::kCondition;
    return WantedHere::kNothing;
  }

  // kind, key, feature, features, list, table.
  WantedHere in_definition(const Token& last) {
    if (place_.declaration == "list") {
      return last.is(TokenKind::kColon) ? WantedHere::kType : WantedHere::kNothing;
    }
    if (place_.declaration == "table") {
      return last.is(TokenKind::kColon) ? WantedHere::kType : WantedHere::kNothing;
    }
    if (place_.declaration == "key") {
      const bool kind = last.is(TokenKind::kEqual) || last.is(TokenKind::kBar);
      return kind ? WantedHere::kEvent : WantedHere::kNothing;
    }
    if (place_.declaration == "kind") {
      if (last.is(TokenKind::kEqual) && !in_where()) return WantedHere::kKinds;
      if (last.is("or") && !in_where()) return WantedHere::kKinds;
      return in_expression(last);
    }
    if (last.is("by") || (last.is(TokenKind::kComma) && open_.empty())) return WantedHere::kKeys;
    if (last.is(TokenKind::kEqual) && !in_where()) return WantedHere::kCondition;
    if (last.is(TokenKind::kParenOpen) && before(2) != nullptr && before(2)->is("count")) {
      return WantedHere::kKinds;
    }
    if (last.is("features")) return WantedHere::kNothing;
    return in_expression(last);
  }

  std::string_view text_;
  const std::vector<Token>& all_;
  std::uint32_t byte_;
  std::size_t end_ = 0;     // the tokens before the cursor's word
  std::size_t begin_ = 0;   // of the declaration
  std::size_t clause_ = 0;  // the last clause's word before the cursor; 0: none
  std::vector<std::size_t> open_;
  bool at_line_start_ = false;
  bool has_word_ = false;
  bool inside_literal_ = false;
  CompletionPlace place_;
};
}  // namespace

CompletionPlace completion_place(std::string_view text, const std::vector<Token>& tokens,
                                 std::uint32_t byte) {
  return PlaceFinder(text, tokens, byte).find();
}
}  // namespace tocsin::library
