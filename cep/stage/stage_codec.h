/// What stages send to each other, as bytes (docs/internals/stages.md). Readers take any bytes, and
/// give false for what no writer wrote.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/compile/program.h"
#include "cep/data/alert.h"
#include "cep/pattern/deferred_alerts.h"
#include "cep/record/budget.h"
#include "cep/stage/row_place.h"
#include "cep/value/key.h"
#include "cep/value/value.h"

namespace tocsin::cep {
enum class MessageKind : std::uint8_t {
  kRow = 1,      // an event, or an alert taken as one, with its fields
  kValue = 2,    // what a feature is at a row
  kMark = 3,     // at a row a rule raised or held back an alert
  kMatches = 4,  // matches of a rule with a hold
  kAlert = 5,    // an alert that is raised
  kBudget = 6,   // a budget was exceeded
  kLine = 7,     // a line that was judged (runtime/stages)
};

/// Ascending; each reader's groups of one part.
void write_groups(ByteWriter& to, std::span<const KeyGroup> groups);
bool read_groups(ByteReader& from, std::vector<KeyGroup>& groups);
void write_place(ByteWriter& to, const RowPlace& place);
bool read_place(ByteReader& from, const Plan& plan, RowPlace& place);
/// A value with the word of an enum. Read, its text is borrowed from the bytes.
void write_shown(ByteWriter& to, const Value& value);
bool read_shown(ByteReader& from, Value& value);
void write_alert(ByteWriter& to, const Alert& alert);
bool read_alert(ByteReader& from, const Plan& plan, Alert& alert);
void write_matches(ByteWriter& to, const DeferredMatches& matches);
bool read_matches(ByteReader& from, const ProgramImpl& program, DeferredMatches& matches);
void write_budget(ByteWriter& to, const BudgetLog::Noted& noted);
bool read_budget(ByteReader& from, const Plan& plan, BudgetLog::Noted& noted);
}  // namespace tocsin::cep
