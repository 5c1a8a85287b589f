/// Declarations of a plan as rule text, each with the end of its last line.
#pragma once
#include <string>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "tests/support/expression_source.h"

namespace tocsin::tests {
std::string event_source(const ExpressionPrinter& expressions, const cep::EventType& type);
std::string kind_source(const cep::Plan& plan, const ExpressionPrinter& expressions,
                        const std::string& name, const std::vector<cep::Subset>& subsets);
std::string list_source(const cep::List& list);
std::string table_source(const cep::Table& table);
}  // namespace tocsin::tests
