#include "cep/plan/severity.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace tocsin::cep {
namespace {
constexpr std::array<const char*, 5> kSeverities = {"info", "low", "medium", "high", "critical"};
constexpr std::array<const char*, 4> kStatuses = {"draft", "internal", "shadow", "live"};
}  // namespace

Type severity_type() {
  static const auto kWords =
      std::make_shared<const std::vector<std::string>>(kSeverities.begin(), kSeverities.end());
  Type type;
  type.kind = TypeKind::kEnum;
  type.words = kWords;
  return type;
}

const char* severity_name(Severity severity) {
  return kSeverities[static_cast<std::size_t>(severity)];
}

const char* status_name(Status status) { return kStatuses[static_cast<std::size_t>(status)]; }
}  // namespace tocsin::cep
