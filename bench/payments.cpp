/// The payments workload (bench/README.md): parse limit, decoding, and the whole way from file to
/// alerts, as ratios within one run.
///
///   bench_payments [--runs N] EVENTS.ndjson RULES.tocsin…
///   bench_payments --profile N EVENTS.ndjson RULES.tocsin…   only the whole way, N times: for perf
#include <simdjson.h>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/context/rules.h"
#include "runtime/decode/decoder.h"
#include "runtime/event_time/run.h"

namespace {
using namespace tocsin;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kNotFound, "cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Which of the workload's fields a rule set reads, whatever the type.
struct Used {
  bool id = true, account = false, card = false, country = false, amount = false, channel = false,
       ok = false, memo = false;
};

Used used_of(const cep::Program& program) {
  Used used;
  const cep::Plan& plan = program.plan();
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    for (std::size_t f = 0; f < plan.event_types[t].fields.size(); ++f) {
      if (!program.used_fields()[t][f]) continue;
      const std::string& name = plan.event_types[t].fields[f].name;
      if (name == "account") used.account = true;
      if (name == "card") used.card = true;
      if (name == "country") used.country = true;
      if (name == "amount") used.amount = true;
      if (name == "channel") used.channel = true;
      if (name == "ok") used.ok = true;
      if (name == "memo") used.memo = true;
    }
  }
  return used;
}

/// Reads the used fields of every line into registers; gives the number of lines and folds the
/// values into `sum`.
std::uint64_t parse_limit(const std::string& text, std::size_t size, const Used& used,
                          std::uint64_t& sum) {
  simdjson::ondemand::parser parser;
  std::uint64_t lines = 0;
  const char* at = text.data();
  const char* end = text.data() + size;
  const auto text_of = [&sum](simdjson::ondemand::value value) {
    const std::string_view view = value.get_string();
    sum += view.size() + static_cast<unsigned char>(view.empty() ? '\0' : view.front());
  };
  while (at < end) {
    const char* newline =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const char* stop = newline != nullptr ? newline : end;
    const auto length = static_cast<std::size_t>(stop - at);
    auto document = parser.iterate(at, length, length + simdjson::SIMDJSON_PADDING);
    for (auto field : document.get_object()) {
      const simdjson::ondemand::raw_json_string key = field.key();
      const char* name = key.raw();
      switch (name[0]) {
        case 't':
          if (key == "type") {
            text_of(field.value());
          } else if (key == "ts") {
            sum += static_cast<std::uint64_t>(field.value().get_int64().value());
          }
          break;
        case 'i':
          if (used.id && key == "id")
            sum += static_cast<std::uint64_t>(field.value().get_int64().value());
          break;
        case 'a':
          if (used.account && key == "account") {
            text_of(field.value());
          } else if (used.amount && key == "amount") {
            sum += static_cast<std::uint64_t>(field.value().get_double().value());
          }
          break;
        case 'c':
          if (used.card && key == "card") {
            text_of(field.value());
          } else if (used.country && key == "country") {
            text_of(field.value());
          } else if (used.channel && key == "channel") {
            text_of(field.value());
          }
          break;
        case 'm':
          if (used.memo && key == "memo") text_of(field.value());
          break;
        case 'o':
          if (used.ok && key == "ok") sum += field.value().get_bool().value() ? 1U : 0U;
          break;
        default:
          break;
      }
    }
    ++lines;
    at = stop + 1;
  }
  return lines;
}

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

struct RuleSetBench {
  std::string name;
  std::optional<cep::Program> program;
  std::size_t rules = 0;
  std::vector<double> parse, decode, whole;
  std::uint64_t alerts = 0;
  std::size_t alert_bytes = 0;
  cep::EngineStats engine;
};

void print(const RuleSetBench& set, std::uint64_t events) {
  const double per_event = 1e9 / static_cast<double>(events);
  const double parse = median(set.parse) * per_event;
  const double decode = median(set.decode) * per_event;
  const double whole = median(set.whole) * per_event;
  std::printf("%-8s %5zu %9.1f %9.1f %7.2f %10.1f %9.2f %8.2f %9llu", set.name.c_str(), set.rules,
              parse, decode, decode / parse, whole, 1e3 / whole, parse / whole,
              static_cast<unsigned long long>(set.alerts));
  if (set.engine.keys != 0) {
    std::printf(" %10.0f",
                static_cast<double>(set.engine.state_bytes) / static_cast<double>(set.engine.keys));
  } else {
    std::printf(" %10s", "-");
  }
  std::printf("   %2.0f %% parse, %2.0f %% columns, %2.0f %% the rest\n", 100 * parse / whole,
              100 * (decode - parse) / whole, 100 * (whole - decode) / whole);
}

