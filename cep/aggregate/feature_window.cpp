#include "cep/aggregate/feature_window.h"

#include <string>

#include "cep/aggregate/window_base.h"
#include "cep/base/assert.h"
#include "cep/plan/calendar.h"

namespace tocsin::cep {
InMemory<WindowState> make_window(const WindowSpec& spec, WindowMemory& memory) {
  const FeatureWindow& window = spec.feature->window;
  switch (window.kind()) {
    case WindowKind::kLast:
    case WindowKind::kPrevious:
      if (window.every()) return make_pane_window(spec, memory);
      return make_sliding_window(spec, memory);
    case WindowKind::kLastEvents:
    case WindowKind::kPreviousEvents:
      return make_sliding_window(spec, memory);
    case WindowKind::kCalendar:
      if (window.zone()->op != Op::kLiteral) return make_calendar_window(spec, memory);
      break;
    case WindowKind::kTumbling:
    case WindowKind::kSession:
    case WindowKind::kEver:
    case WindowKind::kPreviousEver:
      break;
  }
  return make_growing_window(spec, memory);
}

Value value_without_window(const WindowSpec& spec) {
  return spec.feature->window.needs.value_or(0) > 0 ? Value::missing() : value_of_nothing(spec);
}

std::optional<Duration> longest_look_back(const FeatureWindow& window) {
  if (window.kind() == WindowKind::kCalendar) return longest_unit(window.unit());
  if (!window.duration()) return std::nullopt;
  return window.every() ? *window.duration() + *window.every() : *window.duration();
}

WindowPool::WindowPool(std::uint64_t hash_seed)
    : seed_(hash_seed),
      text_memory_(std::make_unique<Counted>()),
      texts_(&text_memory_->used, hash_seed),
      memory_(std::make_unique<Memory>(texts_, hash_seed)) {}
WindowPool::~WindowPool() = default;

std::uint32_t WindowPool::make(const WindowSpec& spec) {
  std::uint32_t number = 0;
  if (free_.empty()) {
    windows_.emplace_back(nullptr, DestroyInPlace{&memory_->used});
    number = static_cast<std::uint32_t>(windows_.size());
  } else {
    number = free_.back();
    free_.pop_back();
  }
  windows_[number - 1] = make_window(spec, memory_->windows);
  return number;
}

void WindowPool::free(std::uint32_t number) {
  TOCSIN_ASSERT(windows_[number - 1] != nullptr, "a window is freed once");
  windows_[number - 1].reset();
  free_.push_back(number);
  if (count() > 0) return;
  forget_windows();
  if (texts_.count() == 0) forget_texts();
}

void WindowPool::clear() {
  forget_windows();
  forget_texts();
}

void WindowPool::forget_texts() {
  if (text_memory_->held.bytes() == text_memory_->held_at_first) return;
  auto fresh = std::make_unique<Counted>();
  texts_.clear(&fresh->used);
  text_memory_ = std::move(fresh);
}

void WindowPool::forget_windows() {
  std::vector<InMemory<WindowState>>().swap(windows_);
  std::vector<std::uint32_t>().swap(free_);
  memory_ = std::make_unique<Memory>(texts_, seed_);
}

std::size_t WindowPool::bytes() const {
  return memory_->held.bytes() + text_memory_->held.bytes() + texts_.list_bytes() +
         windows_.capacity() * sizeof(InMemory<WindowState>) +
         free_.capacity() * sizeof(std::uint32_t);
}

bool WindowPool::Counted::is_sparse() const {
  constexpr std::size_t kWorthwhile = std::size_t{256} << 10;
  return held.bytes() >= kWorthwhile && used.bytes() * 4 <= held.bytes();
}

void WindowPool::compact_if_sparse() {
  if (texts_.count() == 0) {
    forget_texts();
  } else if (text_memory_->is_sparse()) {
    auto fresh = std::make_unique<Counted>();
    texts_.move_to(&fresh->used);
    text_memory_ = std::move(fresh);
  }
  if (!memory_->is_sparse()) return;
  auto fresh = std::make_unique<Memory>(texts_, seed_);
  std::string bytes;
  for (InMemory<WindowState>& window : windows_) {
    if (window == nullptr) continue;
    bytes.clear();
    ByteWriter to(bytes);
    window->save(to);
    InMemory<WindowState> moved = make_window(window->spec(), fresh->windows);
    ByteReader from(bytes);
    const bool is_well = moved->restore(from);
    TOCSIN_ASSERT(is_well && from.is_done(), "a window reads what it wrote");
    window = std::move(moved);
  }
  memory_ = std::move(fresh);
}
}  // namespace tocsin::cep
