/// The brackets that are open at the current token of a parser.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "rules/syntax/token.h"

namespace tocsin::rules {
struct Bracket {
  TokenKind kind = TokenKind::kParenOpen;
  std::uint32_t begin = 0;
};
/// Copied to come back to it. It remembers at most 100,000 brackets.
class OpenBrackets {
 public:
  /// Opens or closes what the token `taken` of `text` opens or closes. A closing bracket also
  /// closes the brackets inside; one that closes nothing is ignored.
  void take(const Token& taken, std::string_view text);
  void open(Bracket bracket) { open_.push_back(bracket); }
  bool empty() const { return open_.empty(); }
  std::size_t count() const { return open_.size(); }
  /// True when a bracket of this kind is open beyond the first `base` brackets.
  bool is_open(TokenKind opening, std::size_t base = 0) const;
  /// The bracket opened last; one is open.
  const Bracket& innermost() const { return open_.back(); }
  /// Forgets those opened since there were `count`.
  void forget(std::size_t count);
  /// The suspect is a `{` whose `}` begins a line further left than its own line: an inner `}` is
  /// missing. There is at most one, the first since this call.
  void forget_suspect() { suspect_.reset(); }
  /// Takes the suspect, if there is one, for the innermost open bracket.
  void blame_suspect();

 private:
  std::vector<Bracket> open_;
  std::optional<Bracket> suspect_;
};
}  // namespace tocsin::rules
