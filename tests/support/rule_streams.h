/// Events made for one rule: streams at which its clauses matter.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/plan/rule.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Streams that a rule tells apart: events of its kinds that walk through its steps, with others
/// between, again and again, at times around the borders of all that it bounds in time. Every event
/// type has two fields, the event time and an int.
class RuleStreams {
 public:
  /// Borrows both.
  RuleStreams(Random& random, const cep::Rule& rule);
  /// The event types that the rule looks at, each once.
  const std::vector<cep::EventTypeIndex>& kinds() const { return kinds_; }
  /// At least one event, and at most so many.
  std::vector<oracle::Event> write(std::size_t most);
  /// Events of these types, in this order, at random times.
  std::vector<oracle::Event> write(const std::vector<cep::EventTypeIndex>& word);

 private:
  void collect(const std::vector<cep::Element>& elements);
  cep::EventTypeIndex any_kind() { return kinds_[random_.below(kinds_.size())]; }
  void begin();
  void add(cep::EventTypeIndex kind);
  std::int64_t next_time();
  void noise();
  void walk(const std::vector<cep::Element>& elements);

  Random& random_;
  const cep::Rule& rule_;
  std::vector<cep::EventTypeIndex> kinds_;
  std::vector<std::int64_t> durations_;
  std::vector<oracle::Event> events_;
  std::int64_t now_ = 0;
  std::size_t pace_ = 0;
};
}  // namespace tocsin::tests
