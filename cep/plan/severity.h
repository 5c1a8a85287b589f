/// How grave a rule's alerts are, and where they go.
#pragma once
#include <cstdint>

#include "cep/value/value.h"

namespace tocsin::cep {
enum class Severity : std::uint8_t { kInfo, kLow, kMedium, kHigh, kCritical };
enum class Status : std::uint8_t { kDraft, kInternal, kShadow, kLive };
/// The five severities as an enum type, in rising order.
Type severity_type();
/// "info" … "critical".
const char* severity_name(Severity severity);
/// "draft", "internal", "shadow", "live".
const char* status_name(Status status);
}  // namespace tocsin::cep
