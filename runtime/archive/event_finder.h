/// The events among lines that were taken in before.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/value/time.h"
#include "runtime/archive/archive_keys.h"
#include "runtime/event_time/block_decoder.h"

namespace tocsin::runtime {
struct FoundEvent {
  std::uint32_t line = 0;  // which of the lines that are not blank
  cep::EventTime ts;
  std::string_view text;
  const cep::Batch* batch = nullptr;  // until the next find()
  const cep::Row* row = nullptr;
};
/// Threading: one caller at a time.
class EventFinder {
 public:
  explicit EventFinder(const cep::Program& program);
  /// The good events of types that the program declares; `lines` have kLinePadding bytes behind
  /// them. Valid until the next call.
  const std::vector<FoundEvent>& find(std::string_view lines);
  ArchiveKeys& keys() { return keys_; }

 private:
  ArchiveKeys keys_;
  BlockDecoder decoder_;
  DecodedBlock block_;
  std::vector<FoundEvent> found_;
};
}  // namespace tocsin::runtime
