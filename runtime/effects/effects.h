/// What slices bring about, as the effect store takes it in and gives it back: alerts, events set
/// aside, marks on those that were put in again.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/plan/severity.h"
#include "cep/value/order.h"
#include "cep/value/time.h"

namespace tocsin::runtime {
/// An alert of a live or shadow rule.
struct StoredAlert {
  cep::OrderKey order;  // its key bytes among them
  std::string id;       // 32 hex digits
  std::uint64_t revision = 0;
  std::string rule;  // the rule's id
  cep::Severity severity = cep::Severity::kMedium;
  bool is_live = true;  // false: kept, but neither shown by default nor delivered
  cep::EventTime ts;    // the alert's
  std::string line;     // format 1, without a line end
  // Of one that a topic brought (is_from_topic()), which has no order but its time:
  std::string source;        // the partition, as a source; empty: an engine here raised it
  std::uint64_t offset = 0;  // of the message
  // Given by the store:
  std::uint64_t number = 0;    // 1, 2, … in the order of emission
  std::uint32_t timeline = 0;  // its ordinal (TimelineRow); 0: a topic brought it
  cep::EventTime stored_at;    // processing time
  /// The number of the same alert in an earlier timeline, or from a topic; 0: none.
  std::uint64_t repeat_of = 0;
};
/// Another engine raised it, and a topic brought it here.
inline bool is_from_topic(const StoredAlert& alert) { return !alert.source.empty(); }

enum class SideOutputKind : std::uint8_t { kLate, kDead };
/// An event or line that was not taken: behind the watermark, or not understood.
struct SideOutputRow {
  SideOutputKind kind = SideOutputKind::kLate;
  cep::ArrivalNumber arrival;
  std::string source;       // the input's name
  std::uint64_t line = 0;   // in it, from 1
  cep::EventTime taken_at;  // processing time
  cep::Duration late_by;    // of a late event
  std::string reason;       // of a dead letter
  std::string text;         // the line's bytes
  // Given by the store:
  std::uint32_t timeline = 0;
  /// The arrival record that put it in again; 0: none.
  std::uint64_t reinjected_as = 0;
};
/// A message of a topic of alerts that is no alert. Its arrival is no event's: the record is one
/// that was journaled before, and its index is behind those that lines have.
inline constexpr std::uint32_t kInboxIndex = 1U << 31;
inline bool is_from_inbox(const SideOutputRow& row) { return row.arrival.index >= kInboxIndex; }

/// Says of a row that it was put in again.
struct Reinjected {
  SideOutputKind kind = SideOutputKind::kLate;
  std::uint32_t timeline = 0;  // ordinal
  cep::ArrivalNumber arrival;
  std::uint64_t record = 0;  // the journal's record that did it, > 0
};

/// Events of a record, from this one on to the next row or the record's end, came with this trace.
struct TraceRow {
  cep::ArrivalNumber arrival;
  std::string trace_parent;  // as read_trace_parent() gives it; empty: with none
};

/// Up to where a partition of a topic of alerts was taken.
struct InboxPlace {
  std::string source;  // the partition
  std::uint64_t next_offset = 0;
  std::string identity;  // of the last message (message_identity()), or kNoMessage
};
/// What messages of topics of alerts bring, and where their partitions go on: stored in one write,
/// so that each message counts once.
struct InboxEffects {
  std::vector<StoredAlert> alerts;  // without order; one whose id is stored already is passed over
  std::vector<SideOutputRow> dead;  // whose arrival the store gives
  std::vector<InboxPlace> places;

  bool empty() const { return alerts.empty() && dead.empty() && places.empty(); }
};

/// The effects of one slice, or of a stretch of arrivals. All may be empty.
struct SliceEffects {
  /// The journal's record that must be durable before any of this may be seen: the last one that
  /// was processed when it came about.
  std::uint64_t cause = 0;
  std::vector<StoredAlert> alerts;  // in order
  std::vector<SideOutputRow> side_output;
  std::vector<Reinjected> reinjected;
  std::vector<TraceRow> traces;
  InboxEffects inbox;  // behind the rest; alone it needs no cause

  bool empty() const {
    return alerts.empty() && side_output.empty() && reinjected.empty() && traces.empty() &&
           inbox.empty();
  }
  /// About, in memory.
  std::size_t bytes() const;
};

/// A timeline that has stored something here.
struct TimelineRow {
  std::uint32_t ordinal = 0;  // 1, 2, … in the order in which they began here
  std::array<std::uint8_t, 16> id{};
  std::array<std::uint8_t, 16> parent{};      // zero: none
  std::uint64_t number_before = 0;            // of the last alert before it
  std::optional<cep::OrderKey> order_before;  // of the last alert that it shares with its parent
};
}  // namespace tocsin::runtime
