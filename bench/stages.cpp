/// A job of stages in one thread, each stage in one part (bench/README.md).
///
///   bench_stages events EVENTS.ndjson RULES.tocsin…   CPU time an event, by stage
///   bench_stages change KEYS…                         how long rules take to change at so many
///   keys
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure.h"
#include "cep/data/alert_format.h"
#include "cep/data/batch.h"
#include "cep/eval/computed.h"
#include "cep/plan/plan.h"
#include "cep/stage/alert_merge.h"
#include "cep/stage/hold_engine.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/stage_source.h"
#include "runtime/decode/decoder.h"
#include "runtime/decode/marked_lines.h"

namespace {
using namespace tocsin;
using To = cep::StageEdge::To;
constexpr std::size_t kRows = 2'048;

// Passes and holds in the order of work, then alerts.
class Job {
 public:
  explicit Job(const cep::Program& program) : source_(program, 1), merge_(program) {
    const cep::SpreadPlan plan = cep::spread_plan(program);
    for (std::uint32_t pass = 0; pass < plan.passes.size(); ++pass) {
      passes_.push_back(std::make_unique<cep::StageEngine>(program, pass, cep::KeyGroupRange{}, 1));
      holds_.push_back(nullptr);
      if (!plan.passes[pass].has_hold) continue;
      holds_.back() = std::make_unique<cep::HoldEngine>(program, pass, cep::KeyGroupRange{}, 1);
    }
  }
  cep::StageSource& source() { return source_; }
  cep::StageEngine& pass(std::size_t pass) { return *passes_[pass]; }
  void put(const cep::Batch& batch) {
    timed("source", [&] { source_.put(batch); });
    deliver("source", source_.outbox());
  }
  void advance(cep::EventTime watermark, std::vector<cep::Alert>& alerts) {
    for (std::size_t pass = 0; pass < passes_.size(); ++pass) {
      const std::string number = std::to_string(pass);
      timed("pass " + number, [&] { finish(*passes_[pass], watermark); });
      deliver("pass " + number, passes_[pass]->outbox());
      if (holds_[pass] == nullptr) continue;
      timed("hold " + number, [&] { finish(*holds_[pass], watermark); });
      deliver("hold " + number, holds_[pass]->outbox());
    }
    timed("alerts", [&] {
      while (!merge_.advance(watermark, alerts)) {
      }
    });
  }
  template <typename Work>
  void timed(const std::string& stage, Work&& work) {
    const double start = bench::thread_seconds();
    work();
    seconds_[stage] += bench::thread_seconds() - start;
  }
  const std::map<std::string, double>& seconds() const { return seconds_; }
  std::uint64_t bytes = 0;  // in blocks
  std::uint64_t blocks = 0;

 private:
  template <typename Stage>
  static void finish(Stage& stage, cep::EventTime watermark) {
    while (!bench::must(stage.advance(watermark, SIZE_MAX))) {
    }
  }
  void deliver(const std::string& from, cep::StageOutbox& outbox) {
    cep::StageBlock block;
    for (;;) {
      bool is_there = false;
      timed(from, [&] { is_there = outbox.take(block); });
      if (!is_there) return;
      bytes += block.bytes.size();
      ++blocks;
      const std::string pass = std::to_string(block.edge.pass);
      if (block.edge.to == To::kAlerts) {
        timed("alerts", [&] { bench::must(merge_.put(block.bytes)); });
      } else if (block.edge.to == To::kPass) {
        timed("pass " + pass + ", put",
              [&] { bench::must(passes_[block.edge.pass]->put(block.bytes)); });
      } else {
        timed("hold " + pass, [&] { bench::must(holds_[block.edge.pass]->put(block.bytes)); });
      }
    }
  }

