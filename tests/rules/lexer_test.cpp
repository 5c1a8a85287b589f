// The lexical section of the grammar, rule by rule.
#include "rules/syntax/lexer.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "cep/value/value.h"

namespace tocsin::tests {
namespace {
using rules::Token;
using rules::TokenKind;

struct Lexed {
  std::vector<Token> tokens;          // without the end
  std::vector<std::string> mistakes;  // "E0105 column"
};
// `operands`: a `/` begins a regular expression, as where the parser expects an operand.
Lexed lex(std::string_view text, bool operands = false) {
  rules::SourceMap sources;
  const std::uint32_t file = sources.add("t", std::string(text));
  rules::DiagnosticSink sink;
  rules::MistakeCounter mistakes(sink, 100);
  Lexed lexed;
  rules::Lexer lexer({file, sources.text(file), nullptr}, 0, mistakes);
  for (;;) {
    Token token = lexer.next();
    if (operands && token.is(TokenKind::kSlash)) token = lexer.regex_from(token);
    if (token.is(TokenKind::kEnd)) break;
    lexed.tokens.push_back(std::move(token));
  }
  for (const auto& diagnostic : sink.take()) {
    lexed.mistakes.push_back(
        std::string(rules::code_name(diagnostic.code)) + " " +
        std::to_string(sources.place(file, diagnostic.primary.span.begin).column));
  }
  return lexed;
}

TEST_CASE("lexer: each literal is one token with its value") {
  struct Row {
    const char* text;
    TokenKind kind;
    const char* value;  // to_text
  };
  constexpr Row kRows[] = {
      {"0", TokenKind::kInt, "0"},
      {"10_000", TokenKind::kInt, "10000"},
      {"1_", TokenKind::kInt, "1"},
      {"007", TokenKind::kInt, "7"},
      {"9223372036854775807", TokenKind::kInt, "9223372036854775807"},
      {"12.50", TokenKind::kDecimal, "12.50"},
      {"1_000.5", TokenKind::kDecimal, "1000.5"},
      {"0.123456789", TokenKind::kDecimal, "0.123456789"},
      {"1e-3", TokenKind::kFloat, "0.001"},
      {"1.5E+2", TokenKind::kFloat, "150"},
      {"2e0", TokenKind::kFloat, "2"},
      {"500ms", TokenKind::kDuration, "500ms"},
      {"10m", TokenKind::kDuration, "10m"},
      {"1h30m", TokenKind::kDuration, "1h30m"},
      {"2w", TokenKind::kDuration, "2w"},
      {"1m1ms", TokenKind::kDuration, "1m1ms"},
      {"1_000s", TokenKind::kDuration, "16m40s"},
      {"2027-01-01", TokenKind::kDate, "2027-01-01"},
      {"2024-02-29", TokenKind::kDate, "2024-02-29"},
      {"2026-11-20T10:00:00Z", TokenKind::kTime, "2026-11-20T10:00:00Z"},
      {"2026-11-20T10:00:00.25+01:00", TokenKind::kTime, "2026-11-20T09:00:00.250Z"},
      {"2026-11-20T10:00:00-05:30", TokenKind::kTime, "2026-11-20T15:30:00Z"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const Lexed lexed = lex(row.text);
    CHECK(lexed.mistakes.empty());
    REQUIRE(lexed.tokens.size() == 1);
    CHECK(lexed.tokens[0].kind == row.kind);
    CHECK_FALSE(lexed.tokens[0].bad);
    CHECK(lexed.tokens[0].text == row.text);
    CHECK(cep::to_text(lexed.tokens[0].value) == row.value);
  }
}

TEST_CASE("lexer: strings, names and regular expressions are decoded") {
  struct Row {
    const char* text;
    TokenKind kind;
    const char* decoded;
  };
  constexpr Row kRows[] = {
      {R"("")", TokenKind::kString, ""},
      {R"("a b")", TokenKind::kString, "a b"},
      {R"("\"\\\/\n\t")", TokenKind::kString, "\"\\/\n\t"},
      {R"("\u00e9\u20AC")", TokenKind::kString, "\xC3\xA9\xE2\x82\xAC"},
      {R"("\ud83d\ude00")", TokenKind::kString, "\xF0\x9F\x98\x80"},
      {"\"\xC3\xA9 # no comment\"", TokenKind::kString, "\xC3\xA9 # no comment"},
      {"amount", TokenKind::kName, "amount"},
      {"_a9_Z", TokenKind::kName, "_a9_Z"},
      {"`first`", TokenKind::kQuotedName, "first"},
      {"`two words, \xC3\xA9`", TokenKind::kQuotedName, "two words, \xC3\xA9"},
      {"/a b/", TokenKind::kRegex, "a b"},
      {"/[/]\\/x/i", TokenKind::kRegex, "[/]\\/x"},
      {"/[^\\]\"]+/", TokenKind::kRegex, "[^\\]\"]+"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const Lexed lexed = lex(row.text, true);
    CHECK(lexed.mistakes.empty());
    REQUIRE(lexed.tokens.size() == 1);
    CHECK(lexed.tokens[0].kind == row.kind);
    CHECK(lexed.tokens[0].text == row.decoded);
    CHECK(lexed.tokens[0].ignore_case == std::string_view(row.text).ends_with("/i"));
  }
}

TEST_CASE("lexer: where one token ends and the next begins") {
  struct Row {
    const char* text;
    std::vector<TokenKind> kinds;
  };
  const Row rows[] = {
      {"", {}},
      {"3..5", {TokenKind::kInt, TokenKind::kDotDot, TokenKind::kInt}},
      {"3..5m", {TokenKind::kInt, TokenKind::kDotDot, TokenKind::kDuration}},
      {"3+ a", {TokenKind::kInt, TokenKind::kPlus, TokenKind::kName}},
      {"a.b", {TokenKind::kName, TokenKind::kDot, TokenKind::kName}},
      {"1 -2", {TokenKind::kInt, TokenKind::kMinus, TokenKind::kInt}},
      {"2027 -01", {TokenKind::kInt, TokenKind::kMinus, TokenKind::kInt}},
      {"20271-01-01",
       {TokenKind::kInt, TokenKind::kMinus, TokenKind::kInt, TokenKind::kMinus, TokenKind::kInt}},
      {"a<=b", {TokenKind::kName, TokenKind::kLessEqual, TokenKind::kName}},
      {"a!=b", {TokenKind::kName, TokenKind::kNotEqual, TokenKind::kName}},
      {"a=-1", {TokenKind::kName, TokenKind::kEqual, TokenKind::kMinus, TokenKind::kInt}},
      {"a / b", {TokenKind::kName, TokenKind::kSlash, TokenKind::kName}},
      {"# only a comment", {}},
      {"a # b\nc", {TokenKind::kName, TokenKind::kName}},
      {"a # b\rc", {TokenKind::kName, TokenKind::kName}},
      {"\xEF\xBB\xBF"
       "a",
       {TokenKind::kName}},
      {"{}()[],:?|*%",
       {TokenKind::kBraceOpen, TokenKind::kBraceClose, TokenKind::kParenOpen,
        TokenKind::kParenClose, TokenKind::kBracketOpen, TokenKind::kBracketClose,
        TokenKind::kComma, TokenKind::kColon, TokenKind::kQuestion, TokenKind::kBar,
        TokenKind::kStar, TokenKind::kPercent}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Lexed lexed = lex(row.text);
    CHECK(lexed.mistakes.empty());
    std::vector<TokenKind> kinds;
    for (const Token& token : lexed.tokens) kinds.push_back(token.kind);
    CHECK(kinds == row.kinds);
  }
}

TEST_CASE("lexer: the first token of a line is known, whatever ends the line") {
  const Lexed lexed = lex("a b\nc\r\n  d\re");
  REQUIRE(lexed.tokens.size() == 5);
  std::string starts;
  for (const Token& token : lexed.tokens) starts += token.line_start ? token.text : "-";
  CHECK(starts == "a-cde");
}

TEST_CASE("lexer: mistakes have a code and a place, and the token that was meant goes on") {
  struct Row {
    const char* text;
    const char* mistake;
    TokenKind kind;  // of the first token
    bool bad;
  };
  constexpr Row kRows[] = {
      {"1x", "E0105 2", TokenKind::kDuration, true},
      {"12_a", "E0105 4", TokenKind::kDuration, true},
      {"10min", "E0105 3", TokenKind::kDuration, false},
      {"10M", "E0105 3", TokenKind::kDuration, true},
      {"1h30", "E0105 2", TokenKind::kDuration, true},
      {"1.5h", "E0105 4", TokenKind::kDuration, true},
      {"0x1F", "E0105 2", TokenKind::kDuration, true},
      {"1e", "E0105 2", TokenKind::kDuration, true},
      {"5.", "E0106 1", TokenKind::kDecimal, true},
      {".5", "E0106 1", TokenKind::kDecimal, true},
      {"9223372036854775808", "E0106 1", TokenKind::kInt, true},
      {"1.0123456789", "E0106 1", TokenKind::kDecimal, true},
      {"1e999", "E0106 1", TokenKind::kFloat, true},
      {"2027-02-29", "E0107 1", TokenKind::kDate, true},
      {"2027-01-011", "E0107 1", TokenKind::kTime, true},
      {"2026-11-20T10:00", "E0107 1", TokenKind::kTime, true},
      {"2026-11-20T10:00:00", "E0107 1", TokenKind::kTime, true},
      {"2026-11-20T25:00:00Z", "E0107 1", TokenKind::kTime, true},
      {"99999999999999999999d", "E0108 1", TokenKind::kDuration, true},
      {"\"abc", "E0109 1", TokenKind::kString, true},
      {"\"abc\n\"", "E0109 1", TokenKind::kString, true},
      {R"("a\qb")", "E0110 3", TokenKind::kString, true},
      {R"("\u12g4")", "E0110 2", TokenKind::kString, true},
      {R"("\ud83d")", "E0110 2", TokenKind::kString, true},
      {"\"a\tb\"", "E0110 3", TokenKind::kString, true},
      {"/abc", "E0111 1", TokenKind::kRegex, true},
      {"/[abc/", "E0111 1", TokenKind::kRegex, true},
      {"/a/gi", "E0111 4", TokenKind::kRegex, true},
      {"``", "E0112 1", TokenKind::kQuotedName, true},
      {"`abc", "E0112 1", TokenKind::kQuotedName, true},
      {"== 1", "E0117 1", TokenKind::kEqual, false},
      {"<> 1", "E0117 1", TokenKind::kNotEqual, false},
      {"&& a", "E0117 1", TokenKind::kName, false},
      {"'it'", "E0117 1", TokenKind::kString, false},
      {"\xE2\x80\x9Cit\xE2\x80\x9D", "E0117 1", TokenKind::kString, false},
      {"\xE2\x89\xA5 1", "E0117 1", TokenKind::kGreaterEqual, false},
      {"// a\nb", "E0117 1", TokenKind::kName, false},
      {"/* a\n*/ b", "E0117 1", TokenKind::kName, false},
      {"$a", "E0104 1", TokenKind::kName, false},
      {"r\xC3\xA9"
       "el",
       "E0104 1", TokenKind::kQuotedName, false},
      {"\xC2\xA0"
       "a",
       "E0104 1", TokenKind::kName, false},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const Lexed lexed = lex(row.text, true);
    REQUIRE(!lexed.tokens.empty());
    CHECK(lexed.tokens[0].kind == row.kind);
    CHECK(lexed.tokens[0].bad == row.bad);
    // `"abc\n"` holds two strings that do not end.
    REQUIRE(!lexed.mistakes.empty());
    CHECK(lexed.mistakes[0] == row.mistake);
  }
}

TEST_CASE("lexer: a string that does not end leaves what opens a block or goes on with a list") {
  CHECK(lex("\"title {").tokens.back().kind == TokenKind::kBraceOpen);
  CHECK(lex("\"a, b ,  ").tokens.back().kind == TokenKind::kComma);
  CHECK(lex("\"{card}").tokens.size() == 1);
}

TEST_CASE("lexer: decoded strings know where each byte stands") {
  const std::string text = R"(x "a\u00e9{b}\"c")";
  rules::SourceMap sources;
  const std::uint32_t file = sources.add("t", text);
  rules::DiagnosticSink sink;
  rules::MistakeCounter mistakes(sink, 10);
  const rules::LexedText lexed{file, sources.text(file), nullptr};
  rules::Lexer lexer(lexed, 0, mistakes);
  lexer.next();
  const Token token = lexer.next();
  const rules::DecodedString decoded = rules::decode_string(lexed, token);
  REQUIRE(decoded.text == "a\xC3\xA9{b}\"c");
  REQUIRE(decoded.places.size() == decoded.text.size() + 1);
  CHECK(text[decoded.places[0]] == 'a');
  CHECK(text[decoded.places[1]] == '\\');
  CHECK(text[decoded.places[3]] == '{');
  CHECK(text[decoded.places[4]] == 'b');
  CHECK(text.substr(decoded.places[6], 2) == "\\\"");
  CHECK(text[decoded.places[7]] == 'c');
  CHECK(decoded.places[8] == text.size() - 1);
}

TEST_CASE("lexer: bytes that no text has are reported once for the file") {
  struct Row {
    std::string text;
    const char* code;
    bool readable;
  };
  const Row rows[] = {
      {"const A = 1", "", true},
      {"# caf\xE9\n# caf\xE9", "E0102", true},
      {std::string("a\0b", 3), "E0103", false},
      {"a\x01"
       "b\x02",
       "E0103", true},
      {"\xFF\xFE"
       "a",
       "E0102", false},
      {std::string(200, '\xFF'), "E0102", false},
      {"\xED\xA0\x80", "E0102", true},  // a surrogate
      {"\xC0\x80", "E0102", true},      // overlong
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    rules::DiagnosticSink sink;
    rules::MistakeCounter mistakes(sink, 10);
    CHECK(rules::check_bytes(0, row.text, mistakes) == row.readable);
    const auto diagnostics = sink.take();
    REQUIRE(diagnostics.size() == (*row.code == '\0' ? 0 : 1));
    if (!diagnostics.empty()) CHECK(rules::code_name(diagnostics[0].code) == row.code);
  }
}
}  // namespace
}  // namespace tocsin::tests
