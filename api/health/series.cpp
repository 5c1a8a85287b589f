#include "api/health/series.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <utility>

namespace tocsin::api {
namespace {
using Form = SeriesForm;
constexpr SeriesType kTypes[] = {
    {"events", "tocsin_intake_events_total", Form::kRate, "1/s", "Events in a second"},
    {"alerts", "tocsin_alerts_total", Form::kRate, "1/s", "Alerts in a second"},
    {"late", "tocsin_intake_late_total", Form::kRate, "1/s", "Late events set aside in a second"},
    {"invalid", "tocsin_intake_invalid_total", Form::kRate, "1/s", "Dead letters in a second"},
    {"waiting_events", "tocsin_intake_waiting_events", Form::kValue, "",
     "Events that wait to be put in order"},
    {"queue_requests", "tocsin_intake_queue_requests", Form::kValue, "",
     "Requests with events that wait"},
    {"commit_seconds", "tocsin_journal_commit_seconds", Form::kMean, "s",
     "A synchronised write of the journal, on average"},
    {"answer_seconds", "tocsin_intake_answer_seconds", Form::kMean, "s",
     "An answer to events, on average"},
    {"state_bytes", "tocsin_engine_state_bytes", Form::kValue, "B", "What the rules keep"},
    {"partial_matches", "tocsin_engine_partial_matches", Form::kValue, "", "Partial matches"},
    {"deliveries_owed", "tocsin_deliveries_owed", Form::kValue, "", "Deliveries that are owed"},
    {"checkpoint_age_seconds", "tocsin_checkpoint_age_seconds", Form::kValue, "s",
     "Age of the newest checkpoint"},
    {"memory_bytes", "tocsin_memory_resident_bytes", Form::kValue, "B", "Memory of the process"},
    {"disk_free_bytes", "tocsin_disk_free_bytes", Form::kValue, "B", "Free space of the disk"},
};
constexpr std::size_t kCount = std::size(kTypes);
constexpr SeriesType kOfSource[] = {
    {"source_behind", "tocsin_watermark_behind_seconds", Form::kValue, "s",
     "Behind the source that is furthest"},
    {"source_events", "tocsin_intake_source_events_total", Form::kRate, "1/s",
     "Events in a second"},
};
constexpr std::size_t kOfSourceCount = std::size(kOfSource);

// The value of a sample of /metrics.
std::optional<double> value_of_line(std::string_view line) {
  const std::size_t blank = line.rfind(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  double value = 0;
  const char* const end = line.data() + line.size();
  const auto parsed = std::from_chars(line.data() + blank + 1, end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}
// Of `NAME{source="…"} VALUE`, as it was before it was escaped.
std::string source_of(std::string_view line) {
  constexpr std::string_view kLabel = "source=\"";
  std::size_t at = line.find(kLabel);
  if (at == std::string_view::npos) return {};
  std::string name;
  for (at += kLabel.size(); at < line.size() && line[at] != '"'; ++at) {
    const bool is_escaped = line[at] == '\\' && at + 1 < line.size();
    if (is_escaped) ++at;
    name += is_escaped && line[at] == 'n' ? '\n' : line[at];
  }
  return name;
}

// The growth per second of a counter; one that fell began again, and a clock may go back.
std::optional<double> rate_of(const std::optional<double>& now, const std::optional<double>& before,
                              double passed) {
  if (!now || !before || *now < *before || passed <= 0) return std::nullopt;
  return (*now - *before) / passed;
}

// Sums over labels, by name, of the text of /metrics.
std::map<std::string_view, double> sums_of(std::string_view text) {
  std::map<std::string_view, double> sums;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with('#')) continue;
    if (const std::optional<double> value = value_of_line(line)) {
      sums[line.substr(0, line.find_first_of("{ "))] += *value;
    }
  }
  return sums;
}

std::optional<double> value_of(const std::map<std::string_view, double>& sums,
                               std::string_view name) {
  const auto found = sums.find(name);
  return found == sums.end() ? std::nullopt : std::optional(found->second);
}
}  // namespace

std::span<const SeriesType> series_types() { return kTypes; }
std::span<const SeriesType> source_series_types() { return kOfSource; }

SeriesRecorder::SeriesRecorder(std::function<std::string()> metrics, runtime::Clock& clock,
                               SeriesOptions options)
    : metrics_(std::move(metrics)),
      clock_(clock),
      options_(options),
      points_max_(static_cast<std::size_t>(
          std::max<std::int64_t>(1, options.age.us / std::max<std::int64_t>(1, options.step.us)))),
      last_(kCount) {}

SeriesRecorder::~SeriesRecorder() { stop(); }

void SeriesRecorder::start() {
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!is_stopping_) {
      lock.unlock();
      take();
      lock.lock();
      stopping_.wait_for(lock, std::chrono::microseconds(options_.step.us),
                         [this] { return is_stopping_; });
    }
  });
}