// The whole way from the file to formatted alerts, once.
void run_whole(RuleSetBench& set, const std::string& events) {
  const double start = cpu_seconds();
  std::size_t alert_bytes = 0;
  cep::AlertFormat format(set.program->plan());
  runtime::Sinks sinks;
  sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
    alert_bytes += format.line(alert).size();
    return {};
  };
  const Result<runtime::RunSummary> summary =
      runtime::run(*set.program, {{events, std::nullopt}}, {}, sinks);
  if (!summary) die(summary.error().message);
  set.whole.push_back(cpu_seconds() - start);
  if (set.whole.size() > 1 && set.alerts != summary->alerts) {
    die("two runs gave different numbers of alerts");
  }
  set.alerts = summary->alerts;
  set.alert_bytes = alert_bytes;
}
}  // namespace

int main(int argc, char** argv) {
  int runs = 5;
  bool is_profile = false;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() >= 2 && (arguments[0] == "--runs" || arguments[0] == "--profile")) {
    is_profile = arguments[0] == "--profile";
    runs = std::max(1, std::atoi(arguments[1].c_str()));
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.size() < 2) {
    die("usage: bench_payments [--runs N | --profile N] EVENTS.ndjson RULES.tocsin...");
  }

  std::vector<RuleSetBench> sets;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    RuleSetBench set;
    set.name = arguments[i].substr(arguments[i].rfind('/') + 1);
    set.name = set.name.substr(0, set.name.rfind('.'));
    const rules::Loaded loaded = rules::load({arguments[i]}, read_file);
    if (!loaded.rules) die(rules::render(loaded.sources, loaded.diagnostics.front()));
    Result<cep::Program> program = cep::compile(loaded.rules->plan);
    if (!program) die(program.error().message);
    set.program = std::move(*program);
    set.rules = loaded.rules->plan->rules.size();
    sets.push_back(std::move(set));
  }

  if (is_profile) {
    for (RuleSetBench& set : sets) {
      for (int run = 0; run < runs; ++run) run_whole(set, arguments[0]);
      std::printf("%s: %llu alerts, CPU seconds, best %.3f, median %.3f\n", set.name.c_str(),
                  static_cast<unsigned long long>(set.alerts),
                  *std::min_element(set.whole.begin(), set.whole.end()), median(set.whole));
    }
    return 0;
  }
  Result<std::string> stream = read_file(arguments[0]);
  if (!stream) die(stream.error().message);
  const std::size_t size = stream->size();
  stream->resize(size + simdjson::SIMDJSON_PADDING);

  std::uint64_t events = 0;
  std::uint64_t folded = 0;
  for (int run = 0; run < runs; ++run) {
    for (RuleSetBench& set : sets) {
      double start = cpu_seconds();
      events = parse_limit(*stream, size, used_of(*set.program), folded);
      set.parse.push_back(cpu_seconds() - start);

      start = cpu_seconds();
      decode_all(*stream, size, *set.program);
      set.decode.push_back(cpu_seconds() - start);

      run_whole(set, arguments[0]);
    }
    std::fprintf(stderr, "bench: run %d of %d\n", run + 1, runs);
  }
  // The state that stands at the end of the stream, deadlines still pending.
  for (RuleSetBench& set : sets) {
    runtime::RunOptions options;
    options.final_watermark = false;
    const auto summary = runtime::run(*set.program, {{arguments[0], std::nullopt}}, options, {});
    if (!summary) die(summary.error().message);
    set.engine = summary->engine;
  }

  std::printf("%llu events, %.0f bytes each; CPU time, median of %d runs (check %llx)\n\n",
              static_cast<unsigned long long>(events),
              static_cast<double>(size) / static_cast<double>(events), runs,
              static_cast<unsigned long long>(folded));
  std::printf("%-8s %5s %9s %9s %7s %10s %9s %8s %9s %10s   %s\n", "set", "rules", "parse",
              "decode", "decode", "end to end", "M events", "of parse", "alerts", "bytes of",
              "share of the whole");
  std::printf("%-8s %5s %9s %9s %7s %10s %9s %8s %9s %10s\n", "", "", "ns/event", "ns/event",
              "/parse", "ns/event", "/s", "limit", "", "state/key");
  for (const RuleSetBench& set : sets) print(set, events);
  return 0;
}
