#include "api/backup/backup_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "api/backup/folder_store.h"
#include "api/backup/s3_store.h"
#include "api/base/settings.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kScheme = "s3://";
constexpr std::size_t kPrefixBytesMax = 500;

tl::unexpected<Error> refuse(std::string_view to, std::string_view what) {
  return fail(Errc::kInvalidArgument, fmt::format("{}: {}", to, what));
}

bool is_bucket(std::string_view name) {
  return name.size() >= 3 && name.size() <= 255 && std::ranges::all_of(name, [](char letter) {
           const char lower = static_cast<char>(letter | 0x20);
           return (letter >= '0' && letter <= '9') || (lower >= 'a' && lower <= 'z') ||
                  letter == '.' || letter == '-' || letter == '_';
         });
}

// Whether it can be the begin of names: steps that any client and server take as they are.
bool is_prefix(std::string_view text) {
  if (text.size() > kPrefixBytesMax) return false;
  while (!text.empty()) {
    const std::string_view step = text.substr(0, text.find('/'));
    text.remove_prefix(std::min(step.size() + 1, text.size()));
    const bool is_plain = std::ranges::all_of(step, [](char letter) {
      return static_cast<unsigned char>(letter) >= ' ' && letter != 0x7f;
    });
    if (step.empty() || step == "." || step == ".." || !is_plain) return false;
  }
  return true;
}

S3Limits s3_limits(const Configuration& configuration) {
  S3Limits limits;
  limits.part_bytes = static_cast<std::size_t>(configuration.integer("backups.s3_part_bytes"));
  limits.timeout =
      std::chrono::milliseconds(configuration.duration("backups.s3_timeout").us / 1000);
  limits.attempts = configuration.integer("backups.s3_attempts");
  return limits;
}
}  // namespace

std::span<const Setting> s3_settings() {
  static const std::vector<Setting> kSettings = [] {
    std::vector<Setting> found;
    for (const Setting& setting : serve_settings()) {
      if (setting.name.starts_with("backups.s3_")) found.push_back(setting);
    }
    return found;
  }();
  return kSettings;
}

bool is_s3_place(std::string_view to) { return to.starts_with(kScheme); }

Result<S3Place> s3_place(std::string_view to, const Configuration& configuration) {
  std::string_view rest = to.substr(kScheme.size());
  S3Place place;
  place.bucket = rest.substr(0, rest.find('/'));
  if (!is_bucket(place.bucket))
    return refuse(to, "it is s3://BUCKET or s3://BUCKET/PREFIX, and this names no bucket");
  rest.remove_prefix(std::min(place.bucket.size() + 1, rest.size()));
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (!is_prefix(rest)) {
    return refuse(to, fmt::format("a prefix has steps of a name each, at most {} bytes in all, "
                                  "such as banks/tocsin",
                                  kPrefixBytesMax));
  }
  if (!rest.empty()) place.prefix = std::string(rest) + "/";
  place.region = configuration.text("backups.s3_region");
  const bool is_region =
      !place.region.empty() && std::ranges::all_of(place.region, [](char letter) {
        return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
               letter == '-';
      });
  if (!is_region)
    return fail(Errc::kInvalidArgument, "backups.s3_region is a name such as eu-central-1");
  std::string endpoint = configuration.text("backups.s3_endpoint");
  if (endpoint.empty()) endpoint = fmt::format("https://s3.{}.amazonaws.com", place.region);
  Result<WebhookUrl> url = parse_webhook_url(endpoint);
  if (!url) return fail(Errc::kInvalidArgument, "backups.s3_endpoint: " + url.error().message);
  if (url->target != "/") {
    return fail(Errc::kInvalidArgument,
                fmt::format("backups.s3_endpoint is http://HOST[:PORT] or the same with https, "
                            "without a path: {}",
                            endpoint));
  }
  place.endpoint = *std::move(url);
  place.is_path_style = configuration.boolean("backups.s3_path_style");
  return place;
}

Result<void> check_backup_place(std::string_view to, const Configuration& configuration) {
  if (is_s3_place(to)) {
    if (auto place = s3_place(to, configuration); !place) return tl::unexpected(place.error());
    return {};
  }
  if (to.find("://") == to.npos) return {};
  return refuse(to, "backups are kept in a folder, or in s3://BUCKET[/PREFIX]");
}

Result<std::unique_ptr<BackupStore>> open_backup_store(runtime::Files& files, const std::string& to,
                                                       const Configuration& configuration,
                                                       std::string holder) {
  static runtime::SystemClock clock;
  if (auto checked = check_backup_place(to, configuration); !checked)
    return tl::unexpected(checked.error());
  if (!is_s3_place(to)) return std::make_unique<FolderStore>(files, to);
  Result<S3Place> place = s3_place(to, configuration);
  if (!place) return tl::unexpected(place.error());
  const S3Limits limits = s3_limits(configuration);
  S3CredentialSource credentials =
      s3_credential_source(configuration.text("backups.s3_credentials_file"));
  if (const auto given = credentials(); !given)
    return fail(given.error().code, fmt::format("{}: {}", to, given.error().message));
  auto network = make_s3_network(*place, limits);
  if (!network) return tl::unexpected(network.error());
  return std::make_unique<S3Store>(*std::move(place), limits,
                                   S3Ports{*std::move(network), std::move(credentials), clock},
                                   std::move(holder));
}
}  // namespace tocsin::api