  cep::StageSource source_;
  std::vector<std::unique_ptr<cep::StageEngine>> passes_;
  std::vector<std::unique_ptr<cep::HoldEngine>> holds_;
  cep::AlertMerge merge_;
  std::map<std::string, double> seconds_;
};

void measure_events(const std::string& events, const std::vector<std::string>& rules) {
  const cep::Program program = bench::must(cep::compile_by_pass(bench::load_plan(rules)));
  const std::string text = bench::must(bench::read_file(events)) + std::string(64, '\0');
  const std::size_t size = text.size() - 64;
  Job job(program);
  runtime::Decoder decoder(program.plan(), program.used_fields(), program.used_types());
  cep::Batch batch(program.plan());
  cep::AlertFormat format(program.plan());
  std::vector<cep::Alert> alerts;
  std::uint64_t lines = 0;
  std::uint64_t alerts_count = 0;
  std::size_t alert_bytes = 0;
  for (std::size_t at = 0; at < size;) {
    cep::EventTime last;
    job.timed("decode", [&] {
      decoder.begin(batch);
      while (at < size && batch.rows.size() < kRows) {
        const void* const newline = std::memchr(text.data() + at, '\n', size - at);
        const std::size_t end =
            newline == nullptr
                ? size
                : static_cast<std::size_t>(static_cast<const char*>(newline) - text.data());
        const runtime::Decoded decoded =
            decoder.decode(std::string_view(text).substr(at, end - at));
        if (decoded.kind == runtime::LineKind::kEvent && decoded.used) {
          decoder.keep(decoded.ts, {lines, 0});
          last = decoded.ts;
        }
        ++lines;
        at = end + 1;
      }
      decoder.finish();
      cep::fill_computed(program, batch);
    });
    job.put(batch);
    batch.clear();
    last.us -= 1;
    if (at >= size) last = cep::kEventTimeMax;
    job.advance(last, alerts);
    job.timed("alerts", [&] {
      for (const cep::Alert& alert : alerts) alert_bytes += format.line(alert).size();
    });
    alerts_count += alerts.size();
    alerts.clear();
  }
  const auto count = static_cast<double>(lines);
  double sum = 0;
  for (const auto& [stage, seconds] : job.seconds()) {
    std::printf("%-12s %8.1f ns an event\n", stage.c_str(), seconds * 1e9 / count);
    sum += seconds;
  }
  std::printf("%-12s %8.1f ns an event; %llu events, %llu alerts, %.0f bytes an event in blocks\n",
              "sum", sum * 1e9 / count, static_cast<unsigned long long>(lines),
              static_cast<unsigned long long>(alerts_count),
              static_cast<double>(job.bytes) / count);
}

constexpr const char* kRules = R"(
event payment { ts: time, id: string id, card: string, amount: int }
features of payment by card over last 10m { n = count, total = sum(amount), most = max(amount) }
rule pair "A small and a large payment" {
  by card
  when payment as small where amount < 10
  then payment as large where amount > 100 and n > 1 and total > 100 and most > 100
  within 10m
  alert "x"
}
)";

// The pass's state goes over to rules with one rule more, in pieces of 1,000 rows.
void measure_change(std::uint64_t keys) {
  const cep::Program program = bench::must(cep::compile_by_pass(bench::text_plan(kRules)));
  const cep::Program next = bench::must(cep::compile_by_pass(bench::text_plan(
      std::string(kRules) +
      "rule large \"Large\" { by card when payment where amount > 1_000 alert \"x\" }\n")));
  Job job(program);
  std::vector<cep::Alert> alerts;
  cep::Batch batch(program.plan());
  const auto flush = [&](cep::EventTime now) {
    job.put(batch);
    batch.clear();
    job.advance(now, alerts);
  };
  cep::EventTime now{1'772'452'800'000'000};
  for (std::uint64_t i = 0; i < 2 * keys; ++i) {
    const std::string card = "C" + std::to_string(i % keys * 7'919 % 99'999'989);
    const std::string id = std::to_string(i);
    now.us += 1;
    batch.append(program.plan(), cep::EventTypeIndex(0), now, now, {i, 0},
                 {cep::Value::time(now), cep::Value::string(id), cep::Value::string(card),
                  cep::Value::integer(5)});
    if (batch.rows.size() == kRows) flush(now);
  }
  flush(now);
  const std::uint64_t before = job.pass(0).stats().state_bytes;
  bench::must(job.pass(0).prepare(next, {now.us + 10}));
  double sum = 0;
  double longest = 0;
  std::uint64_t calls = 0;
  for (bool is_done = false; !is_done; ++calls) {
    const double start = bench::thread_seconds();
    is_done = bench::must(job.pass(0).advance({now.us + 10}, 1'000));
    const double took = bench::thread_seconds() - start;
    longest = std::max(longest, took);
    sum += took;
  }
  if (job.pass(0).stats().keys != keys) bench::die("every key has gone over");
  std::printf(
      "%8llu keys: %8.2f ms in %llu calls, the longest %.2f ms; %.0f ns and %.0f bytes a key\n",
      static_cast<unsigned long long>(keys), sum * 1e3, static_cast<unsigned long long>(calls),
      longest * 1e3, sum * 1e9 / static_cast<double>(keys),
      static_cast<double>(before) / static_cast<double>(keys));
}
}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() >= 3 && words[0] == "events") {
    measure_events(words[1], {words.begin() + 2, words.end()});
  } else if (words.size() >= 2 && words[0] == "change") {
    for (std::size_t i = 1; i < words.size(); ++i) {
      measure_change(std::strtoull(words[i].c_str(), nullptr, 10));
    }
  } else {
    std::fprintf(stderr, "bench_stages events EVENTS.ndjson RULES.tocsin… | change KEYS…\n");
    return 2;
  }
  return 0;
}
