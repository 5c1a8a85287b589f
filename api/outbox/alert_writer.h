/// Where an alert of a run goes: one line of format 1 to the alerts' output, and the same bytes to
/// the outbox.
#pragma once
#include "api/base/output_file.h"
#include "api/outbox/webhook_outbox.h"
#include "cep/base/result.h"
#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::api {
/// Borrows all three; `outbox` may be null.
class AlertWriter {
 public:
  AlertWriter(const cep::Plan& plan, OutputFile& output, WebhookOutbox* outbox)
      : format_(plan), output_(output), outbox_(outbox) {}
  /// Writes one alert; what is owed to the webhook is owed although the output fails. Errors: kIo.
  Result<void> write(const cep::Alert& alert);

 private:
  cep::AlertFormat format_;
  OutputFile& output_;
  WebhookOutbox* outbox_;
};
}  // namespace tocsin::api
