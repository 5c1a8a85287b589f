#include "api/node/node_start.h"

#include <fmt/format.h>

#include <random>

#include "api/base/command.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
std::array<std::uint8_t, 16> new_timeline_id() {
  std::array<std::uint8_t, 16> id{};
  std::random_device random;
  for (std::uint8_t& byte : id) byte = static_cast<std::uint8_t>(random());
  return id;
}

void tell_damaged(const runtime::Recovery& recovery) {
  for (const std::string& damaged : recovery.damaged) {
    tell(fmt::format("tocsin: a damaged checkpoint was skipped: {}\n", damaged));
  }
}

std::string recovery_text(const runtime::Recovery& recovery, const std::string& folder) {
  if (recovery.is_new) return "created the data directory " + folder;
  std::string text = fmt::format("continuing in {}: ", folder);
  if (recovery.checkpoint != 0) {
    text += fmt::format("checkpoint {} with {} loaded in {}, then ", recovery.checkpoint,
                        rules::format_count(recovery.keys, "key"),
                        rules::format_seconds(recovery.load_seconds));
  }
  return text + fmt::format("{} with {} replayed in {}",
                            rules::format_count(recovery.records, "journal record"),
                            rules::format_count(recovery.events, "event"),
                            rules::format_seconds(recovery.replay_seconds));
}
}  // namespace tocsin::api
