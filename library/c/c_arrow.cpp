// Record batches of Arrow in, alerts as record batches out.
#include <tocsin.h>

#include <cstdint>

#include "library/c/c_call.h"
#include "library/c/c_handles.h"
#include "library/c/c_run_call.h"

using namespace tocsin::library;  // NOLINT: what follows is outside of every namespace

tocsin_status tocsin_run_push_arrow(tocsin_run* run, uint32_t source, const char* type,
                                    const struct ArrowSchema* schema,
                                    const struct ArrowArray* batch, int64_t first_row,
                                    int64_t* taken, tocsin_error** error) {
  int64_t count = 0;
  const tocsin_status status = call_to_change(run, error, [&](tocsin_run& of) -> CallResult {
    if (schema == nullptr) return fail_null("schema");
    if (batch == nullptr) return fail_null("batch");
    if (CallResult known = check_source(of, source); !known) return known;
    const auto check = [&of]() -> tocsin::Result<void> {
      const CallResult room = check_output_room(of);
      if (room) return {};
      return tocsin::fail(tocsin::Errc::kLimit, room.error().message);
    };
    const tocsin::runtime::PushedBytes pushed =
        of.run.push(source, *schema, *batch, type == nullptr ? "" : type, first_row, check);
    count = static_cast<int64_t>(pushed.taken);
    return call_result(pushed.result);
  });
  if (taken != nullptr) *taken = count;
  return status;
}

tocsin_status tocsin_run_take_arrow(tocsin_run* run, struct ArrowSchema* schema,
                                    struct ArrowArray* alerts, tocsin_error** error) {
  return call_to_read(run, error, [&](tocsin_run& of) -> CallResult {
    if (schema == nullptr) return fail_null("schema");
    if (alerts == nullptr) return fail_null("alerts");
    if (!of.options.has_alert_columns) {
      return fail_call(TOCSIN_WRONG_STATE,
                       "alerts of this run are lines: open it with \"alerts\":\"arrow\", or take "
                       "them with tocsin_run_take()");
    }
    if (CallResult flushed = flush(of); !flushed) return flushed;
    of.alert_columns.take(*schema, *alerts);
    return {};
  });
}
