/// Patterns over single letters, for tests that list matches by hand.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/data/alert.h"
#include "cep/plan/pattern.h"
#include "cep/plan/plan.h"
#include "tests/support/oracle.h"

namespace tocsin::tests {
/// A plan of one rule named `letters`, without a key, over the event type `letter`(ts, name, i).
/// The pattern is a list of steps with "; " between them: how the step is reached (`next`, `first`,
/// `any`, `no` or `no next` for an absence), the letters that it takes (`*`: all), perhaps a count
/// `{min,max}` with `next` or `each` for its inside, `greedy`, and ` until ` with the letters that
/// end the loop, perhaps `?`. A last absence may end in ` for N`. `within` and N are in ms, 0: no
/// `within`.
cep::Plan letters_plan(std::string_view pattern, std::int64_t within_ms);
/// Makes `count` elements of a sequence, from `begin` on, one group, which is reached as the first
/// of them was. Of `one of`, each step begins an alternative for which `joins` does not say that it
/// goes on with the one before. Gives the group.
cep::Element& make_group(std::vector<cep::Element>& sequence, std::size_t begin, std::size_t count,
                         cep::GroupForm form, const std::function<bool()>& joins = {});
/// Events from "a1 b2 b2": letters with their times in ms.
std::vector<oracle::Event> letters_events(std::string_view text);
/// The match of an alert: its events' arrival indices by step, "," between them, "|" between steps.
std::string letters_match(const cep::Rule& rule, const cep::Alert& alert);
/// The pieces of a text between separators; none for an empty text.
std::vector<std::string> split(std::string_view text, std::string_view separator);
}  // namespace tocsin::tests
