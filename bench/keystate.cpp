/// The key table: the longest pause of one event while it grows, and the state of a key.
///
///   bench_keystate pause KEYS FIGURES     events one by one, each of a new key
///   bench_keystate state KEYS FIGURES     bytes of state a key, under load with expiry
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/many_keys.h"
#include "bench/measure.h"
#include "bench/process_memory.h"
#include "bench/report.h"
#include "bench/warm_memory.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "runtime/io/memory_ahead.h"

namespace {
using namespace tocsin;

constexpr double kPauseTargetMs = 5;
constexpr double kLongSeconds = 0.001;
constexpr std::int64_t kWindowUs = 600'000'000;

// What one growth of the table took.
struct Growth {
  double spent = 0;         // seconds of CPU, of all events
  double longest_cpu = 0;   // of one event
  double longest_wall = 0;  // the same by the clock
  std::uint64_t longest_at = 0;
  std::uint64_t long_ones = 0;  // events over kLongSeconds
  double state_bytes = 0;       // of all keys
  double resident_bytes = 0;
};

Growth grow(const cep::Program& program, std::uint64_t keys) {
  Growth growth;
  const std::size_t before = bench::resident_bytes();
  cep::Engine engine(program, 1);
  bench::ManyKeys stream(program, keys);
  for (std::uint64_t i = 0; i < keys; ++i) {
    stream.prepare(1);
    const double wall = bench::seconds_of(CLOCK_MONOTONIC);
    const double start = bench::thread_seconds();
    stream.advance(engine);
    const double took = bench::thread_seconds() - start;
    growth.longest_wall = std::max(growth.longest_wall, bench::seconds_of(CLOCK_MONOTONIC) - wall);
    growth.spent += took;
    if (took > kLongSeconds) ++growth.long_ones;
    if (took > growth.longest_cpu) {
      growth.longest_cpu = took;
      growth.longest_at = i;
    }
  }
  const cep::EngineStats stats = engine.stats();
  if (stats.keys != keys) bench::die("every event has made a key");
  growth.state_bytes = static_cast<double>(stats.state_bytes);
  growth.resident_bytes = static_cast<double>(bench::resident_bytes() - before);
  return growth;
}

// What else the machine does only makes a pause longer: a pause of the table's own is in each
// round, so that of the quietest round counts.
void measure_pause(std::uint64_t keys, const char* figures) {
  constexpr int kRounds = 3;
  constexpr std::uint64_t kBytesOfKey = 300;  // and more than is needed of it
  bench::warm_memory(keys * kBytesOfKey);
  const cep::Program program = bench::many_keys_program();
  const runtime::MemoryAhead memory_ahead;  // as beside a server
  const auto count = static_cast<double>(keys);
  Growth best;
  for (int round = 0; round < kRounds; ++round) {
    const Growth growth = grow(program, keys);
    std::printf(
        "growth to %llu keys, one event each: %.0f ns an event, longest %.2f ms of CPU (at key "
        "%llu), %.2f ms of time, %llu over 1 ms of CPU; %.1f bytes of state a key, %.1f resident\n",
        static_cast<unsigned long long>(keys), growth.spent * 1e9 / count, growth.longest_cpu * 1e3,
        static_cast<unsigned long long>(growth.longest_at), growth.longest_wall * 1e3,
        static_cast<unsigned long long>(growth.long_ones), growth.state_bytes / count,
        growth.resident_bytes / count);
    if (round == 0 || growth.longest_cpu < best.longest_cpu) best = growth;
  }
  std::printf("longest pause of the quietest round: %.2f ms; target: none over %.0f ms: %s\n",
              best.longest_cpu * 1e3, kPauseTargetMs,
              best.longest_cpu * 1e3 <= kPauseTargetMs ? "met" : "missed");
  bench::Report report("pause", "longest pause of one event while keys grow");
  report.add("keys", count);
  report.add("ns_per_event", best.spent * 1e9 / count);
  report.add("longest_cpu_ms", best.longest_cpu * 1e3);
  report.add("longest_wall_ms", best.longest_wall * 1e3);
  report.add("over_1_ms", static_cast<double>(best.long_ones));
  report.add("state_bytes_per_key", best.state_bytes / count);
  report.add("resident_bytes_per_key", best.resident_bytes / count);
  report.add("target_longest_ms", kPauseTargetMs);
  report.append_to(figures);
}

/// What the state of a key is measured of.
struct Form {
  const char* name;
  const char* rules;         // after the event's declaration
  std::int64_t events;       // of a key, in its window
  std::int64_t amount;       // of these
  std::int64_t last_amount;  // of the event that alerts
  double target;             // bytes a key
};
constexpr Form kForms[] = {
    {"one count",
     "rule r \"R\" { by card when pay where count(pay) over last 10m >= 4 alert \"x\" }", 3, 1, 1,
     64},
    {"three features",
     "features of pay by card over last 10m { n = count, total = sum(amount), most = max(amount) "
     "}\n"
     "rule r \"R\" { by card when pay where n >= 4 and total >= 4 and most >= 1 alert \"x\" }",
     3, 1, 1, 160},
    {"card testing, two probes",
     "rule r \"R\" { by card when 2+ pay as small where amount < 2 then pay where amount > 200 "
     "within 10m after match skip past last alert \"x\" }",
     2, 1, 500, 200},
};

// Events of keys that have never come before, in an order of no meaning; windows of keys end while
// others begin.
class Load {
 public:
  Load(const cep::Program& program, std::uint64_t keys)
      : plan_(program.plan()), engine_(program, 1), batch_(plan_), keys_(keys) {}

