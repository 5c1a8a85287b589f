#include "rules/parse/lexemes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
namespace {

// `tags ["a", "b"]`: the values of a clause stand in no brackets.
bool skip_list_bracket(ParseContext& p, TokenKind bracket) {
  if (p.panicking() || !p.now().is(bracket)) return false;
  if (bracket == TokenKind::kBracketOpen) {
    p.remark(Code::kE0117, p.here(), "the values of a clause are written without brackets",
             "leave the brackets out");
  }
  p.take();
  return true;
}

std::string joined_at(ParseContext& p, std::uint32_t begin) {
  if (p.in_message()) return {};
  const std::string_view text = p.text();
  std::size_t end = begin;
  bool joined = false;
  while (end < text.size()) {
    if (in_name(text[end])) {
      ++end;
    } else if (text[end] == '-' && end > begin && end + 1 < text.size() && in_name(text[end + 1])) {
      joined = true;
      ++end;
    } else {
      break;
    }
  }
  return joined ? std::string(text.substr(begin, end - begin)) : std::string();
}

// A name that was declared with a `-` in it, at a later use: that has been reported.
void take_joined(ParseContext& p, tree::Name& name) {
  if (p.joined.empty() || name.quoted || p.panicking()) return;
  const auto found = p.joined.find(joined_at(p, name.span.begin));
  if (found == p.joined.end()) return;
  const auto end = static_cast<std::uint32_t>(name.span.begin + found->first.size());
  while (p.last().end < end && !p.now().is(TokenKind::kEnd)) p.take();
  name.span.end = p.last().end;
  name.text = found->second;
}
}  // namespace

tree::Name parse_name(ParseContext& p, std::string_view what) {
  const Token& token = p.now();
  if (!token.is(TokenKind::kName) && !token.is(TokenKind::kQuotedName)) {
    p.fail_expected(what);
    return {{}, p.here(), false};
  }
  tree::Name name{token.text, p.here(), token.is(TokenKind::kQuotedName)};
  p.take();
  take_joined(p, name);
  return name;
}

std::optional<tree::StringLiteral> parse_string(ParseContext& p, std::string_view what) {
  if (!p.now().is(TokenKind::kString)) {
    p.fail_expected(what);
    return std::nullopt;
  }
  tree::StringLiteral literal{p.now().text, p.here()};
  p.take();
  return literal;
}

std::optional<tree::IntLiteral> parse_integer(ParseContext& p, std::string_view what) {
  if (!p.now().is(TokenKind::kInt)) {
    p.fail_expected(what);
    return std::nullopt;
  }
  const std::int64_t value = p.now().bad ? 1 : static_cast<std::int64_t>(p.now().value.number);
  tree::IntLiteral literal{value, p.here(), p.now().text};
  p.take();
  return literal;
}

tree::Word parse_word(ParseContext& p, std::string_view what) {
  const Token& token = p.now();
  if (token.is(TokenKind::kString)) {
    tree::Word word{token.text, p.here(), true};
    p.take();
    return word;
  }
  const tree::Name plain = parse_name(p, what);
  return {plain.text, plain.span, !is_plain_name(plain.text)};
}

std::vector<tree::Word> parse_words(ParseContext& p, std::string_view what) {
  std::vector<tree::Word> words;
  const bool bracket = skip_list_bracket(p, TokenKind::kBracketOpen);
  do {
    words.push_back(parse_word(p, what));
  } while (p.accept(TokenKind::kComma) && !comma_before_clause(p));
  if (bracket) skip_list_bracket(p, TokenKind::kBracketClose);
  return words;
}

std::vector<tree::StringLiteral> parse_strings(ParseContext& p, std::string_view what) {
  std::vector<tree::StringLiteral> strings;
  const bool bracket = skip_list_bracket(p, TokenKind::kBracketOpen);
  do {
    if (auto literal = parse_string(p, what)) strings.push_back(std::move(*literal));
  } while (p.accept(TokenKind::kComma) && !comma_before_clause(p));
  if (bracket) skip_list_bracket(p, TokenKind::kBracketClose);
  return strings;
}

std::vector<tree::Name> parse_names(ParseContext& p, std::string_view what) {
  std::vector<tree::Name> names;
  do {
    names.push_back(parse_name(p, what));
  } while (p.accept(TokenKind::kComma) && !comma_before_clause(p));
  return names;
}

tree::Name parse_declared_name(ParseContext& p, std::string_view what, bool in_data) {
  tree::Name made = parse_name(p, what);
  if (p.panicking() || made.quoted || made.text.empty()) return made;
  const std::string written = joined_at(p, made.span.begin);
  const auto end = static_cast<std::uint32_t>(made.span.begin + written.size());
  if (written.empty() || p.last().end >= end) return made;
  std::string meant = written;
  if (!in_data) std::ranges::replace(meant, '-', '_');
  {
    const MistakeCounter::Quiet quiet(p.mistakes());
    while (p.last().end < end && !p.now().is(TokenKind::kEnd)) p.take();
  }
  made.span.end = p.last().end;
  made.quoted = in_data;
  made.text = meant;
  p.joined.emplace(written, meant);
  if (in_data) {
    p.remark(Code::kE0117, made.span, "a name with a `-` in it is written in back-quotes", "",
             Edit{made.span, fmt::format("`{}`", written)});
  } else {
    p.remark(Code::kE0117, made.span, "a name has no `-` in it", fmt::format("write `{}`", meant),
             Edit{made.span, meant});
  }
  return made;
}

}  // namespace tocsin::rules
