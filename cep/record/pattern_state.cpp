#include "cep/record/pattern_state.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::cep {
namespace {
constexpr std::uint32_t kKeptValueWords = kStoredValueWords + 1;

void join(ClassedList& order, std::uint32_t at, std::uint32_t transition,
          std::optional<std::uint64_t> key) {
  if (key) {
    order.join(at, transition, *key);
  } else {
    order.join(at, transition);
  }
}
}  // namespace

Offset PatternState::cut(std::size_t count) {
  const std::size_t offset = words.size();
  TOCSIN_ASSERT(offset + count <= std::numeric_limits<Offset>::max(),
                "one rule's state of one key stays below 32 GiB");
  words.resize(offset + count);
  return static_cast<Offset>(offset);
}

void PatternState::make_order(
    std::size_t transitions,
    const std::function<std::optional<std::uint64_t>(const PatternRun&)>& key_of) {
  order = std::make_unique<ClassedList>(static_cast<std::uint32_t>(transitions));
  std::vector<std::uint32_t> by_end(runs.size());
  std::iota(by_end.begin(), by_end.end(), 0);
  for (std::size_t i = 0; i < runs.size(); ++i) order->insert(ClassedList::kNone);
  std::ranges::stable_sort(by_end, {}, [&](std::uint32_t at) { return runs[at].ends_us; });
  for (const std::uint32_t at : by_end) join(*order, at, runs[at].transition, key_of(runs[at]));
}

void PatternState::add_run(std::uint32_t next, const PatternRun& run,
                           std::optional<std::uint64_t> key, const std::uint32_t* counts,
                           std::uint32_t count) {
  const std::uint32_t at = order->insert(next);
  join(*order, at, run.transition, key);
  if (at == runs.size()) {
    runs.emplace_back();
    counters.resize(counters.size() + count);
  }
  runs[at] = run;
  std::copy_n(counts, count, counters.begin() + static_cast<std::ptrdiff_t>(at) * count);
}

std::vector<HeldEnd> PatternState::run_ends() const {
  std::vector<HeldEnd> ends;
  ends.reserve(runs.size());
  for (const PatternRun& run : runs) ends.push_back({run.start, run.node});
  return ends;
}

void PatternState::drop_runs() {
  runs = {};
  counters = {};
  words.assign(1, 0);
  words.shrink_to_fit();
  words_kept = words.size();
  budget_words = 0;
  held.reset();
}

void PatternState::settle() {
  if (order == nullptr) return;
  const std::size_t count = runs.empty() ? 0 : counters.size() / runs.size();
  std::vector<PatternRun> all;
  std::vector<std::uint32_t> all_counters;
  all.reserve(order->size());
  all_counters.reserve(order->size() * count);
  for (std::uint32_t at = order->front(); at != ClassedList::kNone; at = order->next(at)) {
    all.push_back(runs[at]);
    const auto from = counters.begin() + static_cast<std::ptrdiff_t>(at * count);
    all_counters.insert(all_counters.end(), from, from + static_cast<std::ptrdiff_t>(count));
  }
  runs = std::move(all);
  counters = std::move(all_counters);
  order.reset();
  order_events = 0;
  if (held == nullptr) return;
  held->partial = run_ends();
  held->gone = 0;
}

std::size_t PatternState::bytes() const {
  return sizeof(*this) + words.capacity() * 8 + runs.capacity() * sizeof(PatternRun) +
         counters.capacity() * 4 + waiting.capacity() * sizeof(CompleteMatch) +
         suppression.recent.capacity() * 8 + (held != nullptr ? held->bytes() : 0) +
         (order != nullptr ? order->bytes() : 0) +
         suppression.taken.capacity() * sizeof(VariableEvent) + suppression.units.capacity() * 8 +
         taken_log.bytes() + (places != nullptr ? places->bytes() : 0) +
         (members != nullptr ? members->bytes() : 0) + (paths != nullptr ? paths->bytes() : 0);
}

void append_kept_value(std::vector<std::uint64_t>& block, const Value& value) {
  const StoredValue stored = StoredValue::of(value);
  const std::size_t at = block.size();
  block.resize(at + kKeptValueWords + (value.text.size() + 7) / 8);
  std::memcpy(&block[at], &stored, sizeof(stored));
  block[at + kStoredValueWords] = value.text.size();
  if (!value.text.empty()) {
    std::memcpy(&block[at + kKeptValueWords], value.text.data(), value.text.size());
  }
}

Value next_kept_value(const std::uint64_t*& at) {
  StoredValue stored;
  std::memcpy(static_cast<void*>(&stored), at, sizeof(stored));
  Value value = stored.value();
  const std::uint64_t text = at[kStoredValueWords];
  if (text > 0) value.text = {reinterpret_cast<const char*>(at + kKeptValueWords), text};
  at += kKeptValueWords + (text + 7) / 8;
  return value;
}

std::uint32_t PatternPool::make() {
  std::uint32_t handle = 0;
  if (free_.empty()) {
    states_.emplace_back();
    handle = static_cast<std::uint32_t>(states_.size());
  } else {
    handle = free_.back();
    free_.pop_back();
  }
  states_[handle - 1] = std::make_unique<PatternState>();
  count(*states_[handle - 1]);
  return handle;
}

void PatternPool::free(std::uint32_t handle) {
  bytes_ -= states_[handle - 1]->bytes_counted;
  states_[handle - 1].reset();
  free_.push_back(handle);
  if (free_.size() == states_.size()) {
    std::vector<std::unique_ptr<PatternState>>().swap(states_);
    std::vector<std::uint32_t>().swap(free_);
  }
}

void PatternPool::count(PatternState& state) {
  bytes_ -= state.bytes_counted;
  state.bytes_counted = state.bytes();
  bytes_ += state.bytes_counted;
}
}  // namespace tocsin::cep
