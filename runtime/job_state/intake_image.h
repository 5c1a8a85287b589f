/// The state of an intake (runtime/event_time/intake_state.cpp says the bytes) as data: to be
/// divided among the parts of a job's front, or put together from theirs.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/event_time/jump_hold.h"
#include "runtime/event_time/source_policy.h"
#include "runtime/event_time/watermarks.h"
#include "runtime/unique/recent_ids.h"

namespace tocsin::runtime {
struct SourceImage {
  std::string name;
  SourcePolicy policy;
  std::uint64_t last_line = 0;
  std::uint64_t newest_line = 0;
  JumpHold held = {};
  SourceState state = SourceState::kActive;
  cep::EventTime watermark = cep::kEventTimeMin;
  cep::EventTime newest = cep::kEventTimeMin;
  cep::EventTime newest_at = cep::kEventTimeMin;
};
/// What judges keep of their sources: those of an intake, or the one of a part of a job.
struct SourcesImage {
  std::vector<SourceImage> sources;
  cep::EventTime watermark = cep::kEventTimeMin;  // of the intake, W
};
void write_sources(const SourcesImage& image, ByteWriter& to);
/// False for bytes that are none.
bool read_sources(ByteReader& from, SourcesImage& image);

struct IdsImage {
  std::string type;
  std::string id_field;
  std::vector<RecentIds::Entry> ids;  // by time
};
struct EqualImage {
  std::uint64_t count = 1;
  std::string line;
};
struct WaitingImage {
  std::size_t source = 0;
  cep::EventTime engine_time;
  cep::ArrivalNumber arrival;
  std::uint64_t line = 0;  // number
  std::string text;
};
struct IntakeImage {
  SourcesImage sources;
  cep::EventTime given = cep::kEventTimeMin;
  std::vector<IdsImage> ids;
  cep::EventTime equals_at;
  std::vector<EqualImage> equals;  // by line
  std::vector<WaitingImage> waiting;
};
/// Without what is only counted.
std::string write_intake(const IntakeImage& image);
/// Fails with kCorrupt, and kOtherVersion for the state of an older or newer program.
Result<IntakeImage> read_intake(std::string_view bytes);
}  // namespace tocsin::runtime
