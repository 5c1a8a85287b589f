#include "api/outbox/alert_writer.h"

#include <functional>

#include "cep/data/alert_work.h"

namespace tocsin::api {
void AlertWriter::prepare(std::span<const cep::Alert> alerts) {
  const auto count = static_cast<std::uint32_t>(alerts.size());
  const std::uint32_t parts = cep::parts_of(workers_, count * cep::kRowsOfAlert, 1);
  prepared_ = {};
  if (parts == 1) return;
  while (parts_.size() < parts) parts_.emplace_back(plan_);
  places_.assign(count, {});
  workers_->run(parts, [&](std::uint32_t number, std::uint32_t /*worker*/) {
    Part& part = parts_[number];
    part.text.clear();
    const cep::PartRange range = cep::part_range(count, number, parts);
    for (std::uint32_t i = range.begin; i < range.end; ++i) {
      if (cep::status_of(plan_, alerts[i]) != cep::Status::kLive) continue;
      const std::string_view line = part.format.line(alerts[i]);
      places_[i] = {&part.text, part.text.size(), line.size()};
      part.text += line;
    }
  });
  prepared_ = alerts;
}

std::string_view AlertWriter::line_of(const cep::Alert& alert) {
  const std::less<const cep::Alert*> is_before;
  const bool is_among = !prepared_.empty() && !is_before(&alert, prepared_.data()) &&
                        is_before(&alert, prepared_.data() + prepared_.size());
  const Place place =
      is_among ? places_[static_cast<std::size_t>(&alert - prepared_.data())] : Place();
  if (place.text == nullptr) return format_.line(alert);
  return std::string_view(*place.text).substr(place.begin, place.size);
}

Result<void> AlertWriter::write(const cep::Alert& alert) {
  const std::string_view line = line_of(alert);
  Result<void> owed;
  if (outbox_ != nullptr) owed = outbox_->enqueue(alert.id, line);
  Result<void> written = output_.write_line(line);
  return written ? owed : written;
}
}  // namespace tocsin::api
