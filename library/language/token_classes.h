/// What each token of a text is, for colours that a grammar of regular expressions cannot know: a
/// word is a keyword by its place alone.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "library/language/checked_pack.h"

namespace tocsin::library {
enum class TokenClass : std::uint8_t {
  kComment,
  kKeyword,
  kString,
  kNumber,
  kRegex,
  kOperator,
  kEventType,  // events and kinds
  kProperty,   // fields, columns, fields of alerts
  kVariable,   // steps, roles, keys
  kConstant,   // constants, lists, tables
  kFeature,
  kRule,
  kFunction,    // functions and aggregates
  kEnumMember,  // words of enums, severities, tags
};
/// The names under which editors know the classes, by class.
std::span<const std::string_view> token_class_names();

struct ClassedToken {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  TokenClass is = TokenClass::kKeyword;
  bool declares = false;
};
/// The tokens and comments of a file, by place; marks that are no operator are left out, and so are
/// words of which nothing is known.
std::vector<ClassedToken> classed_tokens(const CheckedPack& pack, std::uint32_t file);
}  // namespace tocsin::library