  // So many events of each of `keys` new keys, over one window.
  void add_keys(std::int64_t events, std::int64_t amount) {
    for (std::int64_t round = 0; round < events; ++round) {
      for (std::uint64_t i = 0; i < keys_; ++i) {
        now_us_ =
            begin_us_ + (round * static_cast<std::int64_t>(keys_) + static_cast<std::int64_t>(i)) *
                            kWindowUs / (events * static_cast<std::int64_t>(keys_));
        add(first_key_ + i, amount);
      }
    }
    flush();
    begin_us_ += kWindowUs;
    last_key_ = first_key_;
    first_key_ += keys_;
  }
  // One more event of each hundredth of the last keys, whose windows are still open.
  void alert_some(std::int64_t amount) {
    for (std::uint64_t i = keys_ - keys_ / 100; i < keys_; ++i) add(last_key_ + i, amount);
    flush();
  }
  const cep::Engine& engine() const { return engine_; }
  std::size_t alerts() const { return alerts_; }

 private:
  void add(std::uint64_t key, std::int64_t amount) {
    char card[24];
    std::snprintf(card, sizeof(card), "C%08llu",
                  static_cast<unsigned long long>(key * 7'919 % 99'999'989));
    ++events_;
    batch_.append(
        plan_, cep::EventTypeIndex(0), {now_us_}, {now_us_}, {events_, 0},
        {cep::Value::time({now_us_}), cep::Value::integer(static_cast<std::int64_t>(events_)),
         cep::Value::string(card), cep::Value::integer(amount)});
    if (batch_.rows.size() == bench::ManyKeys::kSliceRows) flush();
  }
  void flush() {
    engine_.advance(batch_, {now_us_}, raised_);
    alerts_ += raised_.size();
    raised_.clear();
    batch_.clear();
  }

  const cep::Plan& plan_;
  cep::Engine engine_;
  cep::Batch batch_;
  std::vector<cep::Alert> raised_;
  std::uint64_t keys_, events_ = 0, first_key_ = 0, last_key_ = 0;
  std::int64_t begin_us_ = 0, now_us_ = 0;
  std::size_t alerts_ = 0;
};

void measure_state(const Form& form, std::uint64_t keys, const char* figures) {
  const std::string text =
      "event pay { ts: time from 1970, id: int id, card: string, amount: int }\n" +
      std::string(form.rules) + "\n";
  const cep::Program program = bench::must(cep::compile(bench::text_plan(text)));
  const std::size_t before = bench::resident_bytes();
  Load load(program, keys);
  load.add_keys(form.events, form.amount);
  const auto loaded = static_cast<double>(load.engine().stats().state_bytes);
  for (int round = 1; round < 3; ++round) load.add_keys(form.events, form.amount);
  const cep::EngineStats stats = load.engine().stats();
  const auto resident = static_cast<double>(bench::resident_bytes() - before);
  load.alert_some(form.last_amount);
  if (load.alerts() != keys / 100) {
    bench::die(std::string(form.name) + ": " + std::to_string(load.alerts()) + " alerts, and not " +
               std::to_string(keys / 100));
  }
  const auto live = static_cast<double>(keys);
  const double worst = std::max(loaded, static_cast<double>(stats.state_bytes)) / live;
  std::printf("%-26s %10.0f %12.1f %12.1f %12.1f %8.0f %s\n", form.name, live, loaded / live,
              static_cast<double>(stats.state_bytes) / live, resident / live, form.target,
              worst <= form.target ? "met" : "missed");
  bench::Report report(std::string("state: ") + form.name, "bytes over the keys of one window");
  report.add("keys", live);
  report.add("alerts", static_cast<double>(load.alerts()));
  report.add("bytes_per_key_loaded", loaded / live);
  report.add("bytes_per_key_with_expiry", static_cast<double>(stats.state_bytes) / live);
  report.add("resident_bytes_per_key", resident / live);
  report.add("target_bytes_per_key", form.target);
  report.append_to(figures);
}
}  // namespace

int main(int argc, char** argv) {
  const std::string part = argc == 4 ? argv[1] : "";
  const std::uint64_t keys = argc == 4 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (keys == 0 || (part != "pause" && part != "state")) {
    bench::die("usage: bench_keystate pause|state KEYS FIGURES");
  }
  if (part == "pause") {
    measure_pause(keys, argv[3]);
    return 0;
  }
  std::printf("%-26s %10s %12s %12s %12s %8s\n", "bytes of state a key", "keys", "loaded",
              "with expiry", "resident", "target");
  for (const Form& form : kForms) measure_state(form, keys, argv[3]);
  return 0;
}
