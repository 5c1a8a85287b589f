/// Regular expressions in rules and lists.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Whether the regular expression `pattern`, which begins at byte `begin` of `whole` (what is
/// underlined where nothing narrower is known), can be searched for; reports where it cannot.
bool check_regex(CheckContext& context, std::string_view pattern, bool ignore_case,
                 SourceSpan whole, std::uint32_t begin);
/// The same for one written between slashes.
bool check_regex(CheckContext& context, const tree::Expr& regex);
/// The names of the groups of one that `capture` takes a group of, by number - 1, empty for one
/// without; nothing, with a report, where it cannot. It may match the empty text.
std::optional<std::vector<std::string>> regex_groups(CheckContext& context,
                                                     const tree::Expr& regex);
/// Reports one whose steps are too many to take group `group` of.
bool check_capture_cost(CheckContext& context, const tree::Expr& regex, std::uint32_t group);
}  // namespace tocsin::rules
