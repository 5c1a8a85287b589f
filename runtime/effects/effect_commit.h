/// One commit of the effect store, for the files that make it.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_store.h"

namespace tocsin::runtime {
// What a commit changes, taken over once it is on disk.
struct EffectStore::Commit {
  StoreBatch batch;
  std::vector<std::pair<AlertId, std::uint64_t>> alert_ids;  // and numbers
  std::optional<std::map<AlertId, std::uint64_t>> ids;       // the same, once they are looked for
  std::map<std::pair<SideOutputKind, std::string>, SideOutputRow> side_output;  // by key
  std::map<cep::ArrivalNumber, std::string> traces;                             // of events, new
  EmittedMark mark;
  std::uint64_t next_number = 0;
  const cep::OrderKey* last_order = nullptr;         // of the last alert that came, or none
  const cep::OrderKey* last_stored_order = nullptr;  // of those that are new
  EffectTotals totals;
  cep::EventTime now;
  CommitReport report;
  LastSinkRows sink_rows;
  std::uint64_t cause = 0;                   // the greatest of what was stored, or is by this
  std::uint64_t inbox_dead = 0;              // dead letters of topics of alerts, so far
  bool has_inbox = false;                    // places of such topics
  std::map<EndpointId, std::uint64_t> owed;  // rows made
  std::unique_ptr<Addressing> addressing;    // of the first alert that is new
};
}  // namespace tocsin::runtime
