/// Streams from the file to alerts (bench/README.md): parse limit, decoding, and the whole way, as
/// ratios within one run. Alerts are compared with their expected number before anything is timed.
///
///   bench_payments RUNS ROWS.json FIGURES      appends a line of JSON for each row to FIGURES
///   bench_payments --profile N EVENTS.ndjson RULES.tocsin    only the whole way, N times: for perf
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/measure.h"
#include "bench/parse_limit.h"
#include "bench/report.h"
#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/decode/decoder.h"
#include "runtime/event_time/run.h"

namespace {
using namespace tocsin;

/// Decodes every line to columns, forgetting a batch of 4,096 rows after the other; gives the rows.
std::uint64_t decode_all(const std::string& text, std::size_t size, const cep::Program& program) {
  runtime::Decoder decoder(program.plan(), program.used_fields(), program.used_types());
  cep::Batch batch(program.plan());
  decoder.begin(batch);
  runtime::MarkedLines marked;
  marked.begin({text.data(), size});
  std::uint64_t rows = 0;
  std::uint64_t arrival = 0;
  const char* at = text.data();
  const char* end = text.data() + size;
  while (at < end) {
    const char* newline =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const char* stop = newline != nullptr ? newline : end;
    const runtime::Decoded decoded =
        decoder.decode({at, static_cast<std::size_t>(stop - at)}, &marked);
    if (decoded.kind == runtime::LineKind::kEvent && decoded.used) {
      decoder.keep(decoded.ts, {arrival, 0});
      ++rows;
    }
    ++arrival;
    if (batch.rows.size() == 4096) {
      decoder.finish();
      batch.clear();
      decoder.begin(batch);
    }
    at = stop + 1;
  }
  decoder.finish();
  return rows;
}

/// What is measured: an object of the file of rows, which bench/rows.py writes.
struct Row {
  std::string name, events;
  std::vector<std::string> rules;
  std::optional<std::uint64_t> expected;                              // alerts
  std::vector<std::pair<std::string, std::uint64_t>> expected_rules;  // of some of the rules
  std::optional<double> target;                                       // of the parse limit
  std::optional<double> target_speed;                                 // events a second
  std::int64_t disorder_ms = 0;
  std::string note;

  std::optional<cep::Program> program;
  std::vector<double> parse, decode, whole;
  std::uint64_t lines = 0;
  std::size_t bytes = 0;
  std::uint64_t alerts = 0;
  cep::EngineStats engine;
};

std::vector<Row> read_rows(const std::string& path) {
  const simdjson::padded_string text(bench::must(bench::read_file(path)));
  simdjson::dom::parser parser;
  std::vector<Row> rows;
  for (const simdjson::dom::object object : parser.parse(text).get_array()) {
    Row& row = rows.emplace_back();
    for (const auto& [key, value] : object) {
      if (key == "name") row.name = std::string_view(value);
      if (key == "events") row.events = std::string_view(value);
      if (key == "rules") {
        for (const std::string_view rule : value.get_array()) row.rules.emplace_back(rule);
      }
      if (key == "expected") row.expected = std::uint64_t(value);
      if (key == "expected_rules") {
        for (const auto& [rule, count] : value.get_object()) {
          row.expected_rules.emplace_back(rule, std::uint64_t(count));
        }
      }
      if (key == "target") row.target = double(value);
      if (key == "target_speed") row.target_speed = double(value);
      if (key == "disorder_ms") row.disorder_ms = std::int64_t(value);
      if (key == "note") row.note = std::string_view(value);
    }
  }
  return rows;
}

void compile(Row& row) { row.program = bench::must(cep::compile(bench::load_plan(row.rules))); }

runtime::RunSummary run(const Row& row, const runtime::Sinks& sinks, bool is_final) {
  runtime::RunOptions options;
  if (row.disorder_ms != 0) options.out_of_orderness = cep::Duration{row.disorder_ms * 1000};
  options.final_watermark = is_final;
  return bench::must(runtime::run(*row.program, {{row.events, std::nullopt}}, options, sinks));
}

// The whole way from the file to formatted alerts, once.
void run_whole(Row& row) {
  const double start = bench::cpu_seconds();
  cep::AlertFormat format(row.program->plan());
  std::size_t alert_bytes = 0;
  runtime::Sinks sinks;
  sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
    alert_bytes += format.line(alert).size();
    return {};
  };
  const runtime::RunSummary summary = run(row, sinks, true);
  row.whole.push_back(bench::cpu_seconds() - start);
  if (row.whole.size() > 1 && row.alerts != summary.alerts) {
    bench::die("two runs of " + row.name + " gave different numbers of alerts");
  }
  row.alerts = summary.alerts;
}

// Before anything is timed: the alerts are those that were counted by other means.
void check(Row& row) {
  const runtime::RunSummary summary = run(row, {}, true);
  if (summary.late != 0 || summary.dead_letters != 0) {
    bench::die(row.name + ": not every event was taken");
  }
  if (row.expected && summary.alerts != *row.expected) {
    bench::die(row.name + ": " + std::to_string(summary.alerts) + " alerts, and not " +
               std::to_string(*row.expected) + "; nothing was timed");
  }
  for (const auto& [name, count] : row.expected_rules) {
    const std::vector<cep::Rule>& rules = row.program->plan().rules;
    std::size_t at = 0;
    while (at < rules.size() && rules[at].name != name) ++at;
    if (at == rules.size()) bench::die(row.name + ": no rule " + name);
    const std::uint64_t given = summary.alerts_by_rule[at];
    if (given != count) {
      bench::die(row.name + ": " + std::to_string(given) + " alerts of " + name + ", and not " +
                 std::to_string(count) + "; nothing was timed");
    }
  }
  row.alerts = summary.alerts;
  // The state at the end of the stream, with deadlines pending.
  row.engine = run(row, {}, false).engine;
}

