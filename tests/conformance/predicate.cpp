#include "tests/conformance/predicate.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <stdexcept>
#include <utility>

namespace tocsin::conformance {
namespace {
enum class TokenKind : std::uint8_t { kEnd, kWord, kNumber, kString, kMark };
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  std::size_t place = 0;
};

// Thrown inside this file alone; parse_predicate turns it into a Result.
[[noreturn]] void refuse(const std::string& what, std::size_t place) {
  throw std::runtime_error(what + " at character " + std::to_string(place + 1));
}

bool is_word_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Sets `end` to the first character after the number.
Token number_token(std::string_view text, std::size_t place, std::size_t& end) {
  end = place;
  const auto digits = [&] {
    while (end < text.size() && is_digit(text[end])) ++end;
  };
  digits();
  if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
    ++end;
    digits();
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    ++end;
    if (end < text.size() && (text[end] == '+' || text[end] == '-')) ++end;
    digits();
  }
  return {TokenKind::kNumber, std::string(text.substr(place, end - place)), place};
}

// A quote inside a string is written twice. Sets `end` to the first character after the string.
Token string_token(std::string_view text, std::size_t place, std::size_t& end) {
  std::string value;
  for (end = place + 1; end < text.size(); ++end) {
    if (text[end] != '\'') {
      value += text[end];
    } else if (end + 1 < text.size() && text[end + 1] == '\'') {
      value += text[end++];
    } else {
      ++end;
      return {TokenKind::kString, std::move(value), place};
    }
  }
  refuse("a string without end", place);
}

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t place = 0; place < text.size();) {
    const char c = text[place];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++place;
    } else if (is_word_start(c)) {
      std::size_t end = place;
      while (end < text.size() && (is_word_start(text[end]) || is_digit(text[end]))) ++end;
      tokens.push_back({TokenKind::kWord, std::string(text.substr(place, end - place)), place});
      place = end;
    } else if (is_digit(c)) {
      std::size_t end = place;
      tokens.push_back(number_token(text, place, end));
      place = end;
    } else if (c == '\'') {
      std::size_t end = place;
      tokens.push_back(string_token(text, place, end));
      place = end;
    } else {
      const std::string_view two = text.substr(place, 2);
      const bool long_mark = two == "!=" || two == "<>" || two == "<=" || two == ">=";
      if (!long_mark && std::string_view("=<>+-*/().,").find(c) == std::string_view::npos) {
        refuse(std::string("a character that means nothing here: ") + c, place);
      }
      tokens.push_back(
          {TokenKind::kMark, std::string(long_mark ? two : text.substr(place, 1)), place});
      place += long_mark ? 2 : 1;
    }
  }
  tokens.push_back({TokenKind::kEnd, "", text.size()});
  return tokens;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(tokens_of(text)) {}
  Predicate parse() {
    Predicate predicate = disjunction();
    if (peek().kind != TokenKind::kEnd) refuse("unexpected `" + peek().text + "`", peek().place);
    return predicate;
  }

 private:
  const Token& peek() const { return tokens_[next_]; }
  bool at_mark(std::string_view mark) const {
    return peek().kind == TokenKind::kMark && peek().text == mark;
  }
  bool at_word(std::string_view word) const {
    const std::string& text = peek().text;
    return peek().kind == TokenKind::kWord && text.size() == word.size() &&
           std::equal(text.begin(), text.end(), word.begin(), [](char a, char b) {
             return std::tolower(static_cast<unsigned char>(a)) == b;
           });
  }
  bool take_mark(std::string_view mark) {
    if (!at_mark(mark)) return false;
    ++next_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (!at_word(word)) return false;
    ++next_;
    return true;
  }
  void expect(std::string_view mark) {
    if (!take_mark(mark)) refuse("expected `" + std::string(mark) + "`", peek().place);
  }
  std::string expect_word() {
    if (peek().kind != TokenKind::kWord) refuse("expected a name", peek().place);
    return tokens_[next_++].text;
  }
  static Predicate with(PredicateKind kind, Predicate left, Predicate right) {
    Predicate predicate;
    predicate.kind = kind;
    predicate.args.push_back(std::move(left));
    predicate.args.push_back(std::move(right));
    return predicate;
  }
  static Predicate with(PredicateKind kind, Predicate only) {
    Predicate predicate;
    predicate.kind = kind;
    predicate.args.push_back(std::move(only));
    return predicate;
  }

  Predicate disjunction() {
    Predicate left = conjunction();
    while (take_word("or")) left = with(PredicateKind::kOr, std::move(left), conjunction());
    return left;
  }
  Predicate conjunction() {
    Predicate left = negation();
    while (take_word("and")) left = with(PredicateKind::kAnd, std::move(left), negation());
    return left;
  }
  Predicate negation() {
    if (take_word("not")) return with(PredicateKind::kNot, negation());
    return comparison();
  }
  Predicate comparison() {
    Predicate left = sum();
    static const std::pair<std::string_view, PredicateKind> kOperators[] = {
        {"=", PredicateKind::kEqual},     {"!=", PredicateKind::kNotEqual},
        {"<>", PredicateKind::kNotEqual}, {"<=", PredicateKind::kLessEqual},
        {"<", PredicateKind::kLess},      {">=", PredicateKind::kGreaterEqual},
        {">", PredicateKind::kGreater}};
    for (const auto& [mark, kind] : kOperators) {
      if (take_mark(mark)) return with(kind, std::move(left), sum());
    }
    const std::size_t start = next_;
    const bool negated = take_word("not");
    if (take_word("like")) {
      if (peek().kind != TokenKind::kString) refuse("expected a string after `like`", peek().place);
      Predicate like = with(PredicateKind::kLike, std::move(left));
      like.text = tokens_[next_++].text;
      return negated ? with(PredicateKind::kNot, std::move(like)) : like;
    }
    next_ = start;
    return left;
  }
  Predicate sum() {
    Predicate left = product();
    while (true) {
      if (take_mark("+")) {
        left = with(PredicateKind::kAdd, std::move(left), product());
      } else if (take_mark("-")) {
        left = with(PredicateKind::kSubtract, std::move(left), product());
      } else {
        return left;
      }
    }
  }
  Predicate product() {
    Predicate left = unary();
    while (true) {
      if (take_mark("*")) {
        left = with(PredicateKind::kMultiply, std::move(left), unary());
      } else if (take_mark("/")) {
        left = with(PredicateKind::kDivide, std::move(left), unary());
      } else {
        return left;
      }
    }
  }
  Predicate unary() {
    if (take_mark("-")) return with(PredicateKind::kNegate, unary());
    return primary();
  }
  Predicate primary() {
    Predicate leaf;
    if (peek().kind == TokenKind::kNumber || peek().kind == TokenKind::kString) {
      leaf.kind =
          peek().kind == TokenKind::kNumber ? PredicateKind::kNumber : PredicateKind::kString;
      leaf.text = tokens_[next_++].text;
      return leaf;
    }
    if (take_mark("(")) {
      leaf = disjunction();
      expect(")");
      return leaf;
    }
    const std::size_t place = peek().place;
    const bool is_true = at_word("true");
    const bool is_false = at_word("false");
    leaf.name = expect_word();
    if (take_mark("(")) return call(leaf.name, place);
    if (take_mark(".")) {
      leaf.kind = PredicateKind::kLast;
      leaf.var = std::exchange(leaf.name, expect_word());
      return leaf;
    }
    if (is_true || is_false) {
      leaf.kind = is_true ? PredicateKind::kTrue : PredicateKind::kFalse;
      leaf.name.clear();
      return leaf;
    }
    leaf.kind = PredicateKind::kAttribute;
    return leaf;
  }
  // After `NAME(`.
  Predicate call(std::string function, std::size_t place) {
    std::transform(function.begin(), function.end(), function.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    static const std::map<std::string, PredicateKind> kFunctions = {
        {"first", PredicateKind::kFirst}, {"last", PredicateKind::kLast},
        {"count", PredicateKind::kCount}, {"sum", PredicateKind::kSum},
        {"avg", PredicateKind::kAvg},     {"min", PredicateKind::kMin},
        {"max", PredicateKind::kMax}};
    const auto found = kFunctions.find(function);
    if (found == kFunctions.end()) refuse("unknown function `" + function + "`", place);
    Predicate leaf;
    leaf.kind = found->second;
    leaf.var = expect_word();
    const bool selects = leaf.kind == PredicateKind::kFirst || leaf.kind == PredicateKind::kLast;
    if (!selects && leaf.kind != PredicateKind::kCount) {
      expect(".");
      leaf.name = expect_word();
    }
    expect(")");
    if (selects) {
      expect(".");
      leaf.name = expect_word();
    }
    return leaf;
  }

  std::vector<Token> tokens_;
  std::size_t next_ = 0;
};
}  // namespace

Result<Predicate> parse_predicate(std::string_view text) {
  try {
    return Parser(text).parse();
  } catch (const std::runtime_error& error) {
    return fail(Errc::kInvalidArgument,
                std::string(error.what()) + " of the predicate: " + std::string(text));
  }
}

bool reads_attribute(const Predicate& predicate, std::string_view name) {
  return predicate.name == name ||
         std::any_of(predicate.args.begin(), predicate.args.end(),
                     [&](const Predicate& arg) { return reads_attribute(arg, name); });
}
}  // namespace tocsin::conformance
