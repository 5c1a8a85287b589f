/// Figures of the last hours, taken at a steady pace and kept in memory, for charts.
#pragma once
#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cep/value/time.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// How a value of a series comes from metrics, of which each is the sum over its labels.
enum class SeriesForm : std::uint8_t {
  kValue,  // of a gauge
  kRate,   // of a counter: its growth per second
  kMean,   // of a histogram: its growing sum by its growing count
};
struct SeriesType {
  std::string_view name;
  std::string_view metric;  // as /metrics has it, without `_sum` and `_count`
  SeriesForm form;
  std::string_view unit;
  std::string_view title;
};
/// All series, in the order of a screen.
std::span<const SeriesType> series_types();

/// Those that each source of events has, after all others: how far it is behind, and its events.
std::span<const SeriesType> source_series_types();
constexpr std::size_t kSeriesSourcesMax = 16;  // sources that have a series: the first that came

/// The values of series in equal steps of time.
struct SeriesPage {
  cep::Duration step;
  std::vector<cep::EventTime> times;  // the end of each step
  /// By place of the names that were asked for; absent where nothing was taken.
  std::vector<std::vector<std::optional<double>>> values;
};
struct SeriesOptions {
  cep::Duration age{std::int64_t{24} * 3'600'000'000};
  cep::Duration step{10'000'000};
};

/// Threading: any.
class SeriesRecorder {
 public:
  /// `metrics` gives the text of /metrics; it and the clock outlive this.
  SeriesRecorder(std::function<std::string()> metrics, runtime::Clock& clock,
                 SeriesOptions options);
  /// As stop().
  ~SeriesRecorder();
  SeriesRecorder(const SeriesRecorder&) = delete;
  SeriesRecorder& operator=(const SeriesRecorder&) = delete;

  /// Takes figures every step, in a thread. Without it take() does.
  void start();
  void stop();
  /// Takes the figures of now.
  void take();
  /// The sources that have series.
  std::vector<std::string> sources() const;
  /// The place of a source's series, by its place in sources() and in source_series_types(): behind
  /// those of series_types().
  static std::size_t place_of(std::size_t source, std::size_t type);
  /// Series, by place in series_types() or of a source, from a time on, in `points_max` steps at
  /// most: where more were taken, a step has their mean.
  SeriesPage page(std::span<const std::size_t> series, cep::EventTime from,
                  std::size_t points_max) const;

 private:
  struct Point {
    cep::EventTime at;
    std::vector<std::optional<double>> values;  // by place; of the sources that were there then
  };
  void take_sources(std::string_view metrics, double passed, Point& point);
  std::optional<std::size_t> take_source(std::string name);
  const std::function<std::string()> metrics_;
  runtime::Clock& clock_;
  const SeriesOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  bool is_stopping_ = false;
  std::thread thread_;
  std::size_t points_max_;
  std::vector<Point> points_;  // a ring, from `begin_` on
  std::size_t begin_ = 0;
  std::vector<std::string> sources_;
  // Counters as they were taken last, by place: of a histogram its sum, then its count.
  std::optional<cep::EventTime> last_at_;
  std::vector<std::array<std::optional<double>, 2>> last_;
  std::vector<std::optional<double>> last_of_sources_;  // by place, behind those
};
}  // namespace tocsin::api
