#include "cep/stage/stage_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cep/plan/plan.h"
#include "cep/plan/semantics.h"
#include "cep/record/state_values.h"

namespace tocsin::cep {
namespace {
constexpr std::uint8_t kStageFormat = 1;

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Errc::kCorrupt, fmt::format("the state of a stage is damaged: {}", what));
}
std::string_view text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
bool has(const std::vector<std::uint32_t>& tables, std::uint32_t table) {
  return std::ranges::find(tables, table) != tables.end();
}
}  // namespace

std::string stage_entry_key(StageEntry kind) { return std::string(1, static_cast<char>(kind)); }

std::string stage_entry_key(StageEntry kind, std::uint16_t number, std::string_view key) {
  std::string bytes = stage_entry_key(kind);
  bytes += static_cast<char>(number >> 8);
  bytes += static_cast<char>(number & 0xff);
  bytes += key;
  return bytes;
}

std::optional<StateKey> read_stage_key(StageEntry kind, KeyGroup group, std::string_view bytes) {
  if (bytes.size() < 3 || bytes[0] != static_cast<char>(kind)) return std::nullopt;
  const auto number = static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[1]) << 8 |
                                                 static_cast<unsigned char>(bytes[2]));
  return StateKey{number, group, bytes.substr(3)};
}

Error waits_under_other_rules(std::string_view what) {
  return {Errc::kInvalidArgument,
          fmt::format("{} that wait were written under other rules: stop the job at one time first",
                      what)};
}

void KeyEntries::put(const StateKey& key, std::string_view value) {
  to_.put(key.group, stage_entry_key(StageEntry::kKey, key.table, key.key), value);
}
void KeyEntries::remove(const StateKey& key) {
  to_.remove(key.group, stage_entry_key(StageEntry::kKey, key.table, key.key));
}

namespace {
constexpr std::uint8_t kWaitsForChange = 1;
constexpr std::uint8_t kIsOpen = 2;
}  // namespace

std::string stage_head(GroupTime time, const StageChange* change) {
  std::string bytes;
  ByteWriter to(bytes);
  to.u8(kStageFormat);
  to.signed_varint(time.reached.us);
  to.u8(static_cast<std::uint8_t>((change != nullptr ? kWaitsForChange : 0) |
                                  (time.is_open ? kIsOpen : 0)));
  if (change != nullptr) {
    to.signed_varint(change->from.us);
    to.raw(text_of(change->plan));
  }
  return bytes;
}

Result<StageHead> read_stage_head(std::string_view bytes) {
  ByteReader from(bytes);
  if (from.u8() != kStageFormat) {
    return fail(Errc::kOtherVersion, "the state of a stage is of another format");
  }
  StageHead head;
  if (!restore_time(from, head.time.reached.us)) return damaged("a head");
  const std::uint64_t flags = from.varint_up_to(kWaitsForChange | kIsOpen);
  head.time.is_open = (flags & kIsOpen) != 0;
  if (head.time.is_open &&
      (head.time.reached == kEventTimeMin || head.time.reached == kEventTimeMax)) {
    return damaged("a head");
  }
  if ((flags & kWaitsForChange) != 0) {
    head.change.emplace();
    if (!restore_time(from, head.change->from.us)) return damaged("a head");
    const std::string_view plan = from.raw(sizeof(Digest));
    if (!from.ok()) return damaged("a head");
    std::ranges::copy(plan, reinterpret_cast<char*>(head.change->plan.data()));
    // Once a group has come to the change, it no longer waits.
    if (head.time.reached >= head.change->from) return damaged("a head");
  }
  if (!from.is_done()) return damaged("a head");
  return head;
}

namespace {
// What the layout says before its tables: the digest of the plan is read.
Result<Digest> read_layout_begin(ByteReader& from, std::optional<StageEntry> holds) {
  if (from.u8() != kStageFormat) {
    return fail(Errc::kOtherVersion, "the state of a stage is of another format");
  }
  const std::uint32_t semantics = from.u32();
  if (from.ok() && semantics != kSemantics) {
    return fail(Errc::kOtherVersion,
                fmt::format("the state of a stage is of semantics {}, and this library has {}: go "
                            "on with the library that wrote it",
                            semantics, kSemantics));
  }
  const auto kind = static_cast<StageEntry>(from.u8());
  if (holds && kind != *holds) return damaged("it is of another stage");
  const std::string_view bytes = from.raw(sizeof(Digest));
  if (!from.ok()) return damaged("its layout");
  Digest plan{};
  std::ranges::copy(bytes, reinterpret_cast<char*>(plan.data()));
  return plan;
}
}  // namespace

