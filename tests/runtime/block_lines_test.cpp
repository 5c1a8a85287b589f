// Lines by blocks give what they give one by one: rows, what is set aside, and all counts.
#include "runtime/event_time/block_lines.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/event_time/block_decoder.h"
#include "runtime/event_time/block_input.h"
#include "runtime/event_time/decode_ahead.h"
#include "runtime/event_time/intake.h"
#include "runtime/event_time/merge_order.h"
#include "runtime/io/line_blocks.h"
#include "runtime/io/worker_threads.h"
#include "tests/runtime/event_plan.h"
#include "tests/runtime/random_lines.h"
#include "tests/support/printing.h"
#include "tests/support/random.h"
#include "tests/support/text_source.h"

namespace tocsin::runtime {
namespace {
// An intake and all that it gave, as text.
class World {
 public:
  World(const cep::Plan& plan, const std::vector<std::vector<bool>>& fields,
        const std::vector<bool>& types, const IntakeOptions& options, std::size_t inputs)
      : plan_(plan),
        fields_(fields),
        types_(types),
        options_(options),
        intake_(UsedEvents{plan_, fields_, types_}, options,
                {[this](const LateEvent& e) {
                   said.push_back(fmt::format("late {}:{} {} by {} moved {}:{} {} {}", e.input,
                                              e.line, e.ts.us, e.late_by.us, e.moved_by,
                                              e.moved_to.us, e.arrival.record, e.text));
                 },
                 [this](const DeadLetter& d) {
                   said.push_back(fmt::format("dead {}:{} {} {} {}", d.input, d.line, d.reason,
                                              d.arrival.record, d.text));
                 }},
                summary_, [this](cep::Batch& slice, cep::EventTime watermark) {
                  return take(slice, watermark);
                }) {
    for (std::size_t i = 0; i < inputs; ++i) intake_.open(fmt::format("in{}", i), options.policy);
  }

  // One by one, each by itself.
  void run_alone(const std::vector<std::string>& texts) {
    std::vector<std::vector<Line>> lines(texts.size());
    std::deque<std::string> copies;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      std::uint64_t number = 0;
      for (std::size_t at = 0; at < texts[i].size();) {
        const std::size_t end = std::min(texts[i].find('\n', at), texts[i].size());
        copies.push_back(texts[i].substr(at, end - at) + std::string(kLinePadding, '}'));
        Line line;
        if (make_line(std::string_view(copies.back()).substr(0, end - at), ++number,
                      options_.line_bytes_max, line))
          lines[i].push_back(line);
        at = end + 1;
      }
    }
    std::vector<std::size_t> at(texts.size());
    MergeOrder order(texts.size());
    while (order.is_open()) {
      const std::size_t i = order.current();
      if (at[i] == lines[i].size()) {
        end(i, order);
        continue;
      }
      REQUIRE(intake_.take(i, lines[i][at[i]++], {summary_.lines + 1, 0}, kClock));
      order.advance(intake_.watermark_of(i));
    }
    REQUIRE(intake_.finish(true, std::nullopt));
  }

  // By blocks, cut anywhere, which so many threads decode ahead.
  void run_blocks(const std::vector<std::string>& texts, std::size_t piece, std::uint64_t seed,
                  std::size_t threads) {
    const BlockOptions options{options_.line_bytes_max, options_.slice_rows_max};
    BlockDecoder decoder(plan_, fields_, types_, options);
    std::deque<BlockInput> inputs;
    std::optional<WorkerThreads> workers;
    std::optional<DecodeAhead> ahead;
    if (threads > 0) {
      workers.emplace(static_cast<std::uint32_t>(threads) + 1);
      ahead.emplace(*workers, [&] { return BlockDecoder(plan_, fields_, types_, options); });
    }
    for (const std::string& text : texts) {
      auto bytes = std::make_unique<tests::PiecesSource>(text, piece, seed);
      if (ahead) {
        inputs.emplace_back(std::move(bytes), options_.line_bytes_max, *ahead);
      } else {
        inputs.emplace_back(std::move(bytes), options_.line_bytes_max, decoder);
      }
    }
    MergeOrder order(texts.size());
    while (order.is_open()) {
      const std::size_t i = order.current();
      switch (inputs[i].next()) {
        case BlockInput::Next::kLines:
          REQUIRE(intake_.take(i, inputs[i].lines(), kClock, order.stay_until()));
          order.advance(intake_.watermark_of(i));
          break;
        case BlockInput::Next::kNeedsBytes:
          REQUIRE(inputs[i].fill());
          break;
        case BlockInput::Next::kEnd:
          end(i, order);
          break;
      }
    }
    REQUIRE(intake_.finish(true, std::nullopt));
  }

