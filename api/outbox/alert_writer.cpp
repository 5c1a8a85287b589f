#include "api/outbox/alert_writer.h"

#include <string>

namespace tocsin::api {
Result<void> AlertWriter::write(const cep::Alert& alert) {
  const std::string line = cep::format_alert(plan_, alert);
  Result<void> owed;
  if (outbox_ != nullptr) owed = outbox_->enqueue(alert.id, line);
  Result<void> written = output_.write_line(line);
  return written ? owed : written;
}
}  // namespace tocsin::api
