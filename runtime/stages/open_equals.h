/// Events of the time that an intake goes on from where another machine has taken some already, and
/// more may come at it: those that are equal to them get the next numbers.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/value/key.h"
#include "cep/value/time.h"
#include "runtime/stages/stage_entries.h"

namespace tocsin::runtime {
/// The value of an entry FrontEntry::kEquals: events that are equal, by the line of one.
struct EqualLines {
  cep::EventTime time;
  std::uint64_t count = 0;
  std::string_view line;
};
std::string write_equal_lines(const EqualLines& equals);
/// Texts are borrowed. False for bytes that are none.
bool read_equal_lines(std::string_view bytes, EqualLines& equals);

/// Keeps entries as they were restored, for as long as their time has not passed. Threading: one
/// caller at a time.
class OpenEquals {
 public:
  void add(cep::KeyGroup group, std::string_view key, std::string_view value, cep::EventTime time,
           bool is_stored);
  /// Adds to a cut what it does not have, or removes what has passed.
  void cut(FrontCut& cut, cep::EventTime watermark);
  void mark_all_changed();

 private:
  struct Kept {
    cep::KeyGroup group;
    std::string key;
    std::string value;
    cep::EventTime time;
    bool is_stored = false;
  };
  std::vector<Kept> kept_;
};
}  // namespace tocsin::runtime
