/// What an observer outside has seen: records that were durable, lines that were acknowledged,
/// alerts that were stored, deliveries that arrived. None of it may ever change.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/checkpoint/checkpoint.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/io/files.h"
#include "runtime/journal/journal_record.h"
#include "runtime/node/node.h"
#include "runtime/store/store.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/world.h"

namespace tocsin::simulation {
class Ledger {
 public:
  explicit Ledger(const World& world) : world_(world) {}

  /// What a fork has in common with where it came from.
  void begin_with(std::vector<std::string> records) { records_ = std::move(records); }
  /// Reads the journal up to `durable_end`: records seen before are the same, the rest is new.
  void read_journal(runtime::Files& files, const std::string& directory, std::uint64_t first,
                    std::uint64_t durable_end);
  /// Reads what is stored: alerts seen before are the same, the rest is new.
  void read_alerts(const runtime::StoreReader& store);
  /// Lines or bytes of a source that are in records before `durable_end`.
  void acknowledge(const std::string& source, std::uint64_t offset);
  std::uint64_t acknowledged(const std::string& source) const;
  void deliver(std::uint64_t number) { delivered_.insert(number); }

  /// Bodies of all records from the first on.
  const std::vector<std::string>& records() const { return records_; }
  const std::vector<runtime::StoredAlert>& alerts() const { return alerts_; }
  const std::set<std::uint64_t>& delivered() const { return delivered_; }

 private:
  const World& world_;
  std::vector<std::string> records_;  // of sequence 1 on
  std::vector<runtime::StoredAlert> alerts_;
  std::map<std::string, std::uint64_t> acknowledged_;
  std::set<std::uint64_t> delivered_;
};

/// What records come to by definition.
struct Expected {
  std::vector<std::string> alerts;  // lines of live and shadow rules, in order
  std::vector<std::string> late;    // texts of events set aside, in the order of arrival
  std::vector<std::string> dead;
  std::map<std::string, std::vector<std::string>> lines;  // by source
  std::uint64_t events = 0;
  std::uint64_t clamped = 0;
  bool by_oracle = true;  // else by the engine alone: too many ways for the oracle
  std::vector<std::string>
      engine_alerts;  // by the engine alone, without anything of what is tested
};
Expected expect(const World& world, const std::vector<std::string>& records, Reached& reached);
}  // namespace tocsin::simulation
