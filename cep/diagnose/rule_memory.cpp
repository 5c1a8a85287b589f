#include "cep/diagnose/rule_memory.h"

#include <algorithm>
#include <memory_resource>
#include <set>
#include <string>

#include "cep/aggregate/feature_window.h"
#include "cep/eval/loop_totals.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"
#include "cep/record/key_record.h"
#include "cep/record/pattern_state.h"
#include "cep/record/timers.h"
#include "cep/ring/feature_state.h"
#include "cep/ring/flat_window.h"
#include "cep/ring/shared_ring.h"

namespace tocsin::cep {
namespace {
// A large key table that grows is between 13/24 and 13/16 full: on average two thirds.
constexpr std::size_t kKeyTableBytes = sizeof(KeySlot) * 3 / 2;
constexpr std::size_t kRecordHeadBytes = sizeof(RecordHeader) + 4 * sizeof(OperatorEntry);
// What grows by doubling, or by half, is a third larger than what it holds.
constexpr std::size_t with_room(std::size_t bytes) { return bytes + bytes / 3; }
// A record that grows has room ahead, holds what its operators have moved away from until it is
// collected, and leaves smaller blocks behind for others.
constexpr std::size_t as_it_grows(std::size_t bytes) { return 2 * bytes; }
// A pool takes chunks that double, and rounds sizes up.
constexpr std::size_t in_pool(std::size_t bytes) { return bytes + bytes / 2; }
constexpr std::size_t in_words(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

// Counts what a window asks for.
class Counter : public std::pmr::memory_resource {
 public:
  std::size_t bytes() const { return bytes_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    bytes_ += in_words(bytes);
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    bytes_ -= in_words(bytes);
    std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
  std::size_t bytes_ = 0;
};

// A value of the argument's type that differs from those of other numbers.
Value value_number(const Type& type, std::int64_t number, std::string& text) {
  switch (type.kind) {
    case TypeKind::kString:
      text = std::to_string(number);
      text.resize(std::max(text.size(), RuleMemory::kTextBytesAssumed), 'x');
      return Value::string(text);
    case TypeKind::kFloat:
      return Value::floating(static_cast<double>(number));
    case TypeKind::kBool:
      return Value::boolean(number % 2 == 0);
    case TypeKind::kTime:
      return Value::time({number});
    case TypeKind::kDate:
      return Value::date(number);
    case TypeKind::kDuration:
      return Value::duration({number});
    case TypeKind::kDecimal:
      return Value::decimal(number, type.scale);
    case TypeKind::kEnum: {
      const auto words = static_cast<std::int64_t>(type.words ? type.words->size() : 1);
      const std::int64_t ordinal = number % std::max<std::int64_t>(words, 1);
      return Value::enumerated(ordinal, {});
    }
    default:
      return Value::integer(number);
  }
}

// Bytes of a window that has taken so many events a microsecond apart.
std::size_t window_bytes(const WindowSpec& spec, std::int64_t events) {
  Counter counter;
  TextTable texts(&counter, 0);
  WindowMemory memory(&counter, texts, 0);
  const InMemory<WindowState> window = make_window(spec, memory);
  std::string text;
  for (std::int64_t i = 0; i < events; ++i) {
    std::optional<Word> word = 0;
    if (spec.has_value) word = word_of(value_number(spec.value_type, i + 1, text), spec, memory);
    if (word) window->take({i}, *word);
  }
  // The window's number in its pool and in the record.
  return counter.bytes() + sizeof(InMemory<WindowState>) + sizeof(OperatorEntry);
}

// Bytes of one in a record that has taken an event.
std::size_t flat_window_bytes(const WindowSpec& spec) {
  Counter counter;
  TextTable texts(&counter, 0);
  WindowMemory memory(&counter, texts, 0);
  std::string text;
  if (spec.is_text) word_of(value_number(spec.value_type, 1, text), spec, memory);
  return FlatWindow::words_of_new(spec) * std::size_t{8} + in_pool(counter.bytes()) +
         sizeof(OperatorEntry);
}

// Rings and groups of which the memory was counted with another feature.
struct Counted {
  std::set<std::uint32_t> rings;
  std::set<std::uint32_t> groups;
};

// A feature that shares a ring with others: the first one of a rule pays for it, and the first of a
// group for the group.
void add_shared(const ProgramImpl& program, const FeatureProgram& feature, Counted& counted,
                FeatureMemory& out) {
  const FeatureGroup& group = program.feature_groups[feature.group];
  const std::uint32_t one = EventGroup::words(1, group.has_sums);
  out.bytes_first = std::size_t{one - EventGroup::words(0, group.has_sums)} * 8;
  if (counted.groups.insert(feature.group).second) {
    out.bytes_first = std::size_t{one} * 8 + sizeof(OperatorEntry);
    out.bytes_more = as_it_grows(sizeof(EventChunk) / 8);  // of 32 events, some are the group's
  }
  if (!counted.rings.insert(group.ring).second) return;
  const RingShape shape{SharedRing::kCapacityLeast, false, group.has_sums};
  out.bytes_first += std::size_t{shape.words()} * 8 + sizeof(OperatorEntry);
  const bool is_wide = !SharedRing::is_narrow(feature.window_us);
  const std::size_t event = (is_wide ? 8 : 4) + (group.has_sums ? 8 : 0);
  out.bytes_more = as_it_grows(event + event / 2);
}

FeatureMemory memory_of_feature(const ProgramImpl& program, const FeatureProgram& feature,
                                bool has_own_record, Counted& counted) {
  constexpr std::int64_t kSample = 33;
  FeatureMemory out;
  out.feature = feature.index;
  out.keeps = longest_look_back(feature.feature->window);
  if (feature.is_shared) {
    add_shared(program, feature, counted, out);
  } else if (feature.in_ring) {
    const RingHeader fresh = make_ring(*feature.feature, 0);
    const bool wide = fresh.wide_times != 0;
    out.bytes_first = ring_words(fresh.capacity, wide, fresh.value) * 8 + sizeof(OperatorEntry);
    // A ring grows by half, and so does its record.
    const std::size_t event = (wide ? 8 : 4) + (fresh.value == RingValue::kNone ? 0 : 8);
    out.bytes_more = as_it_grows(event + event / 2);
  } else {
    const std::size_t one = in_pool(window_bytes(feature.window, 1));
    const std::size_t many = in_pool(window_bytes(feature.window, kSample));
    out.bytes_first = one;
    out.bytes_more = many > one ? (many - one) / (kSample - 1) : 0;
    if (feature.window.flat == FlatForm::kTotal) out.bytes_more = 0;
    if (feature.window.flat != FlatForm::kNone) out.bytes_first = flat_window_bytes(feature.window);
  }
  if (has_own_record) out.bytes_first += kKeyTableBytes + kRecordHeadBytes;
  return out;
}

// An event as records keep it; texts of up to seven bytes stand in their word.
std::size_t event_bytes(const CaptureLayout& layout) {
  constexpr std::size_t kText = in_words(RuleMemory::kTextBytesAssumed);
  std::size_t bytes = sizeof(KeptEvent) + layout.fields.size() * 8 + layout.texts.size() * kText;
  if (layout.keeps_identity) bytes += 2 * 8 + 2 * kText;
  return bytes;
}
}  // namespace

RuleMemory memory_of(const ProgramImpl& program, const RuleProgram& rule) {
  const TableProgram& table = program.tables[rule.table];
  RuleMemory out;
  out.key_bytes = kKeyTableBytes;
  out.record_bytes = kRecordHeadBytes;
  const std::size_t values = rule.deadline_features.size() * sizeof(StoredValue);
  const std::size_t timer = rule.sets_deadlines ? with_room(sizeof(Timer)) : 0;
  switch (rule.method) {
    case Method::kSingle:
      break;
    case Method::kStrict:
      for (const StrictGroup& group : program.strict_groups) {
        if (std::count(group.rules.begin(), group.rules.end(), rule.index.value) == 0) continue;
        out.rule_bytes = std::size_t{StrictState::words(group)} * 8;
        out.events_most = group.depth;
      }
      break;
    case Method::kRuns:
      out.rule_bytes = std::size_t{rule_header_words(rule)} * 8;
      out.match_bytes = with_room(sizeof(Run)) + timer;
      out.link_bytes = sizeof(Node) + values;
      break;
    case Method::kGeneral: {
      out.own_memory = true;
      const PatternProgram& pattern = *rule.pattern;
      const std::size_t node = std::size_t{node_words(pattern)} * 8;
      out.rule_bytes = sizeof(PatternState) + sizeof(OperatorEntry) + 2 * 8;
      out.match_bytes =
          with_room(sizeof(PatternRun) + std::size_t{pattern.counter_count} * 4) + timer;
      out.link_bytes = with_room(node + values);
      if (rule.rule->window) out.match_bytes = timer;
      break;
    }
  }
  std::set<EventTypeIndex> types;
  const auto add = [&](const Element& step) {
    const Quantifier& quantifier = step.quantifier();
    const bool goes_on = quantifier.max != 1U && quantifier.mode != LoopMode::kEach;
    out.links_multiply = out.links_multiply || goes_on;
    for (const Subset& kind : step.events()) types.insert(kind.type);
  };
  if (rule.method != Method::kSingle) {
    for (const StepProgram& step : rule.steps) add(*step.take.element);
    if (rule.pattern) {
      for (const PatternStep& step : rule.pattern->steps) add(*step.element);
    }
  }
  for (const EventTypeIndex type : types) {
    const CaptureLayout& layout = table.layouts[type.value];
    KeptType kept{type, layout.fields, {}, event_bytes(layout)};
    kept.fields.resize(layout.fields.size() - layout.step_values.size());
    for (const StepValue& value : layout.step_values) kept.features.push_back(value.value);
    out.kept.push_back(std::move(kept));
  }
  bool shares_record = rule.method != Method::kSingle;
  Counted counted;
  for (const FeatureIndex read : features_read(all_exprs(*rule.rule))) {
    const FeatureProgram& feature = program.features[read.value];
    shares_record = shares_record || feature.table == rule.table;
    out.features.push_back(
        memory_of_feature(program, feature, feature.table != rule.table, counted));
  }
  if (!shares_record) out.key_bytes = out.record_bytes = 0;
  return out;
}

std::size_t RuleMemory::bytes(std::size_t matches, std::size_t events) const {
  if (key_bytes == 0) return 0;
  std::size_t event = 0;
  for (const KeptType& type : kept) event = std::max(event, type.bytes);
  const std::size_t held = events_most == 0 ? events : std::min(events, events_most);
  // Each partial match ends in a link of its own; one that goes on taking has one for each event
  // since it began.
  const std::size_t links = links_multiply ? matches * (held + 1) / 2 : std::max(matches, held);
  const std::size_t in_state = matches * match_bytes + links * link_bytes + held * event;
  if (own_memory) return key_bytes + record_bytes + rule_bytes + in_state;
  const std::size_t record = record_bytes + rule_bytes + in_state;
  const std::size_t block = held > 1 ? as_it_grows(record) : record;
  return key_bytes + std::size_t{Arena::rounded(static_cast<std::uint32_t>((block + 7) / 8))} * 8;
}
}  // namespace tocsin::cep
