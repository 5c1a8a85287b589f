/// Writes alerts as JSON, many of one plan.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cep/data/alert.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/number_text.h"
#include "cep/value/text_buffer.h"

namespace tocsin::cep {
/// Keeps what all alerts of a rule have in common as text, from the rule's first alert on. Used by
/// one thread at a time.
class AlertFormat {
 public:
  /// Borrows the plan.
  explicit AlertFormat(const Plan& plan);
  ~AlertFormat();
  AlertFormat(AlertFormat&&) noexcept;
  AlertFormat& operator=(AlertFormat&&) noexcept;
  /// One line of format 1, without a line end, until the next call. A member that is missing is
  /// left out.
  std::string_view line(const Alert& alert);
  /// What the line of an alert of the rule says of the event, until the next call.
  std::string_view event(RuleIndex rule, const BoundEvent& event);

 private:
  struct RuleText;
  struct EventText;
  const RuleText& text_of(RuleIndex rule);
  void put_event(const RuleText& rule, const BoundEvent& event);

  const Plan* plan_;
  std::vector<std::unique_ptr<const RuleText>> rules_;
  TextBuffer out_;
  TimeText time_;  // of the alert that was written last
};
/// What AlertFormat::line() gives, for few alerts.
std::string format_alert(const Plan& plan, const Alert& alert);
}  // namespace tocsin::cep
