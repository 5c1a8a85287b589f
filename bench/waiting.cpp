/// What it costs that rows and lines wait for their turn in the parts of a job (bench/README.md):
/// CPU time of putting so many, of a cut while all wait, and of working them off.
///
///   bench_waiting COUNT…
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/measure.h"
#include "cep/base/byte_codec.h"
#include "cep/compile/compile.h"
#include "cep/data/batch.h"
#include "cep/plan/plan.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/stage_source.h"
#include "cep/stage/stage_state.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/stages/intake_stage.h"
#include "runtime/stages/line_message.h"
#include "runtime/stages/side_lines.h"

namespace {
using namespace tocsin;
constexpr cep::EventTime kStart{1'772'452'800'000'000};
constexpr std::size_t kBlockRows = 256;

constexpr const char* kRules = R"(
event payment { ts: time, id: string id, card: string, amount: int }
feature n = count(payment) by card over last 10m
rule large "Large" { by card when payment where amount > 1_000 and n > 1 alert "x" }
)";

enum class Order { kOneSender, kEightSenders, kRandom, kBackwards };
constexpr const char* kOrders[] = {"one sender", "8 senders", "at random", "backwards"};

// The rows' places in time, as they come.
std::vector<std::uint64_t> places(Order order, std::size_t count) {
  std::vector<std::uint64_t> places(count);
  std::iota(places.begin(), places.end(), 0);
  if (order == Order::kBackwards) std::ranges::reverse(places);
  if (order == Order::kRandom) {
    std::uint64_t state = 1;
    for (std::size_t i = count - 1; i > 0; --i) {
      state = state * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
      std::swap(places[i], places[(state >> 33U) % (i + 1)]);
    }
  }
  if (order == Order::kEightSenders) {  // each has a row in eight, and sends a block of them
    for (std::size_t i = 0; i + 8 * kBlockRows <= count; i += 8 * kBlockRows) {
      for (std::size_t j = 0; j < 8 * kBlockRows; ++j) {
        places[i + j] = i + j % kBlockRows * 8 + j / kBlockRows;
      }
    }
  }
  return places;
}

class Counted : public cep::StageSink {
 public:
  void put(cep::KeyGroup, std::string_view key, std::string_view value) override {
    bytes += key.size() + value.size();
  }
  void remove(cep::KeyGroup, std::string_view key) override { bytes += key.size(); }
  void clear(cep::KeyGroup) override {}
  std::size_t bytes = 0;
};

struct Figures {
  double put = 0;
  double cut = 0;
  double work = 0;
  std::size_t bytes = 0;
};

// A round over blocks: put, cut, work.
template <typename Stage>
Figures play(Stage& stage, const std::vector<std::string>& blocks, cep::EventTime end) {
  Figures figures;
  double start = bench::thread_seconds();
  for (const std::string& block : blocks) bench::must(stage.put(block));
  figures.put = bench::thread_seconds() - start;
  figures.bytes = stage.waiting_bytes();
  start = bench::thread_seconds();
  Counted sink;
  stage.begin_cut();
  while (!stage.write_cut(sink, 1U << 20U)) {
  }
  figures.cut = bench::thread_seconds() - start;
  start = bench::thread_seconds();
  while (!bench::must(Result<bool>(stage.advance(end, SIZE_MAX)))) {
  }
  figures.work = bench::thread_seconds() - start;
  cep::StageBlock taken;
  while (stage.outbox().take(taken)) {
  }
  return figures;
}

std::vector<std::string> row_blocks(const cep::Program& program, cep::EventTime start,
                                    const std::vector<std::uint64_t>& places) {
  cep::StageSource source(program, 1);
  std::vector<std::string> blocks;
  cep::Batch batch(program.plan());
  cep::StageBlock block;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const cep::EventTime time{start.us + static_cast<std::int64_t>(places[i])};
    const std::string id = "payment-" + std::to_string(places[i]);
    batch.append(program.plan(), cep::EventTypeIndex(0), time, time, {places[i], 0},
                 {cep::Value::time(time), cep::Value::string(id), cep::Value::string("a card"),
                  cep::Value::integer(5)});
    if (batch.rows.size() < kBlockRows && i + 1 < places.size()) continue;
    source.put(batch);
    batch.clear();
    while (source.outbox().take(block)) blocks.push_back(std::move(block.bytes));
  }
  return blocks;
}

std::vector<std::string> line_blocks(cep::EventTime start,
                                     const std::vector<std::uint64_t>& places) {
  std::vector<std::string> blocks;
  std::string messages;
  for (std::size_t i = 0; i < places.size(); ++i) {
    runtime::LineMessage line;
    line.engine_time = line.ts = {start.us + static_cast<std::int64_t>(places[i])};
    line.arrival.record = places[i];
    line.source = "payments-3";
    line.number = places[i];
    const std::string text = "{\"type\":\"payment\",\"ts\":" + std::to_string(line.ts.us) +
                             ",\"id\":\"payment-" + std::to_string(places[i]) +
                             "\",\"card\":\"a card\",\"amount\":5}";
    line.text = text;
    std::string body;
    ByteWriter to(body);
    runtime::write_line_message(to, line);
    const cep::KeyGroup group{static_cast<std::uint32_t>(places[i] % cep::kKeyGroupCount)};
    cep::append_message(messages, cep::MessageKind::kLine, std::span(&group, 1), body);
    if ((i + 1) % kBlockRows != 0 && i + 1 < places.size()) continue;
    blocks.push_back(cep::seal_block(cep::kOfNoPlan, messages));
    messages.clear();
  }
  return blocks;
}

// The second round of two: what the first one allocated is there.
template <typename Stage, typename Blocks>
void measure(const char* what, Order order, std::size_t count, Stage& stage, Blocks&& blocks) {
  Figures figures;
  cep::EventTime start = kStart;
  for (int round = 0; round < 2; ++round) {
    const cep::EventTime end{start.us + static_cast<std::int64_t>(count)};
    figures = play(stage, blocks(start, places(order, count)), end);
    start.us = end.us + 1;
  }
  const double each = 1e9 / static_cast<double>(count);
  std::printf("%-5s %8zu %-11s put %6.0f ns, cut %6.0f ns, work %6.0f ns, %5.0f bytes\n", what,
              count, kOrders[static_cast<std::size_t>(order)], figures.put * each,
              figures.cut * each, figures.work * each,
              static_cast<double>(figures.bytes) / static_cast<double>(count));
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "bench_waiting COUNT…\n");
    return 2;
  }
  const cep::Program program = bench::must(cep::compile_by_pass(bench::text_plan(kRules)));
  for (int i = 1; i < argc; ++i) {
    const std::size_t count = std::strtoull(argv[i], nullptr, 10);
    for (const Order order :
         {Order::kOneSender, Order::kEightSenders, Order::kRandom, Order::kBackwards}) {
      cep::StageEngine pass(program, 0, cep::KeyGroupRange{}, 1);
      pass.track_changes();
      measure("rows", order, count, pass,
              [&](cep::EventTime start, const std::vector<std::uint64_t>& places) {
                return row_blocks(program, start, places);
              });
      runtime::IntakeStage intake(program, cep::KeyGroupRange{}, runtime::IntakeOptions{}, {});
      measure("lines", order, count, intake,
              [](cep::EventTime start, const std::vector<std::uint64_t>& places) {
                return line_blocks(start, places);
              });
    }
  }
  return 0;
}