Result<StageOrigin> stage_origin(const std::map<std::uint32_t, std::string>& heads,
                                 std::string_view layout) {
  StageOrigin origin;
  ByteReader from(layout);
  const Result<Digest> plan = read_layout_begin(from, std::nullopt);
  if (!plan) return tl::unexpected(plan.error());
  origin.plan = *plan;
  if (!heads.empty()) origin.watermark = kEventTimeMax;
  for (const auto& [group, bytes] : heads) {
    const Result<StageHead> head = read_stage_head(bytes);
    if (!head) return tl::unexpected(head.error());
    origin.watermark = std::min(origin.watermark, head->time.watermark());
    if (!head->change) continue;
    if (origin.change && *origin.change != *head->change) {
      return damaged("its groups wait for different changes of rules");
    }
    origin.change = head->change;
  }
  return origin;
}

std::string stage_layout(const ProgramImpl& program, const StateLayout& layout, StageEntry holds,
                         const std::vector<std::uint32_t>& tables) {
  std::string bytes;
  ByteWriter to(bytes);
  to.u8(kStageFormat);
  to.u32(kSemantics);
  to.u8(static_cast<std::uint8_t>(holds));
  to.raw(text_of(program.plan_digest));
  to.varint(tables.size());
  for (const std::uint32_t table : tables) to.varint(table);
  layout.write(to);
  return bytes;
}

Result<StageLayout> read_stage_layout(std::string_view bytes) {
  ByteReader from(bytes);
  const Result<Digest> plan = read_layout_begin(from, std::nullopt);
  if (!plan) return tl::unexpected(plan.error());
  StageLayout layout;
  layout.plan = *plan;
  // Behind the format and the semantics number.
  layout.holds = static_cast<StageEntry>(bytes[1 + sizeof(std::uint32_t)]);
  for (std::uint64_t left = from.varint_up_to(from.left()); left > 0; --left) from.varint();
  layout.engine = from.raw(from.left());
  if (!from.ok()) return damaged("its layout");
  return layout;
}

Result<void> StageWritten::begin(const std::map<std::uint32_t, std::string>& heads,
                                 std::string_view layout, const ProgramImpl& program,
                                 const StateLayout& own, StageEntry holds,
                                 const std::vector<std::uint32_t>& tables) {
  for (const auto& [group, bytes] : heads) {
    const Result<StageHead> head = read_stage_head(bytes);
    if (!head) return tl::unexpected(head.error());
    times_[group] = head->time;
  }
  ByteReader from(layout);
  const Result<Digest> plan = read_layout_begin(from, holds);
  if (!plan) return tl::unexpected(plan.error());
  is_same_plan_ = *plan == program.plan_digest;
  std::set<std::uint32_t> written;
  const std::uint64_t count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < count; ++i) {
    written.insert(static_cast<std::uint32_t>(from.varint_up_to(UINT16_MAX)));
  }
  if (!layout_.read(from) || !from.is_done()) return damaged("its layout");
  if (!written.empty() && *written.rbegin() >= layout_.tables.size()) return damaged("its tables");
  targets_ = make_targets(layout_, own, program);
  if (holds == StageEntry::kKey) {
    if (auto passes = check_passes(program, written, tables); !passes) return passes;
  }
  report_on(own, written, tables);
  return {};
}

