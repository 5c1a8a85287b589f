/// What it is to erase a person: whose value, how far it is, and what was found. As it is kept, in
/// DIR/erasures/NUMBER.json: with the value until all is done, and without it from then on.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/archive/erased_value.h"

namespace tocsin::api {
/// What is done now. Each can be done again after a crash.
enum class ErasureStep : std::uint8_t {
  kState,    // of the engine and of events that wait, until no checkpoint has what was before
  kJournal,  // the journal lets go of what was before
  kArchive,
  kAlerts,  // and what was set aside
  kDone,
};
std::string_view name_of(ErasureStep step);

struct Erasure {
  std::uint64_t number = 0;
  std::string name;  // of the part of a key
  std::string mark;  // a keyed digest of the value
  std::string who;
  std::string reason;
  cep::EventTime began;
  std::optional<cep::EventTime> ended;
  ErasureStep step = ErasureStep::kState;
  std::uint64_t first_record = 0;  // of the journal: the first command to erase
  std::uint64_t last_record = 0;   // and the last: all that came before it is erased
  std::uint64_t keys = 0;
  std::uint64_t waiting_events = 0;
  std::uint64_t archived_events = 0;
  std::uint64_t alerts = 0;
  std::uint64_t comments = 0;        // alerts of which comments were erased
  std::uint64_t side_output = 0;     // late events and dead letters
  std::vector<std::string> remains;  // what was left alone and may have the value, by path
  // Until it is done:
  std::string value;
  std::string salt;
};
/// For people and programs: without the value. `problem`: why it waits; may be empty.
nlohmann::ordered_json show_erasure(const Erasure& erasure, std::string_view problem);
std::string encode_erasure(const Erasure& erasure);
/// Fails with kCorrupt, kOtherVersion, naming `path`.
Result<Erasure> decode_erasure(const std::string& text, const std::string& path);

/// The line of an alert with kErasedText for all that rules and events put there.
std::string erased_alert(std::string_view line);
}  // namespace tocsin::api
