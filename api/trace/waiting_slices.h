/// Events of a trace before the engine takes them. It runs so far behind the reading that it is
/// known of each event whether it will be shown, and no time is spent on saying what is thrown
/// away.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::api {
struct WaitingSlice {
  cep::Batch batch;
  cep::EventTime watermark;  // that follows it
  std::uint64_t entries = 0;
  /// Whether its entries may be among those that are shown; otherwise enough come after them.
  bool is_shown = true;
};
/// Threading: one caller at a time.
class WaitingSlices {
 public:
  /// `entries_max`: so many entries are shown, the newest. `plan` must outlive it.
  WaitingSlices(const cep::Plan& plan, std::size_t entries_max)
      : plan_(plan), entries_max_(entries_max) {}
  /// Copies the rows of a slice, of which `entries` become entries, in the columns that it has.
  void add(const cep::Batch& slice, std::uint64_t entries, cep::EventTime watermark);
  /// The oldest, once it is known whether it is shown, or once too many rows wait; with `is_end`
  /// each. Nothing: none.
  std::optional<WaitingSlice> take(bool is_end);

 private:
  const cep::Plan& plan_;
  std::size_t entries_max_;
  std::deque<WaitingSlice> waiting_;
  std::uint64_t entries_ = 0;  // of all
  std::size_t rows_ = 0;       // of all
};
}  // namespace tocsin::api
