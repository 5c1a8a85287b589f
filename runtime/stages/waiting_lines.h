/// Lines that wait in a part of the intake, in the order in which their events will be given.
#pragma once
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/stage/place_runs.h"
#include "cep/value/key.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/stages/stage_entries.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class WaitingLines {
 public:
  struct Place {
    cep::EventTime time;  // engine time
    cep::ArrivalNumber arrival;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  /// Adds a line by its message (line_message.h). `is_stored`: a store has it.
  void add(const Place& place, cep::KeyGroup group, std::string_view message, bool is_stored);
  /// Whether one stands at or before this time.
  bool has_due(cep::EventTime time) const { return !lines_.empty() && lines_.first().time <= time; }
  /// Takes out the first; requires one. `message` gets its message, and what it had is used again.
  /// False where another one stands at its place: no two lines have one.
  bool take_first(std::string& message);

  /// Puts into a cut what changed since the one before.
  void cut(FrontCut& cut);
  void mark_all_changed();
  /// The key of an entry, behind its kind.
  static std::string key_of(const Place& place);

  std::size_t size() const { return lines_.size(); }
  /// Memory of what waits.
  std::size_t bytes() const { return bytes_ + lines_.slot_bytes(); }

 private:
  struct Waiting {
    std::string message;
    cep::KeyGroup group;
    bool is_stored = false;
  };

  cep::PlaceRuns<Place, Waiting> lines_;
  std::size_t bytes_ = 0;                                    // of messages
  std::vector<std::pair<cep::KeyGroup, std::string>> gone_;  // of the store: group and key
};
}  // namespace tocsin::runtime
