/// Which requests need the approval of another person ("four eyes"), by the settings `four_eyes.…`.
/// Changes of what live rules do have approvals of their own (api/rollout).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/base/configuration.h"
#include "api/node/run_arguments.h"
#include "api/rest/proposals.h"
#include "api/rest/router.h"
#include "cep/value/time.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"

namespace tocsin::api {
struct FourEyes {
  std::optional<cep::Duration> silence_longer = {};  // a silence that lasts longer
  bool silence_wide = false;                         // one that is not of one rule
  bool list_removal = false;                         // entries of lists and tables taken out
  bool ignored_tests = false;                        // a deploy although tests fail
  bool pii = false;                                  // a subscription with personal data

  bool are_any() const {
    return silence_longer || silence_wide || list_removal || ignored_tests || pii;
  }
};
FourEyes four_eyes(const Configuration& configuration);
/// Why a request, whose body is not packed, needs it; empty: it does not, or is none that its
/// operation would take.
std::string review(const FourEyes& settings, std::string_view operation, const ApiRequest& request,
                   cep::EventTime now);
inline constexpr const char* kWhoWithdraws =
    "Who asked for it may, and who may approve it. The audit log has the comment and who asked.";
RouteParameter withdrawal_comment();
/// Whether who asks may withdraw what `asker` asked for; the answer where not. Notes for the audit
/// log who asked for it, where that is somebody else, and the comment.
std::optional<HttpResponse> check_withdrawal(ApiRequest& request, const std::string& asker);
/// What waits in a data directory. Tells of what the process before was doing when it ended. Fails
/// with the exit code of the start. All that is given must outlive it.
Outcome<std::unique_ptr<ProposalStore>> open_proposals(runtime::Files& files, runtime::Clock& clock,
                                                       const runtime::DataPaths& paths,
                                                       const Configuration& configuration);
/// Has requests of a router wait there, where the settings say so of any. What is packed is
/// unpacked before: it is read here, and by who approves it.
void use_four_eyes(RouterOptions& options, ProposalStore& proposals, runtime::Clock& clock,
                   const Configuration& configuration);
}  // namespace tocsin::api
