/// The general matcher's state of one rule and key as bytes (read by PatternReader).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/compile/program.h"
#include "cep/record/pattern_state.h"
#include "cep/record/state_events.h"

namespace tocsin::cep {
/// Writes partial matches, those that wait, the open window, and what a busy key has, but not what
/// is suppressed; nothing where there is none of them. Its events are numbered in `events`.
class PatternWriter {
 public:
  explicit PatternWriter(EventWriter& events) : events_(events) {}
  void write(const RuleProgram& rule, const PatternState& state, ByteWriter& to);

 private:
  std::uint32_t node_number(Offset node);
  std::uint32_t values_number(Offset values);

  EventWriter& events_;
  const RuleProgram* rule_ = nullptr;
  const PatternState* state_ = nullptr;
  std::vector<std::uint32_t> numbers_;        // of nodes and values, by offset; 0: none yet
  std::vector<std::uint32_t> event_numbers_;  // of events, plus one, by offset
  std::vector<Offset> path_;
  std::string nodes_;
  std::string values_;
  std::string rest_;
  std::uint32_t node_count_ = 0;
  std::uint32_t values_count_ = 0;
};
}  // namespace tocsin::cep
