/// Reads the general matcher's state of one rule and key from bytes that PatternWriter wrote
/// (cep/pattern/state_pattern.h), or from any others.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/pattern/current_pattern.h"
#include "cep/pattern/node_writer.h"
#include "cep/record/state_events.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Invariant: bytes that are not right are refused, and nothing outside the state depends on them.
class PatternReader {
 public:
  /// Reads states of keys of `table`; counts their partial matches in `stats`.
  PatternReader(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
                EventCapture& capture, EngineStats& stats);
  /// Reads what PatternWriter wrote of the rule into an empty state of the key; `value_places` as
  /// PartTarget has them. False for other bytes: then the state is void.
  bool read(const RuleProgram& rule, PatternState& state, std::string_view key, ByteReader& from,
            const EventReader& events, const std::vector<std::uint32_t>& value_places);

 private:
  bool read_matches(ByteReader& from, const EventReader& events,
                    const std::vector<std::uint32_t>& value_places);
  bool read_nodes(ByteReader& from, std::uint64_t count, const EventReader& events);
  bool read_values(ByteReader& from, std::uint64_t count, const std::vector<std::uint32_t>& places);
  bool read_place(ByteReader& from, bool is_done, Offset& node, Offset& values);
  bool read_run(ByteReader& from);
  bool read_busy(ByteReader& from, const EventReader& events);
  bool read_paths(ByteReader& from, const EventReader& events);
  bool read_places(ByteReader& from, const EventReader& events);
  void lose(std::uint64_t starts, const KeptEvent& newest, const std::optional<Duration>& within);
  bool read_window(ByteReader& from);

  CurrentPattern current_;
  NodeWriter writer_;
  std::vector<Offset> nodes_;   // by number; 0: none
  std::vector<Offset> values_;  // by number; 0: none
  std::vector<Offset> events_;  // by number; 0: not yet
};
}  // namespace tocsin::cep
