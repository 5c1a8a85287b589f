/// What is asked of a server's archive on a command line, and what is said of what is missing
/// there.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "api/node/run_arguments.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/archive/archive_format.h"
#include "runtime/archive/archive_reader.h"

namespace tocsin::api {
/// A time such as 2026-03-02T12:00:00Z, or a day, as its beginning in UTC. Nothing where `text` is
/// empty. Fails with kUsage; `option` names it for the message.
Outcome<std::optional<cep::EventTime>> archive_time(const std::string& text, const char* option);
/// [from, to) as the archive is asked for it: times such as 2026-03-02T12:00:00Z, or days. Nothing
/// where both are empty. Fails with kUsage; `options` names the two for the message.
Outcome<std::optional<runtime::TimeSpan>> archive_span(const std::string& from,
                                                       const std::string& to, const char* options);
/// Damage, with its remedy; ends with a line end.
std::string archive_damage_text(const Error& damage);
/// What was not read, and why; a line each. `by_position`: lines that the archive has no text of.
/// Empty where nothing is missing.
std::string archive_missing_text(const runtime::ArchiveReader& reader, std::uint64_t by_position);
}  // namespace tocsin::api
