/// The order of rows that wait: of each source by its watermark, and of all together up to W.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/event_time/reorder_buffer.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/watermarks.h"

namespace tocsin::runtime {
/// An event that waits, by its line.
struct WaitingLine {
  std::string source;
  cep::EventTime engine_time;
  cep::ArrivalNumber arrival;
  std::uint64_t line = 0;  // number
  std::string text;
};
/// A row is in its source's reorder buffer until the source's time has passed it. It is then ready,
/// in the order of its source, and leaves once no source can give an earlier one. Sources are those
/// of the watermarks, by the same indices; their buffers follow when they are told to. Invariant:
/// rows given out ascend over all sources. Threading: one caller at a time.
class WaitingRows {
 public:
  /// The watermarks must outlive it.
  WaitingRows(const Watermarks& marks, EqualTimeOrder order) : marks_(marks), order_(order) {}
  /// A new source, the next one of the watermarks.
  void open(cep::Duration bound);
  /// From here on the source has this bound, in the watermarks too. What waits goes on waiting.
  void change_bound(std::size_t source, cep::Duration bound);

  /// Adds a row; its time is at or after the source's watermark, which advance() was told.
  void add(std::size_t source, WaitingRow row) {
    Source& to = sources_[source];
    to.waiting.add(row, to.ready);
  }
  /// The source's own watermark has moved, to here.
  void advance(std::size_t source, cep::EventTime watermark) {
    Source& moved = sources_[source];
    moved.waiting.advance(watermark, moved.ready);
  }
  /// Watermarks or states of any sources may have changed.
  void follow();
  /// The time before which nothing is added to the source's buffer any more.
  cep::EventTime reached(std::size_t source) const;
  /// Adds a row that waited before, whatever is settled by now; sort_ready() comes after the last.
  void put_back(std::size_t source, WaitingRow row);
  /// What was put back is in order from here on.
  void sort_ready();

  /// Lets go of the rows of which `is_one` says so, which it is asked once each.
  void erase_if(const std::function<bool(const WaitingRow&)>& is_one);

  struct Settled {
    std::span<WaitingRow> rows;  // borrowed until the next call
    cep::EventTime until;        // no row that is added or waits is before it
  };
  /// Takes out all rows that no other can come before, in order.
  Settled take_settled();
  /// Takes out all up to `time`, in order: every source was told that it has come there. By
  /// position what stands at `time` goes on waiting.
  std::span<WaitingRow> take_up_to(cep::EventTime time);
  /// Takes out all there are, in order: no more come.
  std::span<WaitingRow> take_all();

  /// Rows that wait, of all sources and of one.
  std::size_t count() const;
  std::size_t count(std::size_t source) const {
    const Source& of = sources_[source];
    return of.waiting.waiting() + of.ready.size() - of.taken;
  }

 private:
  struct Source {
    ReorderBuffer waiting;
    cep::Duration bound;
    std::vector<WaitingRow> ready = {};  // settled for this source, in order, from `taken` on
    std::size_t taken = 0;
  };
  cep::EventTime reached(std::size_t source, cep::EventTime engine) const;
  static void put_back(Source& source, WaitingRow row);
  std::vector<WaitingRow> empty(std::size_t source);
  std::span<WaitingRow> take_until(WaitingRow end);

  // Whether a source may yet bring a row that stands before one of the same time.
  bool may_precede() const { return order_ == EqualTimeOrder::kPosition && sources_.size() > 1; }

  const Watermarks& marks_;
  EqualTimeOrder order_;
  std::vector<Source> sources_;
  std::vector<WaitingRow> merged_;  // taken out last
};
}  // namespace tocsin::runtime
