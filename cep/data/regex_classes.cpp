#include "cep/data/regex_classes.h"

#include <utf8proc.h>

#include <cstddef>
#include <iterator>
#include <vector>

namespace tocsin::cep {
namespace {
// Code points by general category, made once: categories are few and texts of rules fewer.
const std::vector<CodePointSet>& categories() {
  static const auto kSets = [] {
    std::vector<CodePointSet> sets(UTF8PROC_CATEGORY_CO + 1);
    std::int32_t first = 0;
    for (std::int32_t point = 1; point <= CodePointSet::kLargest + 1; ++point) {
      const auto category = utf8proc_category(first);
      if (point <= CodePointSet::kLargest && utf8proc_category(point) == category) continue;
      sets[static_cast<std::size_t>(category)].add(first, point - 1);
      first = point;
    }
    return sets;
  }();
  return kSets;
}
constexpr std::string_view kCategoryNames[] = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};
static_assert(std::size(kCategoryNames) == UTF8PROC_CATEGORY_CO + 1);

struct PosixClass {
  std::string_view name;
  std::string_view ranges;  // pairs of first and last
};
constexpr PosixClass kPosixClasses[] = {
    {"alpha", "azAZ"},    {"digit", "09"},       {"alnum", "azAZ09"},
    {"upper", "AZ"},      {"lower", "az"},       {"space", "\t\r  "},
    {"xdigit", "09afAF"}, {"punct", "!/:@[`{~"}, {"word", "azAZ09__"}};

CodePointSet set_of(std::string_view ranges) {
  CodePointSet set;
  for (std::size_t i = 0; i + 1 < ranges.size(); i += 2) set.add(ranges[i], ranges[i + 1]);
  return set;
}
}  // namespace

std::optional<CodePointSet> escape_class(char letter) {
  CodePointSet set;
  switch (letter) {
    case 'd':
    case 'D':
      set = set_of("09");
      break;
    case 'w':
    case 'W':
      set = set_of("azAZ09__");
      break;
    case 's':
    case 'S':
      set = set_of("\t\r  ");
      break;
    default:
      return std::nullopt;
  }
  if (letter < 'a') set.invert();
  return set;
}

std::optional<CodePointSet> category_class(std::string_view name) {
  CodePointSet set;
  bool known = false;
  for (std::size_t i = 0; i < std::size(kCategoryNames); ++i) {
    const bool is_cased =
        i == UTF8PROC_CATEGORY_LU || i == UTF8PROC_CATEGORY_LL || i == UTF8PROC_CATEGORY_LT;
    const bool fits = name == "L&"       ? is_cased
                      : name.size() == 1 ? kCategoryNames[i].starts_with(name)
                                         : kCategoryNames[i] == name;
    if (!fits) continue;
    known = true;
    set.add(categories()[i]);
  }
  if (!known) return std::nullopt;
  return set;
}

std::optional<CodePointSet> posix_class(std::string_view name, bool ignore_case) {
  for (const PosixClass& known : kPosixClasses) {
    if (known.name != name) continue;
    const bool is_cased = name == "upper" || name == "lower";
    return set_of(ignore_case && is_cased ? "azAZ" : known.ranges);
  }
  return std::nullopt;
}
}  // namespace tocsin::cep