double ns_of(const Row& row, const std::vector<double>& seconds) {
  return bench::median(seconds) * 1e9 / static_cast<double>(row.lines);
}

std::string verdict(const Row& row) {
  const double whole = ns_of(row, row.whole);
  char text[64] = "";
  if (row.target) {
    const bool is_met = ns_of(row, row.parse) / whole >= *row.target;
    std::snprintf(text, sizeof(text), "%.2f %s", *row.target, is_met ? "met" : "missed");
  } else if (row.target_speed) {
    std::snprintf(text, sizeof(text), "%.1f M %s", *row.target_speed / 1e6,
                  1e9 / whole >= *row.target_speed ? "met" : "missed");
  }
  return text;
}

void print_head() {
  std::printf("%-16s %5s %9s %9s %7s %10s %9s %8s %-12s %9s %10s   %s\n", "row", "rules", "parse",
              "decode", "decode", "end to end", "M events", "of parse", "target", "alerts",
              "bytes of", "share of the whole");
  std::printf("%-16s %5s %9s %9s %7s %10s %9s %8s %-12s %9s %10s\n", "", "", "ns/event", "ns/event",
              "/parse", "ns/event", "/s", "limit", "", "", "state/key");
}

void print(const Row& row) {
  const double parse = ns_of(row, row.parse);
  const double decode = ns_of(row, row.decode);
  const double whole = ns_of(row, row.whole);
  std::printf("%-16s %5zu %9.1f %9.1f %7.2f %10.1f %9.2f %8.2f %-12s %9llu", row.name.c_str(),
              row.program->plan().rules.size(), parse, decode, decode / parse, whole, 1e3 / whole,
              parse / whole, verdict(row).c_str(), static_cast<unsigned long long>(row.alerts));
  if (row.engine.keys != 0) {
    std::printf(" %10.0f",
                static_cast<double>(row.engine.state_bytes) / static_cast<double>(row.engine.keys));
  } else {
    std::printf(" %10s", "-");
  }
  std::printf("   %2.0f %% parse, %2.0f %% columns, %2.0f %% the rest\n", 100 * parse / whole,
              100 * (decode - parse) / whole, 100 * (whole - decode) / whole);
}

void report(const Row& row, const std::string& path) {
  const double parse = ns_of(row, row.parse);
  const double whole = ns_of(row, row.whole);
  bench::Report report(row.name, row.note);
  report.add("events", static_cast<double>(row.lines));
  report.add("bytes_per_event", static_cast<double>(row.bytes) / static_cast<double>(row.lines));
  report.add("rules", static_cast<double>(row.program->plan().rules.size()));
  report.add("alerts", static_cast<double>(row.alerts));
  report.add("is_checked", row.expected || !row.expected_rules.empty() ? 1 : 0);
  report.add("parse_ns_per_event", parse);
  report.add("decode_ns_per_event", ns_of(row, row.decode));
  report.add("ns_per_event", whole);
  report.add("events_per_second", 1e9 / whole);
  report.add("of_parse_limit", parse / whole);
  if (row.target) report.add("target_of_parse_limit", *row.target);
  if (row.target_speed) report.add("target_events_per_second", *row.target_speed);
  report.append_to(path);
}

void measure(std::vector<Row>& rows, int runs) {
  std::string name;
  std::string stream;
  std::uint64_t folded = 0;
  for (Row& row : rows) check(row);
  for (int round = 0; round < runs; ++round) {
    for (Row& row : rows) {
      if (row.events != name) {
        name = row.events;
        stream = bench::must(bench::read_file(name));
        stream.resize(stream.size() + simdjson::SIMDJSON_PADDING);
      }
      row.bytes = stream.size() - simdjson::SIMDJSON_PADDING;
      const bench::ParseLimit limit(*row.program);
      double start = bench::cpu_seconds();
      row.lines = limit.read(stream, row.bytes, folded);
      row.parse.push_back(bench::cpu_seconds() - start);

      start = bench::cpu_seconds();
      decode_all(stream, row.bytes, *row.program);
      row.decode.push_back(bench::cpu_seconds() - start);

      run_whole(row);
    }
    std::fprintf(stderr, "bench: run %d of %d\n", round + 1, runs);
  }
  std::printf("CPU time, median of %d runs (check %llx)\n\n", runs,
              static_cast<unsigned long long>(folded));
}

int profile(int runs, const std::string& events, const std::string& rules) {
  Row row;
  row.events = events;
  row.rules = {rules};
  compile(row);
  for (int i = 0; i < runs; ++i) run_whole(row);
  std::printf("%llu alerts, CPU seconds, best %.3f, median %.3f\n",
              static_cast<unsigned long long>(row.alerts),
              *std::min_element(row.whole.begin(), row.whole.end()), bench::median(row.whole));
  return 0;
}
}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 4 && arguments[0] == "--profile") {
    return profile(std::max(1, std::atoi(argv[2])), arguments[2], arguments[3]);
  }
  if (arguments.size() != 3) {
    bench::die("usage: bench_payments RUNS ROWS.json FIGURES | --profile N EVENTS RULES");
  }
  std::vector<Row> rows = read_rows(arguments[1]);
  for (Row& row : rows) compile(row);
  measure(rows, std::max(1, std::atoi(argv[1])));
  print_head();
  for (const Row& row : rows) {
    print(row);
    report(row, arguments[2]);
  }
  return 0;
}
