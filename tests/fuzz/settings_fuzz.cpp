// Any bytes as the settings file of a server. What is refused is named with its place; what is
// taken says the same when it is shown and read again.
#include <string>
#include <string_view>

#include "api/base/configuration.h"
#include "api/base/settings.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
void try_settings(std::string_view text) {
  using api::Configuration;
  Configuration settings(api::serve_settings());
  const std::string before = settings.explain();
  if (const auto read = settings.read_text(text, "file.toml"); !read) {
    std::string_view faults = read.error().message;
    require(!faults.empty(), "a refusal says why");
    require(faults.starts_with("file.toml:"), "a refusal names the file");
    return;
  }
  const std::string shown = settings.explain();
  Configuration again(api::serve_settings());
  require(again.read_text(shown, "file.toml").has_value(), "what is shown can be read");
  for (const api::Setting& setting : settings.settings()) {
    require(again.is_none(setting.name) == settings.is_none(setting.name),
            "what is shown is set or not as it was");
    require(
        settings.is_none(setting.name) || again.text(setting.name) == settings.text(setting.name),
        "what is shown has the value that it had");
  }
}
}  // namespace tocsin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::fuzz::try_settings(tocsin::fuzz::text_of(data, size));
  return 0;
}
