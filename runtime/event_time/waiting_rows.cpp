#include "runtime/event_time/waiting_rows.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace tocsin::runtime {
void WaitingRows::open(cep::Duration bound) {
  sources_.emplace_back(Source{ReorderBuffer(bound), bound});
}

void WaitingRows::change_bound(std::size_t index, cep::Duration bound) {
  Source& source = sources_[index];
  const std::vector<WaitingRow> rows = empty(index);
  source.bound = bound;
  source.waiting = ReorderBuffer(bound);
  source.waiting.advance(reached(index), source.ready);
  for (const WaitingRow& row : rows) put_back(source, row);
  std::ranges::sort(source.ready);
}

// All rows of the source, in no order; it has none of them afterwards.
std::vector<WaitingRow> WaitingRows::empty(std::size_t index) {
  Source& source = sources_[index];
  std::vector<WaitingRow> rows(source.ready.begin() + static_cast<std::ptrdiff_t>(source.taken),
                               source.ready.end());
  source.waiting.copy_to(rows);
  source.ready.clear();
  source.taken = 0;
  source.waiting = ReorderBuffer(source.bound);
  return rows;
}

// What is settled for its source is ready, but for its order.
void WaitingRows::put_back(Source& source, WaitingRow row) {
  if (row.time < source.waiting.settled()) {
    source.ready.push_back(row);
  } else {
    source.waiting.add(row, source.ready);
  }
}

void WaitingRows::put_back(std::size_t source, WaitingRow row) { put_back(sources_[source], row); }

void WaitingRows::erase_if(const std::function<bool(const WaitingRow&)>& is_one) {
  for (Source& source : sources_) {
    source.waiting.erase_if(is_one);
    const auto from = source.ready.begin() + static_cast<std::ptrdiff_t>(source.taken);
    source.ready.erase(std::remove_if(from, source.ready.end(), is_one), source.ready.end());
  }
}

void WaitingRows::sort_ready() {
  for (Source& source : sources_) std::ranges::sort(source.ready);
}

cep::EventTime WaitingRows::reached(std::size_t source) const {
  return reached(source, marks_.engine());
}

cep::EventTime WaitingRows::reached(std::size_t source, cep::EventTime engine) const {
  const Watermarks::Source& time = marks_.source(source);
  const cep::EventTime own = time.tracker.watermark();
  return time.state == SourceState::kActive ? own : std::max(own, engine);
}

void WaitingRows::follow() {
  const cep::EventTime engine = marks_.engine();
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    sources_[i].waiting.advance(reached(i, engine), sources_[i].ready);
  }
}

WaitingRows::Settled WaitingRows::take_settled() {
  cep::EventTime settled = marks_.engine();
  bool are_empty = true;  // all buffers: all rows are ready
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const ReorderBuffer& waiting = sources_[i].waiting;
    are_empty = are_empty && waiting.waiting() == 0;
    if (marks_.source(i).state == SourceState::kActive || waiting.waiting() != 0) {
      settled = std::min(settled, waiting.settled());
    }
  }
  // A row at the watermark goes at once where none that came before it can wait for the same time.
  const bool has_all_at_settled = are_empty && !may_precede();
  return {take_until({settled, has_all_at_settled ? UINT64_MAX : 0}), settled};
}

std::span<WaitingRow> WaitingRows::take_up_to(cep::EventTime time) {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[i];
    const std::vector<WaitingRow> rows = empty(i);
    source.waiting.advance(reached(i), source.ready);
    for (const WaitingRow& row : rows) {
      if (row.time <= time) {
        source.ready.push_back(row);
      } else {
        put_back(source, row);
      }
    }
    std::ranges::sort(source.ready);
  }
  return take_until({time, may_precede() ? 0 : UINT64_MAX});
}

std::span<WaitingRow> WaitingRows::take_all() {
  for (Source& source : sources_) source.waiting.drain(source.ready);
  return take_until({cep::kEventTimeMax, UINT64_MAX});
}

// Moves all ready rows before `end` to `merged_`, in order over all sources.
std::span<WaitingRow> WaitingRows::take_until(WaitingRow end) {
  merged_.clear();
  std::vector<std::size_t> run_ends;
  for (Source& source : sources_) {
    const auto first = source.ready.begin() + static_cast<std::ptrdiff_t>(source.taken);
    const auto last = std::lower_bound(first, source.ready.end(), end);
    merged_.insert(merged_.end(), first, last);
    if (first != last) run_ends.push_back(merged_.size());
    source.taken = static_cast<std::size_t>(last - source.ready.begin());
    if (source.taken * 2 >= source.ready.size()) {
      source.ready.erase(source.ready.begin(), last);
      source.taken = 0;
    }
  }
  // Neighbouring runs two by two, until one is left.
  while (run_ends.size() > 1) {
    std::vector<std::size_t> wider;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < run_ends.size(); i += 2) {
      const std::size_t end_of_both = run_ends[std::min(i + 1, run_ends.size() - 1)];
      const auto at = [&](std::size_t place) {
        return merged_.begin() + static_cast<std::ptrdiff_t>(place);
      };
      std::inplace_merge(at(begin), at(run_ends[i]), at(end_of_both));
      wider.push_back(end_of_both);
      begin = end_of_both;
    }
    run_ends = std::move(wider);
  }
  return merged_;
}

std::size_t WaitingRows::count() const {
  std::size_t waiting = 0;
  for (std::size_t i = 0; i < sources_.size(); ++i) waiting += count(i);
  return waiting;
}
}  // namespace tocsin::runtime
