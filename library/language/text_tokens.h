/// The tokens of a rule text, whether it can be parsed or not.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/syntax/token.h"

namespace tocsin::library {
/// All tokens but the end, as the parser reads them in a text without mistakes. A `/` begins a
/// regular expression where one may stand and it ends on its line.
std::vector<rules::Token> tokens_of(std::string_view text);
/// A comment: from its `#` to the end of its line.
struct CommentPlace {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};
/// The comments between these tokens of the text.
std::vector<CommentPlace> comments_of(std::string_view text,
                                      const std::vector<rules::Token>& tokens);
}  // namespace tocsin::library
