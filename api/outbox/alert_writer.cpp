#include "api/outbox/alert_writer.h"

#include <string_view>

namespace tocsin::api {
Result<void> AlertWriter::write(const cep::Alert& alert) {
  const std::string_view line = format_.line(alert);
  Result<void> owed;
  if (outbox_ != nullptr) owed = outbox_->enqueue(alert.id, line);
  Result<void> written = output_.write_line(line);
  return written ? owed : written;
}
}  // namespace tocsin::api
