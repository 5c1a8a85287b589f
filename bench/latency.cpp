/// What an event costs that is taken alone, at half load: decoded from its line, given to the
/// engine as a slice of one row, its alerts formatted. After each event the program waits as long
/// as an event takes on average, so that caches and the processor are not those of a full run.
///
///   bench_latency EVENTS.ndjson RULES.tocsin ALERTS FIGURES
///
/// The first tenth of the events only warms up. Fails if the alerts are not ALERTS in number.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/measure.h"
#include "bench/report.h"
#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "runtime/decode/decoder.h"

namespace {
using namespace tocsin;

constexpr double kTargetMicroseconds = 100;  // of the 99th percentile

class OneByOne {
 public:
  explicit OneByOne(const cep::Program& program)
      : decoder_(program.plan(), program.used_fields(), program.used_types()),
        batch_(program.plan()),
        format_(program.plan()),
        engine_(program, 1) {
    decoder_.begin(batch_);
  }
  void take(std::string_view line) {
    const runtime::Decoded decoded = decoder_.decode(line, nullptr);
    ++arrival_;
    if (decoded.kind != runtime::LineKind::kEvent) bench::die("every line is an event");
    if (!decoded.used) return;
    decoder_.keep(decoded.ts, {arrival_, 0});
    decoder_.finish();
    advance(decoded.ts);
    batch_.clear();
    decoder_.begin(batch_);
  }
  void advance(cep::EventTime watermark) {
    engine_.advance(batch_, watermark, raised_);
    for (const cep::Alert& alert : raised_) bytes_ += format_.line(alert).size();
    alerts_ += raised_.size();
    raised_.clear();
  }
  std::uint64_t alerts() const { return alerts_; }

 private:
  runtime::Decoder decoder_;
  cep::Batch batch_;
  cep::AlertFormat format_;
  cep::Engine engine_;
  std::vector<cep::Alert> raised_;
  std::uint64_t arrival_ = 0, alerts_ = 0, bytes_ = 0;
};

struct Times {
  std::vector<double> cpu, wall;  // seconds, of each event
};

Times take_all(OneByOne& all, const std::string& stream, std::size_t lines) {
  Times times;
  double spent = 0;
  std::size_t at = 0;
  for (std::size_t number = 0; number < lines; ++number) {
    const std::size_t newline = stream.find('\n', at);
    const double wall = bench::seconds_of(CLOCK_MONOTONIC);
    const double start = bench::thread_seconds();
    all.take({stream.data() + at, newline - at});
    const double took = bench::thread_seconds() - start;
    const double ready = bench::seconds_of(CLOCK_MONOTONIC);
    spent += took;
    if (number >= lines / 10) {
      times.cpu.push_back(took);
      times.wall.push_back(ready - wall);
    }
    const double mean = spent / static_cast<double>(number + 1);
    while (bench::seconds_of(CLOCK_MONOTONIC) < ready + mean) {
    }
    at = newline + 1;
  }
  return times;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) bench::die("usage: bench_latency EVENTS.ndjson RULES.tocsin ALERTS FIGURES");
  std::string stream = bench::must(bench::read_file(argv[1]));
  const auto lines = static_cast<std::size_t>(std::count(stream.begin(), stream.end(), '\n'));
  stream.resize(stream.size() + 64);  // that the decoder may read
  const cep::Program program = bench::must(cep::compile(bench::load_plan({argv[2]})));
  OneByOne all(program);
  const Times times = take_all(all, stream, lines);
  all.advance(cep::kEventTimeMax);
  if (all.alerts() != std::strtoull(argv[3], nullptr, 10)) {
    bench::die("latency: " + std::to_string(all.alerts()) + " alerts, and not " + argv[3]);
  }
  bench::Report report("latency", "CPU of an event taken alone at half load");
  report.add("events", static_cast<double>(times.cpu.size()));
  report.add("alerts", static_cast<double>(all.alerts()));
  report.add("target_p99_us", kTargetMicroseconds);
  std::printf("%-24s %9s %9s %9s %9s\n", "latency, us an event", "p50", "p99", "p99.9", "longest");
  for (const auto& [name, values] :
       {std::pair{"cpu", &times.cpu}, std::pair{"wall", &times.wall}}) {
    std::printf("%-24s", name);
    for (const auto& [part, title] : {std::pair{0.5, "p50"}, std::pair{0.99, "p99"},
                                      std::pair{0.999, "p99_9"}, std::pair{1.0, "longest"}}) {
      const double us = bench::percentile(*values, part) * 1e6;
      std::printf(" %9.2f", us);
      report.add((std::string(name) + "_" + title + "_us").c_str(), us);
    }
    std::printf("\n");
  }
  const bool is_met = bench::percentile(times.cpu, 0.99) * 1e6 <= kTargetMicroseconds;
  std::printf("target: p99 of CPU at most %.0f us: %s; %llu alerts\n", kTargetMicroseconds,
              is_met ? "met" : "missed", static_cast<unsigned long long>(all.alerts()));
  report.append_to(argv[4]);
  return 0;
}
