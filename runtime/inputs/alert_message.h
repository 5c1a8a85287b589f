/// Messages of topics of alerts: lines of format 1 (ARCHITECTURE.md, Alert), as engines elsewhere
/// write them.
#pragma once
#include <cstddef>
#include <string_view>

#include "cep/base/result.h"
#include "runtime/effects/effects.h"

namespace tocsin::runtime {
/// The alert that a message is, with what its line says; source, offset and what the store gives
/// are not set. `text` has kLinePadding readable bytes behind it. White space between its members
/// is left out. Fails with kInvalidArgument and a reason for what is no alert of format 1.
Result<StoredAlert> read_alert_message(std::string_view text, std::size_t line_bytes_max);
}  // namespace tocsin::runtime
