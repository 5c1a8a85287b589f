/// Tests as text: what a test's author would have written.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"
#include "rules/context/rules.h"

namespace tocsin::library {
/// The value as a literal of the language, characters that cannot be seen as escapes; nothing where
/// no literal is this value: a missing one, a number beyond 64 bits, part of a millisecond.
std::optional<std::string> literal_text(const cep::Value& value);
/// A name, in back-quotes where it is not a word.
std::string name_text(const std::string& name);

/// Lets the events of a test have only values that can be written, and offsets of whole
/// milliseconds; gives the fields, as "payment.spent", whose values were left out.
std::set<std::string> keep_writable(const cep::Plan& plan, rules::EmbeddedTest& test);

/// The test, laid out as the formatter does, with these comments in it; ends with a line end. What
/// an event or an expectation has and no literal can say is left out. Requires that the plan has
/// the types of its events.
std::string test_text(const cep::Plan& plan, const rules::EmbeddedTest& test,
                      const std::vector<std::string>& comments);
}  // namespace tocsin::library
