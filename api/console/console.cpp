#include "api/console/console.h"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "api/base/command.h"
#include "api/console/console_files.h"
#include "api/people/asking_person.h"
#include "api/proxy/trusted_proxies.h"

namespace tocsin::api {
void Console::open(const Configuration& configuration, const std::string& folder,
                   runtime::Clock& clock) {
  if (!configuration.boolean("console.enabled")) return;
  SessionLimits limits;
  limits.idle_max = configuration.duration("console.session_idle");
  limits.age_max = configuration.duration("console.session_age");
  limits.person_age_max = configuration.duration("openid.session_age");
  limits.sessions_max = static_cast<std::size_t>(configuration.integer("console.sessions_max"));
  limits.of_token_max =
      static_cast<std::size_t>(configuration.integer("console.token_sessions_max"));
  limits.is_secure = !configuration.text("http.tls_certificate").empty();
  // What is wrong with the setting, the start says.
  if (auto proxies = TrustedProxies::make(configuration.texts("http.trusted_proxies"));
      proxies && !proxies->empty()) {
    limits.is_https = [believed = *std::move(proxies)](const HttpRequest& request) {
      return came_by_https(believed, request);
    };
  }
  sessions_ = std::make_unique<SessionStore>(folder + "/" + kSessionsFile, clock, limits);
  if (const Result<void> read = sessions_->read(); !read) {
    tell(fmt::format("warning: {}; everybody signs in to the console again\n",
                     read.error().message));
  }
}

std::optional<HttpAdmission> Console::admit(const HttpRequest& request) const {
  if (!sessions_) return std::nullopt;
  std::optional<HttpResponse> answer = answer_console(request.head(), console_assets());
  if (!answer) return std::nullopt;
  return answer_at_once(*std::move(answer));
}
}  // namespace tocsin::api
