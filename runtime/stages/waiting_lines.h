/// Lines that wait in a part of the intake, in the order in which their events will be given.
#pragma once
#include <compare>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

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
  /// Adds a line by its message (line_message.h); false where one waits at this place. `is_stored`:
  /// a store has it.
  bool add(const Place& place, cep::KeyGroup group, std::string message, bool is_stored);
  /// Whether one stands at or before this time.
  bool has_due(cep::EventTime time) const {
    return !lines_.empty() && lines_.begin()->first.time <= time;
  }
  /// Takes out the first; requires one. Its message.
  std::string take_first();

  /// Puts into a cut what changed since the one before.
  void cut(FrontCut& cut);
  void mark_all_changed();
  /// The key of an entry, behind its kind.
  static std::string key_of(const Place& place);

  std::size_t size() const { return lines_.size(); }
  /// Memory, about.
  std::size_t bytes() const { return bytes_; }

 private:
  struct Waiting {
    std::string message;
    cep::KeyGroup group;
    bool is_stored = false;
  };
  static std::size_t bytes_of(const Waiting& waiting);

  std::map<Place, Waiting> lines_;
  std::size_t bytes_ = 0;
  std::vector<std::pair<cep::KeyGroup, std::string>> gone_;  // of the store: group and key
};
}  // namespace tocsin::runtime
