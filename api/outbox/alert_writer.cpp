#include "api/outbox/alert_writer.h"

#include <functional>

#include "cep/data/alert_work.h"

namespace tocsin::api {
bool AlertWriter::is_live(const cep::Alert& alert) const {
  return cep::status_of(plan_, alert) == cep::Status::kLive;
}

void AlertWriter::prepare(std::span<const cep::Alert> alerts) {
  const auto count = static_cast<std::uint32_t>(alerts.size());
  const std::uint32_t parts = cep::parts_of(workers_, count * cep::kRowsOfAlert, 1);
  prepared_ = alerts;
  places_.clear();
  last_ = nullptr;
  for (std::size_t i = alerts.size(); i-- > 0 && last_ == nullptr;) {
    if (is_live(alerts[i])) last_ = &alerts[i];
  }
  if (parts == 1) return;
  while (parts_.size() < parts) parts_.emplace_back(plan_);
  places_.assign(count, {});
  workers_->run(parts, [&](std::uint32_t number, std::uint32_t /*worker*/) {
    Part& part = parts_[number];
    part.text.clear();
    const cep::PartRange range = cep::part_range(count, number, parts);
    for (std::uint32_t i = range.begin; i < range.end; ++i) {
      if (!is_live(alerts[i])) continue;
      const std::string_view line = part.format.line(alerts[i]);
      places_[i] = {&part.text, part.text.size(), line.size()};
      part.text += line;
    }
  });
}

bool AlertWriter::is_prepared(const cep::Alert& alert) const {
  const std::less<const cep::Alert*> is_before;
  return !prepared_.empty() && !is_before(&alert, prepared_.data()) &&
         is_before(&alert, prepared_.data() + prepared_.size());
}

std::string_view AlertWriter::line_of(const cep::Alert& alert) {
  const Place place = !places_.empty() && is_prepared(alert)
                          ? places_[static_cast<std::size_t>(&alert - prepared_.data())]
                          : Place();
  if (place.text == nullptr) return format_.line(alert);
  return std::string_view(*place.text).substr(place.begin, place.size);
}

Result<void> AlertWriter::write(const cep::Alert& alert) {
  const std::string_view line = line_of(alert);
  Result<void> owed;
  if (outbox_ != nullptr) owed = outbox_->enqueue(cep::alert_id(alert.digest), line);
  const bool is_last = &alert == last_ || !is_prepared(alert);
  Result<void> written = is_last ? output_.write_line(line) : output_.write_line_of_many(line);
  return written ? owed : written;
}
}  // namespace tocsin::api
