#include "tests/state/entry_reader.h"

#include "cep/base/byte_codec.h"
#include "cep/record/state_values.h"

namespace tocsin::tests {
namespace {
constexpr std::uint8_t kHasTs = 1;
constexpr std::uint8_t kHasMissing = 2;

bool read_event(ByteReader& from, const cep::StateTable& table, EntryEvent& event) {
  event.type = static_cast<std::uint32_t>(from.varint());
  if (!from.ok() || event.type >= table.events.size()) return false;
  const cep::StateEvents& type = table.events[event.type];
  const std::uint8_t flags = from.u8();
  from.signed_varint();
  event.has_ts = (flags & kHasTs) != 0;
  if (event.has_ts) from.signed_varint();
  event.arrival = cep::restore_arrival(from);
  event.roles = static_cast<std::uint32_t>(from.varint());
  for (const cep::StateField& field : type.fields) {
    EntryEvent::Field& read = event.fields.emplace_back();
    read.is_known = (flags & kHasMissing) == 0 || from.u8() != 0;
    if (!read.is_known) continue;
    if (field.kind == cep::TypeKind::kString) {
      read.text_bytes = from.text().size();
    } else if (field.kind == cep::TypeKind::kFloat) {
      from.i64();
    } else {
      from.signed_varint();
    }
  }
  if (type.keeps_identity) {
    from.text();
    from.text();
  }
  return from.ok();
}

void skip_varints(ByteReader& from, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) from.varint();
}

bool skip_values(ByteReader& from, std::size_t count, MatchesBlock& block) {
  for (std::size_t i = 0; i < count; ++i) {
    cep::Value value;
    if (!cep::restore_value(from, nullptr, value)) return false;
    block.values.push_back(value.kind);
  }
  return true;
}
}  // namespace

bool read_entry(const cep::StateTable& table, std::string_view bytes, Entry& entry) {
  ByteReader from(bytes);
  entry.format = from.u8();
  const std::uint64_t events = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < events; ++i) {
    if (!read_event(from, table, entry.events.emplace_back())) return false;
  }
  while (from.left() > 0 && from.ok()) {
    EntryBlock& block = entry.blocks.emplace_back();
    block.part = static_cast<std::uint32_t>(from.varint());
    block.state = from.text();
    block.suppression = from.text();
    if (block.part >= table.parts.size()) return false;
  }
  return from.is_done();
}

bool read_runs(std::string_view state, std::size_t values, MatchesBlock& block) {
  ByteReader from(state);
  from.varint();  // the next start
  block.lost_runs = from.varint();
  if (block.lost_runs > 0) from.signed_varint();
  block.nodes = from.varint();
  from.varint();  // nodes with values
  const std::uint64_t runs = from.varint();
  for (std::uint64_t i = 0; i < block.nodes && from.ok(); ++i) {
    skip_varints(from, 4);  // parent, event, step, kind
    if (from.u8() != 0 && !skip_values(from, values, block)) return false;
  }
  for (std::uint64_t i = 0; i < runs && from.ok(); ++i) {
    MatchesBlock::Run& run = block.runs.emplace_back();
    from.varint();  // its node
    run.has_anchor = from.varint() != 0;
    from.varint();  // its start
    run.flags = static_cast<std::uint32_t>(from.varint() & 7);
  }
  block.rest = from.left();
  return from.ok();
}

bool read_pattern(std::string_view state, std::size_t values, std::uint32_t counters,
                  MatchesBlock& block) {
  ByteReader from(state);
  from.varint();  // the next start
  block.lost_runs = from.varint();
  if (block.lost_runs > 0) from.signed_varint();
  block.nodes = from.varint();
  const std::uint64_t blocks_of_values = from.varint();
  const std::uint64_t runs = from.varint();
  block.waiting = from.varint();
  block.has_window = from.u8() != 0;
  for (std::uint64_t i = 0; i < block.nodes && from.ok(); ++i) {
    skip_varints(from, 4);  // parent, event, step, kind
  }
  for (std::uint64_t i = 0; i < blocks_of_values && from.ok(); ++i) {
    if (!skip_values(from, values, block)) return false;
  }
  for (std::uint64_t i = 0; i < runs && from.ok(); ++i) {
    MatchesBlock::Run& run = block.runs.emplace_back();
    skip_varints(from, 3);  // node, values, start
    run.transition = static_cast<std::uint32_t>(from.varint());
    run.greedy_over = from.varint();
    run.is_fresh = from.u8() != 0;
    run.has_end = from.u8() != 0;
    if (run.has_end) from.signed_varint();
    for (std::uint32_t c = 0; c < counters; ++c) run.counters += from.varint();
  }
  skip_varints(from, 3 * block.waiting);  // node, values, start
  if (block.has_window) {
    skip_varints(from, 2);  // its last event's node, values
    from.signed_varint();
    block.is_window_set = from.u8() != 0;
    if (block.is_window_set) {
      from.signed_varint();
      cep::restore_arrival(from);
      from.varint();  // roles
    }
  }
  block.rest = from.left();
  return from.ok();
}

std::uint64_t first_count(std::string_view state) {
  ByteReader from(state);
  const std::uint64_t stretches = from.varint();
  from.signed_varint();
  const std::uint64_t count = from.varint();
  return from.ok() && stretches > 0 ? count : 0;
}
}  // namespace tocsin::tests
