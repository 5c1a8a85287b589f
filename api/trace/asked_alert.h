/// The alert that a request is about, as who asks is shown it.
#pragma once
#include <string>
#include <tl/expected.hpp>

#include "api/rest/router.h"
#include "api/trace/alert_replay.h"
#include "api/trace/trace_source.h"
#include "runtime/effects/effects.h"

namespace tocsin::api {
struct AskedAlert {
  runtime::StoredAlert stored;
  ListedMatch match;
  std::string shown;             // its line, with marks where personal data is hidden from who asks
  bool is_masked = false;        // personal data is hidden
  bool is_masked_whole = false;  // nothing in it is known to be anybody's to see
};
/// The alert whose id is the path's `id`; that it was read becomes an entry of the audit log. Else
/// the answer that refuses.
tl::expected<AskedAlert, HttpResponse> asked_alert(ApiRequest& request, const TraceSource& source);
}  // namespace tocsin::api