  // Lines of the only input, one by one or as a block.
  void take_lines(const std::string& text) {
    const std::string padded = text + std::string(kLinePadding, '}');
    std::uint64_t number = numbers_;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      Line line;
      REQUIRE(make_line(std::string_view(padded).substr(at, end - at), ++number,
                        options_.line_bytes_max, line));
      REQUIRE(intake_.take(0, line, {summary_.lines + 1, 0}, kClock));
      at = end + 1;
    }
    numbers_ = number;
  }
  void take_block(const std::string& text) {
    const std::string padded = text + std::string(kLinePadding, '\n');
    BlockDecoder decoder(plan_, fields_, types_,
                         {options_.line_bytes_max, options_.slice_rows_max});
    DecodedBlock block;
    decoder.decode(std::string_view(padded).substr(0, text.size()), numbers_++ == 0, block);
    lines_.begin(block);
    while (!lines_.is_done()) REQUIRE(intake_.take(0, lines_, kClock, cep::kEventTimeMax));
  }
  void beat(cep::Duration passed) {
    REQUIRE(intake_.flush());
    intake_.decide(DecisionKind::kHeartbeat, 0, kClock + passed);
    REQUIRE(intake_.flush());
  }
  cep::EventTime watermark() const { return intake_.watermark(); }
  std::string time() const {
    const SourceStatus status = intake_.status(0);
    return fmt::format("{} {} line {}, {} events", status.newest.us, status.watermark.us,
                       status.last_line, status.events);
  }
  void finish() { REQUIRE(intake_.finish(true, std::nullopt)); }

  std::string counts() const {
    const RunSummary& s = summary_;
    return fmt::format(
        "{} lines, {} events, {} ignored ({}), {} dead, {} late, {} clamped, {} missing ({}), {} "
        "jumps, "
        "{} rejected, {} repeats, {} forgotten, {} to {}",
        s.lines, s.events, s.ignored, fmt::join(s.ignored_examples, "; "), s.dead_letters, s.late,
        s.clamped, s.fields_missing, fmt::join(s.fields_missing_examples, "; "), s.jumps,
        s.jumps_rejected, s.repeats, s.ids_forgotten, s.first_event.us, s.last_event.us);
  }
  std::vector<std::string> rows;
  std::vector<std::string> said;

