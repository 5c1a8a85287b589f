/// What the windows of cep/aggregate/feature_window.h have in common, and how each kind is made.
#pragma once
#include <cstdint>

#include "cep/aggregate/accumulator.h"
#include "cep/aggregate/event_ring.h"
#include "cep/aggregate/window_bytes.h"
#include "cep/aggregate/window_spec.h"
#include "cep/aggregate/window_state.h"
#include "cep/base/byte_codec.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
/// Rounds down, also before 1970.
inline std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a >= 0 ? a / b : -((-(a + 1)) / b) - 1;
}

class WindowBase : public WindowState {
 public:
  WindowBase(const WindowSpec& spec, WindowMemory& memory)
      : spec_(spec), window_(spec.feature->window), memory_(memory) {}
  const WindowSpec& spec() const override { return spec_; }

 protected:
  // What is read of `count` events, of whose aggregate `value` gives the value, in a window that
  // has `passed` others.
  template <typename ValueOf>
  Value finish(std::uint64_t count, std::uint64_t passed, ValueOf&& value) const {
    if (window_.needs && count + passed < *window_.needs) return Value::missing();
    if (spec_.feature->aggregate == Aggregate::kCount) {
      return Value::integer(static_cast<Int128>(count));
    }
    return count == 0 ? value_of_nothing(spec_) : value();
  }

  // How many events a stretch or a pane has; their sum over a window stays below 2^63.
  static std::uint64_t restore_count(ByteReader& from) {
    return from.varint_up_to(std::uint64_t{1} << 61);
  }

  const WindowSpec& spec_;
  const FeatureWindow& window_;
  WindowMemory& memory_;
};

/// Lets go of the words that the ring's events hold.
inline void drop_words(const EventRing& ring, const WindowSpec& spec, WindowMemory& memory) {
  for (std::uint64_t i = 0; i < ring.size(); ++i) {
    if (ring.counts(i)) drop_word(ring.word(i), spec, memory);
  }
}

template <typename T>
InMemory<WindowState> make_window_of(const WindowSpec& spec, WindowMemory& memory) {
  return InMemory<WindowState>(make_in_memory<T>(memory.memory, spec, memory));
}
/// Ever, tumbling, session, and the calendar in a zone that the rule names.
InMemory<WindowState> make_growing_window(const WindowSpec& spec, WindowMemory& memory);
/// Last D, previous D, last N events, previous N events.
InMemory<WindowState> make_sliding_window(const WindowSpec& spec, WindowMemory& memory);
/// The calendar in a zone that each row names.
InMemory<WindowState> make_calendar_window(const WindowSpec& spec, WindowMemory& memory);
/// Last D or previous D, every P.
InMemory<WindowState> make_pane_window(const WindowSpec& spec, WindowMemory& memory);
}  // namespace tocsin::cep
