/// What a feature's window does, whatever its kind (cep/aggregate/feature_window.h).
#pragma once
#include <cstddef>
#include <cstdint>

#include "cep/aggregate/accumulator.h"
#include "cep/base/byte_codec.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::cep {
class WindowState {
 public:
  WindowState() = default;
  WindowState(const WindowState&) = delete;
  WindowState& operator=(const WindowState&) = delete;
  virtual ~WindowState() = default;
  virtual std::size_t object_bytes() const = 0;
  virtual const WindowSpec& spec() const = 0;
  /// Takes an event; times do not descend, here and below. `word` is 0 where the aggregate has no
  /// argument; its holder is the window then.
  virtual void take(EventTime now, Word word) = 0;
  /// Takes an event that is in the window and not aggregated. Requires WindowSpec::takes_all.
  virtual void pass(EventTime now) = 0;
  /// The value at `now` over what was taken; `zone` is that of the row, for windows of the calendar
  /// alone (null: missing). A text is valid until the next take.
  virtual Value read(EventTime now, const Zone* zone) = 0;
  /// From when on nothing is in it any more: kDead, a time, or kNeverDies.
  virtual std::int64_t expiry(EventTime now) = 0;
  /// Writes the window's contents: equal contents give equal bytes, with any hash seed.
  virtual void save(ByteWriter& to) const = 0;
  /// Reads them into an empty window of a feature that means the same: it gives the same values, to
  /// the bit, from then on, and the same bytes. False for bytes that save() did not write; the
  /// window is of no use then.
  virtual bool restore(ByteReader& from) = 0;
  static constexpr std::int64_t kDead = INT64_MIN;
  static constexpr std::int64_t kNeverDies = INT64_MAX;
};
}  // namespace tocsin::cep
