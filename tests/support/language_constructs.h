/// What of the rule language a rule uses, and what its selection, times and keys are: for the table
/// that says how often random plans had what together.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cep/plan/plan.h"

namespace tocsin::tests {
/// The constructs of a rule and of the features that it reads.
std::set<std::string> language_constructs(const cep::Plan& plan, const cep::Rule& rule);
/// Its selection, whether its events are bound in time, and its key.
std::set<std::string> circumstances_of(const cep::Plan& plan, const cep::Rule& rule);

/// How many rules had each construct in each circumstance.
class Coverage {
 public:
  void add(const cep::Plan& plan);
  /// A table, a line for each construct.
  std::string table() const;
  /// Constructs and circumstances that no rule had.
  std::vector<std::string> never() const;

 private:
  std::map<std::string, std::map<std::string, std::size_t>> counts_;  // by construct
  std::map<std::string, std::size_t> circumstances_;
};
}  // namespace tocsin::tests
