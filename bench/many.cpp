/// What an event costs with many rules of one form that each concern few events: nanoseconds of the
/// engine alone, and as a ratio to fifty such rules in the same run.
///
///   bench_many [--events N] [--rules N,N…] [merchant|list|sequence|strict|absence…]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "bench/many_keys.h"
#include "bench/process_memory.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "rules/context/rules.h"

namespace {
using namespace tocsin;

constexpr std::uint64_t kMerchants = 100'000;
constexpr std::uint64_t kCards = 20'000;
constexpr std::size_t kRowsOfSlice = 2'000;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::uint64_t mixed(std::uint64_t word) {
  word *= 0x9e3779b97f4a7c15U;
  return word ^ word >> 29;
}
std::string merchant(std::uint64_t number) { return "m" + std::to_string(number % kMerchants); }

// Rule number k. Amounts are even between 0 and 10,000: few events satisfy a rule.
void write_rule(const std::string& kind, std::uint64_t k, std::ostream& out) {
  const std::string name = "r" + std::to_string(k);
  const std::string own = "merchant = \"" + merchant(k) + "\"";
  if (kind == "list") {
    out << "list of_" << name << " : string = [";
    for (std::uint64_t i = 0; i < 50; ++i) {
      out << (i == 0 ? "\"" : ", \"") << merchant(mixed(50 * k + i)) << '"';
    }
    out << "]\n";
  }
  out << "rule " << name << " \"Rule\" {\n";
  if (kind == "merchant") {
    out << "  when payment where " << own << " and amount > " << 9'800 + k % 100;
  } else if (kind == "list") {
    out << "  when payment where merchant in of_" << name << " and amount > " << 9'990 + k % 10;
  } else if (kind == "sequence") {
    out << "  by card\n  when payment where " << own
        << " and amount < 200 then payment where amount > 9000\n  within 1m";
  } else if (kind == "strict") {
    out << "  by card\n  when payment where " << own
        << " and amount < 200 then next payment where amount > 5000\n  within 1m";
  } else if (kind == "absence") {
    out << "  by card\n  when payment where " << own
        << " and amount < 100 then no payment where amount > 5000 for 10s";
  } else {
    bench::die("unknown kind " + kind + "; merchant, list, sequence, strict, absence");
  }
  out << "\n  alert \"x\"\n}\n";
}

std::shared_ptr<const cep::Plan> plan_of(const std::string& kind, std::uint64_t rules) {
  std::ostringstream text;
  text << "event payment { ts: time, id: int id, card: string, merchant: string,"
          " amount: decimal(2) }\n";
  for (std::uint64_t k = 0; k < rules; ++k) write_rule(kind, k, text);
  const rules::Loaded loaded = rules::load(
      {"a.tocsin"}, [&](const std::string&) -> Result<std::string> { return text.str(); });
  if (!loaded.rules) bench::die(rules::render(loaded.sources, loaded.diagnostics.front()));
  return loaded.rules->plan;
}

std::vector<cep::Batch> make_slices(const cep::Plan& plan, std::size_t events) {
  std::vector<cep::Batch> slices;
  for (std::size_t i = 0; i < events; ++i) {
    if (i % kRowsOfSlice == 0) slices.emplace_back(plan);
    const std::uint64_t random = mixed(mixed(i + 1) + 7);
    const std::string card = "c" + std::to_string(random % kCards);
    const std::string shop = merchant(random >> 20);
    const cep::EventTime ts{static_cast<std::int64_t>(i) * 1'000};
    slices.back().append(
        plan, cep::EventTypeIndex(0), ts, ts, {i + 1, 0},
        {cep::Value::time(ts), cep::Value::integer(static_cast<std::int64_t>(i)),
         cep::Value::string(slices.back().texts.store(card)),
         cep::Value::string(slices.back().texts.store(shop)),
         cep::Value::decimal(static_cast<std::int64_t>(mixed(random) % 1'000'000), 2)});
  }
  return slices;
}

struct Cost {
  double ns = 0;          // an event
  double made_bytes = 0;  // of the fresh engine, a rule
  std::size_t alerts = 0;
  double seconds = 0;  // to load and compile
};
Cost measure(const std::string& kind, std::uint64_t rules, std::size_t events) {
  Cost cost;
  const double begin = cpu_seconds();
  const std::shared_ptr<const cep::Plan> plan = plan_of(kind, rules);
  const auto program = cep::compile(plan);
  if (!program) bench::die(program.error().message);
  cost.seconds = cpu_seconds() - begin;
  const std::vector<cep::Batch> slices = make_slices(*plan, events);
  const std::size_t before = bench::resident_bytes();
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  for (const cep::Batch& slice : slices) {
    const double start = cpu_seconds();
    engine.advance(slice, slice.rows.back().engine_time, alerts);
    cost.ns += cpu_seconds() - start;
    cost.alerts += alerts.size();
    alerts.clear();
    if (&slice != &slices.front()) continue;
    cost.ns = 0;  // the first one makes what all need
    cost.made_bytes =
        static_cast<double>(bench::resident_bytes() - before) / static_cast<double>(rules);
  }
  cost.ns *= 1e9 / static_cast<double>(events - kRowsOfSlice);
  return cost;
}

std::vector<std::uint64_t> numbers_of(const std::string& text) {
  std::vector<std::uint64_t> numbers;
  std::istringstream in(text);
  for (std::string number; std::getline(in, number, ',');) {
    numbers.push_back(std::strtoull(number.c_str(), nullptr, 10));
  }
  return numbers;
}
}  // namespace

int main(int argc, char** argv) {
  std::size_t events = 100'000;
  std::vector<std::uint64_t> sizes = {50, 1'000, 10'000};
  std::vector<std::string> kinds;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--events" && i + 1 < argc) {
      events = std::strtoull(argv[++i], nullptr, 10) / kRowsOfSlice * kRowsOfSlice;
    } else if (argument == "--rules" && i + 1 < argc) {
      sizes = numbers_of(argv[++i]);
    } else {
      kinds.push_back(argument);
    }
  }
  if (kinds.empty()) kinds = {"merchant", "list", "sequence", "strict", "absence"};
  std::printf("%-10s %8s %12s %8s %14s %10s %10s\n", "kind", "rules", "ns an event", "ratio",
              "bytes a rule", "alerts", "load, s");
  for (const std::string& kind : kinds) {
    double first = 0;
    for (const std::uint64_t rules : sizes) {
      const Cost cost = measure(kind, rules, std::max(events, 2 * kRowsOfSlice));
      if (first == 0) first = cost.ns;
      std::printf("%-10s %8llu %12.1f %8.2f %14.0f %10zu %10.2f\n", kind.c_str(),
                  static_cast<unsigned long long>(rules), cost.ns, cost.ns / first, cost.made_bytes,
                  cost.alerts, cost.seconds);
      std::fflush(stdout);
    }
  }
  return 0;
}
