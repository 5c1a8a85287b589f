// Any bytes as tokens: they stand one behind the other inside of the text, what is reported points
// into it, a string decodes to the same text wherever each of its bytes came from, and where
// nothing is wrong only blanks and comments lie between them.
#include <string>

#include "rules/syntax/lexer.h"
#include "rules/text/characters.h"
#include "rules/text/utf8.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
bool is_blank_or_comment(std::string_view gap) {
  for (std::size_t i = 0; i < gap.size(); ++i) {
    if (gap[i] == '#') {
      while (i < gap.size() && gap[i] != '\n' && gap[i] != '\r') ++i;
      continue;
    }
    if (!rules::code_point_at(gap, i).valid) continue;  // check_bytes() tells of it, and
    const bool blank = gap[i] == ' ' || gap[i] == '\t' || gap[i] == '\n' || gap[i] == '\r';
    if (!blank && !rules::is_control(gap[i])) return false;  // of this
  }
  return true;
}

void check_string(const rules::LexedText& text, const rules::Token& token) {
  const rules::DecodedString decoded = rules::decode_string(text, token);
  require(decoded.text == token.text, "a string decodes to its token's text");
  require(decoded.places.size() == decoded.text.size() + 1, "each byte of a string has a place");
  for (const std::uint32_t place : decoded.places)
    require(place >= token.begin && place <= token.end, "a string's bytes come from its token");
}

// `regexes`: a `/` begins a regular expression where one ends on its line.
void try_text(std::string_view bytes, bool regexes) {
  rules::DiagnosticSink sink;
  rules::MistakeCounter mistakes(sink, 1000);
  const rules::LexedText text{0, bytes, nullptr};
  rules::Lexer lexer(text, 0, mistakes);
  std::uint32_t end = bytes.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  for (;;) {
    rules::Token token = lexer.next();
    if (token.is(rules::TokenKind::kSlash) && regexes && lexer.regex_ends(token))
      token = lexer.regex_from(token);
    require(token.begin >= end, "a token begins behind the one before it");
    require(token.end >= token.begin && token.end <= bytes.size(), "a token ends in the text");
    if (!mistakes.any() && !mistakes.stopped()) {
      require(is_blank_or_comment(bytes.substr(end, token.begin - end)),
              "nothing is passed over in silence");
    }
    if (token.is(rules::TokenKind::kEnd)) break;
    require(token.end > token.begin, "a token has text");
    if (token.is(rules::TokenKind::kString) && !token.bad && bytes[token.begin] == '"')
      check_string(text, token);
    end = token.end;
  }
  require(lexer.next().is(rules::TokenKind::kEnd), "the end stays the end");
  for (const rules::Diagnostic& diagnostic : sink.take()) {
    const rules::SourceSpan& span = diagnostic.primary.span;
    require(span.begin <= span.end && span.end <= bytes.size(),
            "a diagnostic points into the text");
    require(!diagnostic.message.empty(), "a diagnostic says something");
  }
}
}  // namespace
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tocsin::fuzz::text_of(data, size);
  tocsin::fuzz::try_text(text, false);
  tocsin::fuzz::try_text(text, true);
  return 0;
}
