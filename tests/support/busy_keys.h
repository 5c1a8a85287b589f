/// Rules of busy keys (docs/decisions/0041-busy-keys.md) beside the oracle, for random tests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/plan/expr.h"
#include "cep/plan/plan.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Some of the letters a to d, each with this chance in percent; one at least.
std::string letter_set(Random& random, unsigned chance);

/// So many letters of a to d for letters_events(), each at most so many milliseconds after the one
/// before.
std::string random_letters(Random& random, std::size_t count, std::int64_t apart_most);
/// Some of the events, by this chance in percent, come late: their own times are earlier than their
/// places in the order. Appends those times to `shown`. All in their order.
std::vector<oracle::PlacedEvent> place_late(const cep::Plan& plan,
                                            std::vector<oracle::Event> events, unsigned chance,
                                            Random& random, std::string& shown);
/// Gives the plan's first event type a whole number of this name, which may be missing. The field.
std::pair<cep::FieldRef, cep::Type> add_number(cep::Plan& plan, std::string name);
/// The field of the event that a variable has taken.
cep::ExprPtr bound_read(cep::VarIndex var, const std::pair<cep::FieldRef, cep::Type>& field);

/// A plan of one rule, and events in their order.
struct BusyCase {
  cep::Plan plan;
  std::string shown;  // the events, for messages
  std::vector<oracle::PlacedEvent> events;
};
using MakeBusyCase = std::function<BusyCase(Random&)>;
using CompileBusy =
    std::function<Result<cep::Program>(std::shared_ptr<const cep::Plan>, const cep::Limits&)>;

/// cep::compile().
inline Result<cep::Program> compile_usually(std::shared_ptr<const cep::Plan> plan,
                                            const cep::Limits& limits) {
  return cep::compile(std::move(plan), limits);
}

struct BusyCounts {
  std::size_t cases = 0;
  std::size_t alerting = 0;
  std::size_t busy = 0;  // keys that became busy ones, over all runs
  std::size_t left = 0;  // and those that could not
};
/// Requires that the engine gives the oracle's alerts, with keys that are busy from several numbers
/// of partial matches on, and with a restore at any event. Says what the cases were.
BusyCounts compare_busy_keys(std::size_t cases, const MakeBusyCase& make,
                             const CompileBusy& compile = compile_usually);
/// Requires that limits that are reached cost the same in any cut of the events, also with a
/// restore after each. Gives how often partial matches were lost.
std::size_t compare_busy_budgets(std::size_t cases, const MakeBusyCase& make,
                                 const CompileBusy& compile = compile_usually);
}  // namespace tocsin::tests