// State stays in its stage: what a table of this one wrote goes to its tables, and to no others.
// What an engine wrote was given to each stage that takes something of it.
Result<void> StageWritten::check_passes(const ProgramImpl& program,
                                        const std::set<std::uint32_t>& written,
                                        const std::vector<std::uint32_t>& tables) const {
  if (written.empty()) return {};
  for (std::uint32_t from = 0; from < targets_.tables.size(); ++from) {
    for (const auto& [to, target] : targets_.tables[from]) {
      if (written.contains(from) == has(tables, to)) continue;
      const StateTable& table = layout_.tables[from];
      std::string name;
      for (std::size_t i = 0; i < target.parts.size() && name.empty(); ++i) {
        if (target.parts[i].op != 0) name = table.parts[i].name;
      }
      return fail(Errc::kInvalidArgument,
                  fmt::format("what `{}` remembers would have to move to another pass (now {}): "
                              "export the state and import it again",
                              name, program.tables[to].operators.front().pass));
    }
  }
  return {};
}

// The lines of what the stage has and had.
void StageWritten::report_on(const StateLayout& own, const std::set<std::uint32_t>& written,
                             const std::vector<std::uint32_t>& tables) {
  std::set<std::pair<bool, std::string>> here;
  std::set<std::pair<bool, std::string>> before;
  for (const std::uint32_t table : tables) {
    for (const StatePart& part : own.tables[table].parts) here.emplace(part.is_rule, part.name);
  }
  const bool is_of_engine = written.empty() && !tables.empty();
  for (std::uint32_t table = 0; table < layout_.tables.size(); ++table) {
    if (!is_of_engine && !written.contains(table)) continue;
    for (const StatePart& part : layout_.tables[table].parts) {
      before.emplace(part.is_rule, part.name);
    }
  }
  report_ = targets_.report;
  report_.is_same_program = report_.is_same_program && is_same_plan_ && !is_of_engine;
  std::erase_if(report_.lines, [&](const RestoreReport::Line& line) {
    const bool is_lost = line.fate == RestoreReport::Fate::kLost;
    return !(is_lost ? before : here).contains({line.is_rule, line.name});
  });
}

EventTime StageWritten::least_watermark() const {
  EventTime least = kEventTimeMax;
  for (const auto& [group, time] : times_) least = std::min(least, time.watermark());
  return times_.empty() ? kEventTimeMin : least;
}

std::optional<EventTime> StageWritten::open_at() const {
  std::optional<EventTime> open;
  for (const auto& [group, time] : times_) {
    if (time.is_open) open = std::max(open.value_or(time.reached), time.reached);
  }
  return open;
}

void StageCut::begin(KeyGroupRange own, std::string head, std::string layout) {
  groups_ = own;
  head_ = std::move(head);
  layout_ = has_layout_ ? std::string() : std::move(layout);
  entries_.clear();
  next_ = 0;
  adding_.clear();
  has_layout_ = true;
}

void StageCut::add(KeyGroup group, std::string key, std::string value) {
  Place place{group.value, std::move(key)};
  adding_.push_back(place);
  entries_.push_back({std::move(place), std::move(value)});
}

void StageCut::end() {
  std::ranges::sort(stored_);
  std::ranges::sort(adding_);
  std::vector<Place> gone;
  std::ranges::set_difference(stored_, adding_, std::back_inserter(gone));
  for (Place& place : gone) entries_.push_back({std::move(place), {}, false});
  stored_ = std::move(adding_);
  adding_.clear();
}

bool StageCut::write(StageSink& sink, Chunk& chunk) {
  for (; groups_.begin < groups_.end; ++groups_.begin) {
    if (chunk.is_over()) return false;
    const KeyGroup group{groups_.begin};
    if (clears_) sink.clear(group);
    sink.put(group, stage_entry_key(StageEntry::kHead), head_);
    if (!layout_.empty()) sink.put(group, stage_entry_key(StageEntry::kLayout), layout_);
    chunk.take(head_.size() + layout_.size());
  }
  for (; next_ < entries_.size(); ++next_) {
    if (chunk.is_over()) return false;
    const Entry& entry = entries_[next_];
    const KeyGroup group{entry.place.first};
    if (entry.is_put) {
      sink.put(group, entry.place.second, entry.value);
    } else {
      sink.remove(group, entry.place.second);
    }
    chunk.take(entry.place.second.size() + entry.value.size());
  }
  entries_.clear();
  next_ = 0;
  layout_.clear();
  clears_ = false;
  return true;
}
}  // namespace tocsin::cep
