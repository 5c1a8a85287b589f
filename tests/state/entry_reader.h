/// The engine's entries as docs/decisions/0011-engine-state-format.md draws them, read without the
/// engine: what kinds of state they hold, and whether the drawing is true.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cep/record/state_layout.h"
#include "cep/value/order.h"
#include "cep/value/value.h"

namespace tocsin::tests {
/// A captured event.
struct EntryEvent {
  std::uint32_t type = 0;
  bool has_ts = false;
  cep::ArrivalNumber arrival;
  std::uint32_t roles = 0;
  struct Field {
    bool is_known = false;
    std::size_t text_bytes = 0;
  };
  std::vector<Field> fields;  // as StateEvents::fields
};
/// What one part has.
struct EntryBlock {
  std::uint32_t part = 0;
  std::string_view state;
  std::string_view suppression;
};
struct Entry {
  std::uint8_t format = 0;
  std::vector<EntryEvent> events;
  std::vector<EntryBlock> blocks;
};
/// False for bytes that are none.
bool read_entry(const cep::StateTable& table, std::string_view bytes, Entry& entry);

/// What a block of StateKind::kRuns or kPattern says.
struct MatchesBlock {
  struct Run {
    bool has_anchor = false;
    std::uint32_t flags = 0;  // cep::Run::Flag
    bool is_fresh = false;
    bool has_end = false;
    std::uint64_t greedy_over = 0;
    std::uint32_t transition = 0;
    std::uint64_t counters = 0;  // the sum of all
  };
  std::uint64_t lost_runs = 0;
  std::uint64_t nodes = 0;
  std::vector<cep::ValueKind> values;
  std::vector<Run> runs;
  std::uint64_t waiting = 0;
  bool has_window = false;
  bool is_window_set = false;
  std::size_t rest = 0;  // bytes of a busy key
};
/// `values`: how many a match keeps; `counters`: of a run. False for bytes that are none.
bool read_runs(std::string_view state, std::size_t values, MatchesBlock& block);
bool read_pattern(std::string_view state, std::size_t values, std::uint32_t counters,
                  MatchesBlock& block);

/// Of a window that grows, or that has panes: the number of values in its first stretch or pane.
std::uint64_t first_count(std::string_view state);
}  // namespace tocsin::tests
