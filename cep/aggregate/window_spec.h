/// What the windows of a feature share, and those of a shard; values as words.
#pragma once
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "cep/aggregate/text_table.h"
#include "cep/plan/calendar.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/int128.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// The word of a value (cep/aggregate/accumulator.h).
using Word = std::int64_t;

/// How a key's record holds a small window of a feature (cep/ring/flat_window.h).
enum class FlatForm : std::uint8_t {
  kNone,    // not at all
  kEvents,  // its events
  kTotal,   // what they add up to
};
/// The most events of a window that a record holds.
inline constexpr std::uint32_t kFlatEventsMax = 16;

/// What all windows of a feature share: made once from the plan.
struct WindowSpec {
  const Feature* feature = nullptr;
  const std::vector<Zone>* zones = nullptr;
  Type value_type;         // of the argument
  bool has_value = false;  // an argument
  bool is_text = false;    // words are texts
  /// Events that are not aggregated, by `where` or a missing value, are in the window too
  /// (WindowState::pass): `last N events` and `needs` count them.
  bool takes_all = false;
  std::uint64_t events_max = 0;
  FlatForm flat = FlatForm::kNone;
};
WindowSpec make_window_spec(const Plan& plan, const Feature& feature, std::uint64_t events_max);

/// What the windows of one shard share.
struct WindowMemory {
  /// `texts` outlives it: those of its windows and of small ones in records.
  WindowMemory(std::pmr::memory_resource* resource, TextTable& texts_of_shard,
               std::uint64_t hash_seed)
      : memory(resource), texts(texts_of_shard), seed(hash_seed) {}
  std::pmr::memory_resource* memory;
  TextTable& texts;
  std::uint64_t seed;
  std::uint64_t events_lost = 0;  // to WindowSpec::events_max
  CalendarCache calendar;
};

/// The word of a known value, which holds its text; nothing where a number leaves 64 bits.
std::optional<Word> word_of(const Value& value, const WindowSpec& spec, WindowMemory& memory);
/// The value again; its text is borrowed from the table.
Value value_of(Word word, const WindowSpec& spec, const WindowMemory& memory);
/// One holder more, or fewer, where words are texts.
inline void hold_word(Word word, const WindowSpec& spec, WindowMemory& memory) {
  if (spec.is_text) memory.texts.hold(static_cast<std::uint32_t>(word));
}
inline void drop_word(Word word, const WindowSpec& spec, WindowMemory& memory) {
  if (spec.is_text) memory.texts.drop(static_cast<std::uint32_t>(word));
}
/// The value of `sum` or `avg` of ints, decimals or durations over `count` > 0 values of this sum.
Value value_of_sum(const WindowSpec& spec, Int128 sum, std::uint64_t count);
/// What `ewma` makes of a value.
double real_of_word(Word word, const WindowSpec& spec);
/// The value of the aggregate over no events.
Value value_of_nothing(const WindowSpec& spec);
}  // namespace tocsin::cep