 private:
  static constexpr cep::EventTime kClock{1'700'000'000'000'000};

  void end(std::size_t input, MergeOrder& order) {
    intake_.decide(DecisionKind::kEnded, input, {});
    order.end();
  }
  Result<void> take(cep::Batch& slice, cep::EventTime watermark) {
    CHECK(slice.rows.size() <= options_.slice_rows_max);
    std::vector<std::uint32_t> counts(plan_.event_types.size());
    for (const cep::Row& row : slice.rows) {
      const bool is_unique = plan_.event_types[row.type.value].unique.has_value();
      CHECK((is_unique || row.index == counts[row.type.value]));
      ++counts[row.type.value];
      CHECK(row.engine_time <= watermark);
      CHECK(row.engine_time >= last_);
      std::string text = fmt::format("{} {} {} {} #{} {}", row.type.value, row.engine_time.us,
                                     row.ts.us, row.arrival.record, row.equal_number, row.raw);
      for (std::size_t f = 0; f < plan_.event_types[row.type.value].fields.size(); ++f) {
        text += ' ' + cep::to_text(slice.value(plan_, row, cep::FieldIndex(f)));
      }
      rows.push_back(text);
    }
    for (std::size_t t = 0; t < counts.size(); ++t) {
      // Of repeats that were left out the entries stay.
      if (plan_.event_types[t].unique) continue;
      for (std::size_t f = 0; f < slice.types[t].fields.size(); ++f) {
        if (types_[t] && fields_[t][f]) CHECK(slice.types[t].fields[f].known.size() == counts[t]);
      }
    }
    last_ = watermark;
    return {};
  }

  const cep::Plan& plan_;
  const std::vector<std::vector<bool>>& fields_;
  const std::vector<bool>& types_;
  IntakeOptions options_;
  RunSummary summary_;
  cep::EventTime last_ = cep::kEventTimeMin;
  Intake intake_;
  BlockLines lines_;
  std::uint64_t numbers_ = 0;  // of lines, or blocks
};

IntakeOptions random_options(tests::Random& random) {
  IntakeOptions options;
  options.policy.bound = cep::Duration{random.pick<std::int64_t>({0, 0, 1'000, 50'000})};
  options.policy.late = random.chance(30) ? LatePolicy::kClamp : LatePolicy::kSide;
  if (random.chance(20)) options.policy.late_max = cep::Duration{5'000};
  if (random.chance(30)) options.ahead_max = cep::Duration{200'000'000'000};
  if (random.chance(60)) options.jump_max = cep::Duration{86'400'000'000};
  if (random.chance(20)) options.unknown_types = UnknownTypes::kDead;
  options.slice_rows_max = random.pick<std::size_t>({1, 2, 7, 50, 2'048});
  options.line_bytes_max = random.pick<std::size_t>({150, 400, 1 << 20});
  return options;
}
}  // namespace

TEST_CASE("blocks of lines: cut anywhere they give what their lines give one by one") {
  const std::size_t cases = 300;
  tests::for_all_seeds("runtime", cases, [](tests::Random& random) {
    cep::Plan plan = tests::event_plan();
    if (random.chance(30)) plan.event_types[0].unique = cep::Unique{cep::Duration{10'000}};
    std::vector<std::vector<bool>> fields = tests::all_fields(plan);
    std::vector<bool> types = tests::all_types(plan);
    if (random.chance(40)) {
      for (std::vector<bool>& all : fields) {
        for (std::size_t f = 0; f < all.size(); ++f) all[f] = random.chance(50);
      }
      types[random.below(types.size())] = false;
      if (random.chance(20)) types.assign(types.size(), false);
    }
    for (std::size_t t = 0; t < types.size(); ++t) {
      if (plan.event_types[t].id_field) fields[t][plan.event_types[t].id_field->value] = true;
    }
    const IntakeOptions options = random_options(random);
    std::vector<std::string> texts;
    const std::size_t inputs = random.chance(60) ? 1 : 2 + random.below(2);
    for (std::size_t i = 0; i < inputs; ++i) {
      tests::RandomLines lines(random);
      texts.push_back(lines.text(random.below(150)));
    }
    CAPTURE(texts);
    World alone(plan, fields, types, options, inputs);
    alone.run_alone(texts);
    for (const std::size_t piece : {std::size_t{1} << 20, 1 + random.below(3'000)}) {
      for (const std::size_t threads : {std::size_t{0}, random.below(4)}) {
        CAPTURE(piece);
        CAPTURE(threads);
        World blocks(plan, fields, types, options, inputs);
        blocks.run_blocks(texts, piece, random.next(), threads);
        REQUIRE(blocks.rows == alone.rows);
        REQUIRE(blocks.said == alone.said);
        REQUIRE(blocks.counts() == alone.counts());
      }
    }
  });
}

TEST_CASE(
    "blocks of lines: a clock that moved time before a block does to each line what it does "
    "alone") {
  tests::for_all_seeds("runtime", 300, [](tests::Random& random) {
    const cep::Plan plan = tests::event_plan();
    const auto fields = tests::all_fields(plan);
    std::vector<bool> types = tests::all_types(plan);
    types[1] = random.chance(50);
    IntakeOptions options = random_options(random);
    options.line_bytes_max = 1'000;
    World alone(plan, fields, types, options, 1);
    World blocks(plan, fields, types, options, 1);
    const auto first = random.pick<std::int64_t>({1'600'000'000'000'000, 1'700'000'000'000'000});
    for (std::size_t i = 1 + random.below(4); i > 0; --i) {
      std::int64_t ts = std::max(alone.watermark().us, first);
      std::string text;
      for (std::size_t line = 1 + random.below(6); line > 0; --line) {
        ts +=
            random.pick<std::int64_t>({0, 0, 0, 1, 5, -1, 2'000, 90'000'000'000, 300'000'000'000});
        text += fmt::format("{{\"type\":\"{}\",\"ts\":{},\"user\":\"u\"}}\n",
                            random.chance(90) ? "login" : "logni", ts);
      }
      CAPTURE(text);
      alone.take_lines(text);
      blocks.take_block(text);
      REQUIRE(blocks.time() == alone.time());
      const cep::Duration passed{random.between(0, 3'000)};
      alone.beat(passed);
      blocks.beat(passed);
      REQUIRE(blocks.time() == alone.time());
    }
    alone.finish();
    blocks.finish();
    REQUIRE(blocks.rows == alone.rows);
    REQUIRE(blocks.said == alone.said);
    REQUIRE(blocks.counts() == alone.counts());
  });
}

TEST_CASE("blocks of lines: what a thread runs out of memory for, its caller throws") {
  struct NoMemory : tests::TextSource {
    using tests::TextSource::TextSource;
    Result<std::size_t> read(char* to, std::size_t capacity) override {
      if (at() == text().size()) throw std::bad_alloc();
      return give(to, capacity, text().size());
    }
  };
  const cep::Plan plan = tests::event_plan();
  const auto fields = tests::all_fields(plan);
  const auto types = tests::all_types(plan);
  for (const std::uint32_t threads : {1U, 2U, 3U}) {
    WorkerThreads workers(threads + 1);
    DecodeAhead ahead(workers, [&] { return BlockDecoder(plan, fields, types, {1'000, 100}); });
    const std::size_t input = ahead.add(
        std::make_unique<NoMemory>("{\"type\":\"login\",\"ts\":1,\"user\":\"u\"}\n"), 1'000);
    const auto take_all = [&] {
      while (ahead.take(input)) {
      }
    };
    CHECK_THROWS_AS(take_all(), std::bad_alloc);
  }
}
}  // namespace tocsin::runtime
