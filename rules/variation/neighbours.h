/// Values near one that a rule was written with: what its author may want to try instead.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/time.h"

namespace tocsin::rules {
/// The neighbours of a count, 1 or more: up to two less and two more, none below 1. Ascending.
std::vector<std::string> neighbours_of_count(std::int64_t count);
/// The neighbours of a number as it is written, with as many digits after the point: a half, a
/// fifth less, a fifth more and a half more; of a whole number up to 10 those of a count, with 0.
/// Of a negative one, the neighbours of its amount. Ascending, each once, without the number
/// itself; empty for what is no plain number (`1e3`, a date) and for one that is too large.
std::vector<std::string> neighbours_of_number(std::string_view written);
/// The neighbours of a duration: the same shares, in whole milliseconds, at least one. Ascending.
std::vector<std::string> neighbours_of_duration(cep::Duration duration);
}  // namespace tocsin::rules
