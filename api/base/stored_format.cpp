#include "api/base/stored_format.h"

#include <fmt/format.h>

namespace tocsin::api {
Result<void> check_stored_format(int format, int known, std::string_view what) {
  if (format == known) return {};
  return fail(Errc::kOtherVersion,
              fmt::format("the alert store holds {} of format {}, and this program knows format "
                          "{}: use the version of tocsin that wrote it, or a later one",
                          what, format, known));
}
}  // namespace tocsin::api
