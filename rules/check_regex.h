/// Regular expressions in rules and lists.
#pragma once
#include <optional>
#include <string_view>

#include "rules/check_context.h"
#include "rules/tree.h"

namespace tocsin::rules {
/// Whether the regular expression `pattern`, which begins at byte `begin` of `whole` (what is
/// underlined where nothing narrower is known), can be searched for; reports where it cannot.
bool check_regex(CheckContext& context, std::string_view pattern, bool ignore_case,
                 SourceSpan whole, std::uint32_t begin);
/// The same for one written between slashes.
bool check_regex(CheckContext& context, const tree::Expr& regex);
}  // namespace tocsin::rules
