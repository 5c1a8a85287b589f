/// Matches that there would be if the rule had no key.
#pragma once
#include <vector>

#include "cep/diagnose/questioning.h"

namespace tocsin::cep {
/// Of the match with the fewest: the parts of the key of `rule` in which two of its events differ.
/// `keyless` is the rule without its key, `matches` are its own.
std::vector<OtherKey> other_keys(const Rule& rule, const Rule& keyless, const Matches& matches);
}  // namespace tocsin::cep