void SeriesRecorder::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SeriesRecorder::take() {
  const std::string text = metrics_();
  const std::map<std::string_view, double> sums = sums_of(text);
  const std::lock_guard lock(mutex_);
  Point point{clock_.now(), std::vector<std::optional<double>>(kCount)};
  const double passed = last_at_ ? static_cast<double>((point.at - *last_at_).us) / 1e6 : 0.0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const SeriesType& type = kTypes[i];
    if (type.form == Form::kValue) {
      point.values[i] = value_of(sums, type.metric);
      continue;
    }
    const std::string name(type.metric);
    const std::array<std::optional<double>, 2> now =
        type.form == Form::kRate
            ? std::array{value_of(sums, name), std::optional<double>()}
            : std::array{value_of(sums, name + "_sum"), value_of(sums, name + "_count")};
    const std::array<std::optional<double>, 2> before = std::exchange(last_[i], now);
    if (type.form == Form::kRate) {
      point.values[i] = rate_of(now[0], before[0], passed);
    } else if (now[1] && before[1] && *now[1] > *before[1]) {
      point.values[i] = rate_of(now[0], before[0], *now[1] - *before[1]);
    }
  }
  take_sources(text, passed, point);
  last_at_ = point.at;
  if (points_.size() < points_max_) {
    points_.push_back(std::move(point));
  } else {
    points_[begin_] = std::move(point);
    begin_ = (begin_ + 1) % points_.size();
  }
}

// A source that was passed over for a while has no rate when it comes back.
void SeriesRecorder::take_sources(std::string_view metrics, double passed, Point& point) {
  std::vector<std::optional<double>> now;  // by place, behind those of all
  while (!metrics.empty()) {
    const std::string_view line = take_line(metrics);
    const std::string_view metric = line.substr(0, line.find('{'));
    const auto* const type = std::ranges::find(kOfSource, metric, &SeriesType::metric);
    if (metric == line || type == std::end(kOfSource)) continue;
    const std::optional<std::size_t> source = take_source(source_of(line));
    if (!source) continue;
    const std::size_t place = place_of(*source, static_cast<std::size_t>(type - kOfSource));
    if (now.size() <= place - kCount) now.resize(place - kCount + 1);
    now[place - kCount] = value_of_line(line);
  }
  last_of_sources_.resize(now.size());
  point.values.resize(kCount + now.size());
  for (std::size_t i = 0; i < now.size(); ++i) {
    point.values[kCount + i] = kOfSource[i % kOfSourceCount].form == Form::kRate
                                   ? rate_of(now[i], last_of_sources_[i], passed)
                                   : now[i];
  }
  last_of_sources_ = std::move(now);
}

// Its place; nothing where as many have series as may.
std::optional<std::size_t> SeriesRecorder::take_source(std::string name) {
  const auto known = std::ranges::find(sources_, name);
  const auto place = static_cast<std::size_t>(known - sources_.begin());
  if (known != sources_.end()) return place;
  if (sources_.size() == kSeriesSourcesMax) return std::nullopt;
  sources_.push_back(std::move(name));
  return place;
}

std::size_t SeriesRecorder::place_of(std::size_t source, std::size_t type) {
  return kCount + source * kOfSourceCount + type;
}

std::vector<std::string> SeriesRecorder::sources() const {
  const std::lock_guard lock(mutex_);
  return sources_;
}

SeriesPage SeriesRecorder::page(std::span<const std::size_t> series, cep::EventTime from,
                                std::size_t points_max) const {
  const std::lock_guard lock(mutex_);
  SeriesPage page{
      options_.step, {}, std::vector<std::vector<std::optional<double>>>(series.size())};
  std::vector<const Point*> points;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const Point& point = points_[(begin_ + i) % points_.size()];
    if (point.at >= from) points.push_back(&point);
  }
  const std::size_t together = std::max<std::size_t>(
      1, (points.size() + points_max - 1) / std::max<std::size_t>(1, points_max));
  page.step.us *= static_cast<std::int64_t>(together);
  for (std::size_t begin = 0; begin < points.size(); begin += together) {
    const std::size_t end = std::min(begin + together, points.size());
    page.times.push_back(points[end - 1]->at);
    for (std::size_t s = 0; s < series.size(); ++s) {
      double sum = 0;
      std::size_t count = 0;
      for (std::size_t i = begin; i < end; ++i) {
        const std::vector<std::optional<double>>& values = points[i]->values;
        if (series[s] >= values.size() || !values[series[s]]) continue;
        sum += *values[series[s]];
        ++count;
      }
      page.values[s].push_back(count == 0 ? std::nullopt
                                          : std::optional(sum / static_cast<double>(count)));
    }
  }
  return page;
}
}  // namespace tocsin::api
