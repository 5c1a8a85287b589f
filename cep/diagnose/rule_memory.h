/// How much the engine keeps for one key of a rule (cep/diagnose/rule_profile.h), from the
/// structures that it is kept in.
#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "cep/compile/program.h"

namespace tocsin::cep {
/// A captured event of a type, kept once for all rules of the key that took it.
struct KeptType {
  EventTypeIndex type;
  std::vector<FieldIndex> fields;      // of all these rules
  std::vector<FeatureIndex> features;  // whose values are kept as of these events
  std::size_t bytes = 0;               // texts of kTextBytesAssumed
};
struct FeatureMemory {
  FeatureIndex feature;
  std::size_t bytes_first = 0;    // with one event in it
  std::size_t bytes_more = 0;     // for each further event with another value, on average
  std::optional<Duration> keeps;  // how far it looks back; nothing: for ever, or a number of events
};
/// Bytes for one key in which the rule has something live, on average over many keys. Estimated
/// from the structures and how they grow: within a factor of two of what Engine::stats() says.
struct RuleMemory {
  static constexpr std::size_t kTextBytesAssumed = 16;
  std::size_t key_bytes = 0;     // the key's place in its table, and what finds it again
  std::size_t record_bytes = 0;  // the record's head, for all operators of the key
  std::size_t rule_bytes = 0;    // the rule's own state, before any partial match
  std::size_t match_bytes = 0;   // a partial match
  std::size_t link_bytes = 0;    // an event in a partial match: matches with the same past share it
  std::vector<KeptType> kept;    // that partial matches hold
  std::vector<FeatureMemory> features;  // that it reads
  bool own_memory = false;              // the rule's state lies outside of the key's record
  bool links_multiply = false;          // partial matches go on taking: each has links of its own
  std::size_t events_most = 0;  // of the key that are kept at most; 0: as many as matches hold
  /// Of a key with so many partial matches, which hold so many events in all; features apart.
  std::size_t bytes(std::size_t matches, std::size_t events) const;
};
RuleMemory memory_of(const ProgramImpl& program, const RuleProgram& rule);
}  // namespace tocsin::cep
