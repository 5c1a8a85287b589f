/// Makes an alert of a match: message, fields, severity and the events that matched.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cep/alert/event_lists.h"
#include "cep/data/alert.h"
#include "cep/eval/eval.h"

namespace tocsin::cep {
/// Which of a match's events its alert lists: all of them, or the first and the last.
class ShownEvents {
 public:
  ShownEvents(std::uint64_t count, std::uint64_t most)
      : first_(count <= most ? count : most / 2),
        last_(count <= most ? 0 : count - (most - first_)) {}
  /// Of events numbered from 0 on.
  bool contains(std::uint64_t number) const { return number < first_ || number >= last_; }
  /// The first that is listed, of those after one that is not.
  std::uint64_t next(std::uint64_t number) const { return std::max(number, last_); }
  std::uint64_t omitted() const { return last_ - std::min(first_, last_); }

 private:
  std::uint64_t first_;  // how many from the first on
  std::uint64_t last_;   // the first of the last ones
};
/// Makes `alert`, a new one, that of the match that ends with `last`: all but its id and counts.
/// `scope.head` is the last captured event; where `last` is a row it comes after those, for the
/// rule's last step.
void build_alert(const EvalScope& scope, const EventView& last, const OrderKey& order,
                 EventLists& lists, Alert& alert);
/// Whether the match passes the rule's `having`.
bool passes_having(const EvalScope& scope, const EventView& last);
/// Which of the element's subsets an event that fits it is in: the first.
std::size_t subset_of_event(const Element& element, const EventView& event, const EvalScope& scope);
}  // namespace tocsin::cep
