/// Where an alert of a run goes: one line of format 1 to the alerts' output, and the same bytes to
/// the outbox.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/base/output_file.h"
#include "api/outbox/webhook_outbox.h"
#include "cep/base/result.h"
#include "cep/base/workers.h"
#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::api {
/// Threading: one caller at a time.
class AlertWriter {
 public:
  /// Borrows all; `outbox` and `workers` may be null.
  AlertWriter(const cep::Plan& plan, OutputFile& output, WebhookOutbox* outbox,
              cep::Workers* workers = nullptr)
      : plan_(plan), format_(plan), output_(output), outbox_(outbox), workers_(workers) {}
  /// Prepares for alerts of which the live ones are written next, in their order: several threads
  /// format them where they are many, and their lines reach the output together. They stay until
  /// the next call.
  void prepare(std::span<const cep::Alert> alerts);
  /// Writes one live alert; what is owed to the webhook is owed although the output fails. Errors:
  /// kIo.
  Result<void> write(const cep::Alert& alert);

 private:
  // Lines of alerts next to each other, made by one thread.
  struct alignas(64) Part {
    explicit Part(const cep::Plan& plan) : format(plan) {}
    cep::AlertFormat format;
    std::string text;
  };
  struct Place {
    const std::string* text = nullptr;  // null: it has no line
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  bool is_live(const cep::Alert& alert) const;
  bool is_prepared(const cep::Alert& alert) const;
  std::string_view line_of(const cep::Alert& alert);

  const cep::Plan& plan_;
  cep::AlertFormat format_;
  OutputFile& output_;
  WebhookOutbox* outbox_;
  cep::Workers* workers_;
  std::vector<Part> parts_;
  std::span<const cep::Alert> prepared_;
  const cep::Alert* last_ = nullptr;  // the last live one of these
  std::vector<Place> places_;         // by alert of these; empty: none was formatted
};
}  // namespace tocsin::api
