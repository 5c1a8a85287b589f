/// Lists and tables, and what they hold, as JSON: decimals have all their digits.
#pragma once
#include <cstdint>
#include <string>

#include "api/lists/entry_notes.h"
#include "cep/data/entry_set.h"
#include "cep/value/time.h"
#include "cep/value/value.h"
#include "runtime/journal/list_change.h"

namespace tocsin::api {
/// An entry or row, without the closing brace. `now`: up to where event time has come.
std::string entry_text(const runtime::ListOrTable& what, const cep::EntrySet::Seen& seen,
                       cep::EventTime now);
/// A value of a list that cannot be changed; likewise.
std::string declared_text(const cep::OwnedValue& value);
/// Adds who wrote an entry to its text.
void append_note(std::string& to, const EntryNote& note);
/// What a list or table is, without its entries, and without the closing brace. `revision`: the
/// record of its last change.
void append_list_head(std::string& to, const std::string& name, const runtime::ListOrTable& what,
                      std::uint64_t revision);
}  // namespace tocsin::api
