/// The classes of characters that a regular expression names.
#pragma once
#include <optional>
#include <string_view>

#include "cep/data/code_point_set.h"

namespace tocsin::cep {
/// What `\d`, `\D`, `\w`, `\W`, `\s` and `\S` stand for; nothing for another letter.
std::optional<CodePointSet> escape_class(char letter);
/// The code points of a general category, `Lu`, of a group of them, `L`, or of `L&`; nothing for
/// another name.
std::optional<CodePointSet> category_class(std::string_view name);
/// What `alpha` between `[:` and `:]` stands for; nothing for another name. Where case does not
/// count, `upper` and `lower` are both.
std::optional<CodePointSet> posix_class(std::string_view name, bool ignore_case);
}  // namespace tocsin::cep
