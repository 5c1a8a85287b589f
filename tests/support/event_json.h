/// Events as the JSON lines that a source sends, in any of the forms that mean the same.
#pragma once
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// One line without its end: members in any order, numbers and times in any of their forms, missing
/// values left out, null or of a type that cannot be used, and members that nobody declares.
std::string event_line(Random& random, const cep::Plan& plan, const oracle::Event& event);
/// All lines, each ended; now and then a blank line or an event of a type that is not declared.
std::string event_lines(Random& random, const cep::Plan& plan,
                        const std::vector<oracle::Event>& events);
}  // namespace tocsin::tests
