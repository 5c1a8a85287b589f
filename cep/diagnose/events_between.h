/// What came between a partial match and the event that it waited for, and whether it was allowed.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/diagnose/questioning.h"

namespace tocsin::cep {
/// The events of a match, all but the last `leave_out`, and its key, as one text.
std::string text_of(const DerivedMatch& match, std::size_t leave_out);

/// Matches by what came before their last event, in order. Borrowed.
using ByMatch = std::map<std::string, std::vector<const DerivedMatch*>>;
ByMatch by_match(const Matches& matches);
/// The first of those under `text`, null without.
const DerivedMatch* first_in(const ByMatch& matches, const std::string& text);

/// The rules, by number, that ask what may have come in between.
struct Insertions {
  std::optional<std::size_t> considered, without, until, greedy, first;
  std::vector<std::pair<const Element*, std::size_t>> absences;
};

class EventsBetween {
 public:
  /// `asking` has asked, and outlives it.
  EventsBetween(const Questioning& asking, const Insertions& inserted);
  /// Adds what the order of events and time forbid to `match`, the partial match at `stage` with
  /// the event that it waits for. `completes`: that event would be the match's last.
  void add_hindrances(const Rule& rule, const PatternStage& stage, const DerivedMatch& match,
                      bool completes, std::vector<Hindrance>& hindrances) const;

 private:
  ByMatch considered_, without_, until_, greedy_, first_;
  std::vector<std::pair<const Element*, ByMatch>> absences_;
};
}  // namespace tocsin::cep
