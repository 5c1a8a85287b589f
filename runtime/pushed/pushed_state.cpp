#include "runtime/pushed/pushed_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/plan/semantics.h"

namespace tocsin::runtime {
namespace {
constexpr std::uint8_t kMark = 'R';
constexpr std::uint8_t kFormat = 1;
constexpr char kHeadKey = 0;
constexpr char kEngineKey = 1;
constexpr char kInputsKey = 3;
constexpr std::size_t kInputsBytes = std::size_t{64} << 10;  // of one part
constexpr cep::KeyGroup kOnly;

std::string inputs_key(std::uint32_t number) {
  std::string key(1, kInputsKey);
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(number >> shift & 0xff);
  return key;
}
std::uint64_t number_in(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}
tl::unexpected<Error> damaged() { return fail(Errc::kCorrupt, "the state of the run is damaged"); }
}  // namespace

PushedState::PushedState(const cep::Plan& plan, cep::Engine& engine, Intake& intake,
                         RunSummary& summary)
    : plan_(plan), engine_(engine), intake_(intake), summary_(summary) {
  engine_.track_changes();
}

std::string PushedState::head_of(const PushedHead& head) const {
  std::string bytes;
  ByteWriter to(bytes);
  to.u8(kMark);
  to.u8(kFormat);
  to.u32(cep::kSemantics);
  for (const std::uint64_t count : {head.values_missing, summary_.bytes, summary_.alerts,
                                    summary_.undelivered, summary_.budget_alerts}) {
    to.varint(count);
  }
  to.varint(plan_.rules.size());
  for (std::size_t rule = 0; rule < plan_.rules.size(); ++rule) {
    to.text(plan_.rules[rule].id);
    to.varint(summary_.alerts_by_rule[rule]);
  }
  to.varint(head.sources.size());
  for (const PushedHead::Source& source : head.sources) {
    to.varint(source.lines);
    to.u8(source.has_ended ? 1 : 0);
  }
  return bytes;
}

Result<void> PushedState::read_head(std::string_view bytes) {
  ByteReader from(bytes);
  if (from.u8() != kMark || from.u8() != kFormat) {
    return fail(Errc::kOtherVersion, "this is no state of a run, or one of another format");
  }
  const std::uint32_t semantics = from.u32();
  if (from.ok() && semantics != cep::kSemantics) {
    return fail(Errc::kOtherVersion,
                fmt::format("the state of the run is of semantics {}, and this library has {}: go "
                            "on with the library that wrote it",
                            semantics, cep::kSemantics));
  }
  for (std::uint64_t* const count : {&read_.values_missing, &summary_.bytes, &summary_.alerts,
                                     &summary_.undelivered, &summary_.budget_alerts}) {
    *count = from.varint();
  }
  for (std::uint64_t left = from.varint_up_to(from.left()); left > 0 && from.ok(); --left) {
    const std::string_view id = from.text();
    const std::uint64_t alerts = from.varint();
    const auto rule = std::ranges::find(plan_.rules, id, &cep::Rule::id);
    if (rule == plan_.rules.end()) continue;
    summary_.alerts_by_rule[static_cast<std::size_t>(rule - plan_.rules.begin())] = alerts;
  }
  for (std::uint64_t left = from.varint_up_to(from.left()); left > 0 && from.ok(); --left) {
    const std::uint64_t lines = from.varint();
    read_.sources.push_back({lines, from.varint_up_to(1) == 1});
  }
  if (!from.is_done()) return damaged();
  return {};
}

void PushedState::begin_cut(const PushedHead& head) {
  TOCSIN_ASSERT(part_ == Part::kNone, "the cut before is complete");
  head_ = head_of(head);
  globals_ = engine_.begin_snapshot();
  intake_.begin_save();
  part_ = Part::kInputs;
  next_input_ = 0;
}

// Parts of the intake's state, then head and globals.
std::size_t PushedState::write_inputs(cep::StageSink& sink, std::size_t bytes_max) {
  std::size_t written = 0;
  for (bool is_done = false; !is_done && (written == 0 || written < bytes_max);) {
    std::string bytes;
    is_done = intake_.write_save(bytes, kInputsBytes);
    sink.put(kOnly, inputs_key(next_input_++), bytes);
    written += bytes.size();
    if (!is_done) continue;
    for (std::uint32_t i = next_input_; i < inputs_stored_; ++i) sink.remove(kOnly, inputs_key(i));
    inputs_stored_ = next_input_;
    sink.put(kOnly, std::string_view(&kHeadKey, 1), std::exchange(head_, {}));
    sink.put(kOnly, std::string_view(&kEngineKey, 1), std::exchange(globals_, {}));
    part_ = Part::kKeys;
  }
  return written;
}

bool PushedState::write_cut(cep::StageSink& sink, std::size_t bytes_max) {
  TOCSIN_ASSERT(part_ != Part::kNone, "a cut was begun");
  if (part_ == Part::kInputs) {
    const std::size_t written = write_inputs(sink, bytes_max);
    if (part_ == Part::kInputs || written >= bytes_max) return false;
    bytes_max -= written;
  }
  cep::KeyEntries keys(sink);
  if (!engine_.write_snapshot(keys, bytes_max)) return false;
  part_ = Part::kNone;
  return true;
}

void PushedState::mark_all_changed() {
  if (part_ == Part::kInputs) intake_.end_save();
  part_ = Part::kNone;
  inputs_stored_ = 0;
  engine_.mark_all_changed();
}

Result<cep::RestoreReport> PushedState::begin_restore(std::string_view head,
                                                      std::string_view engine) {
  TOCSIN_ASSERT(intake_.source_count() == 0 && read_.sources.empty(), "a fresh run");
  if (Result<void> read = read_head(head); !read) return tl::unexpected(read.error());
  return engine_.begin_restore(engine);
}

Result<void> PushedState::restore(cep::KeyGroup group, std::string_view key,
                                  std::string_view value) {
  if (key.size() == 5 && key[0] == kInputsKey && group == kOnly) {
    inputs_[static_cast<std::uint32_t>(number_in(key.substr(1)))] = value;
    return {};
  }
  if (key.size() < 3 || key[0] != static_cast<char>(cep::StageEntry::kKey)) return damaged();
  const auto table = static_cast<std::uint16_t>(number_in(key.substr(1, 2)));
  return engine_.restore({table, group, key.substr(3)}, value);
}

Result<PushedHead> PushedState::finish_restore() {
  std::string inputs;
  std::uint32_t expected = 0;
  for (const auto& [number, bytes] : inputs_) {
    if (number != expected++) return damaged();
    inputs += bytes;
  }
  if (Result<void> restored = intake_.restore(inputs); !restored) {
    return tl::unexpected(restored.error());
  }
  if (intake_.source_count() != read_.sources.size()) return damaged();
  inputs_stored_ = expected;
  inputs_.clear();
  if (Result<void> finished = engine_.finish_restore(); !finished) {
    return tl::unexpected(finished.error());
  }
  return std::exchange(read_, {});
}
}  // namespace tocsin::runtime
