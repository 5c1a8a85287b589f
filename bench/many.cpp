/// What an event costs with many rules of one form that each concern few events: nanoseconds of the
/// engine alone, and as a ratio to the first number of rules in the same run.
///
///   bench_many [--events N] [--rules N,N…] [--runs N]
///              [merchant|list|threshold|range|count|sequence|strict|absence…]
///
/// All numbers of rules see the same events, and the same share of the events satisfies some rule
/// (or begins a match of it): with more rules each is satisfied more rarely. So the ratio says what
/// the further rules cost, not what further alerts cost.
#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "bench/many_keys.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "rules/context/rules.h"

namespace {
using namespace tocsin;

constexpr std::uint64_t kMerchants = 100'000;
constexpr std::uint64_t kListed = 50;  // merchants of a list
constexpr std::uint64_t kCountries = 20;
constexpr std::uint64_t kCards = 20'000;
constexpr std::size_t kRowsOfSlice = 2'000;
constexpr std::uint64_t kRulesOfFile = 5'000;
constexpr double kAmounts = 1e14;  // in cents, all equally likely
// Of the events, so many satisfy a rule or begin a match. Fifty rules of a merchant each have a
// twentieth of a percent of the events, and no larger share.
constexpr double kShare = 0.0003;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Bytes of memory that the program has allocated.
double allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

std::uint64_t mixed(std::uint64_t word) {  // as splitmix64
  word += 0x9e3779b97f4a7c15U;
  word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9U;
  word = (word ^ word >> 27) * 0x94d049bb133111ebU;
  return word ^ word >> 31;
}
double fraction(std::uint64_t random) { return static_cast<double>(random >> 11) * 0x1p-53; }
std::string merchant(std::uint64_t number) { return "m" + std::to_string(number % kMerchants); }

// How many rules of so many an event meets before amounts are compared.
double rules_met(const std::string& kind, std::uint64_t rules) {
  const auto all = static_cast<double>(rules);
  if (kind == "range") return all;
  if (kind == "threshold") return all / kCountries;
  return all * (kind == "list" ? kListed : 1) / kMerchants;
}

// The share of its events that satisfies rule k. Amounts above one bound are above all lower ones:
// where an event meets several rules, their shares are as 1, 1/2, 1/3 and so on, so that alerts
// come from many events and not from a few that satisfy all.
double share_of(const std::string& kind, std::uint64_t k, std::uint64_t rules) {
  const double met = rules_met(kind, rules);
  const double spread = 0.5 + fraction(mixed(k));
  if (met <= 1) return kShare / met * spread;
  const auto ranks = static_cast<std::uint64_t>(met);
  const double sum = std::log(met) + 0.5772 + 0.5 / met;  // of 1 / rank
  return kShare / sum / static_cast<double>(1 + mixed(k + rules) % ranks) * spread;
}

// An amount of which a share of all lie above it, or below.
std::string amount_of_share(double share, bool is_above) {
  const double cents = kAmounts * (is_above ? 1 - share : share);
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", std::max(0.0, cents) / 100);
  return text;
}

// Rule number k of so many.
void write_rule(const std::string& kind, std::uint64_t k, std::uint64_t rules, std::ostream& out) {
  const std::string name = "r" + std::to_string(k);
  const std::string own = "merchant = \"" + merchant(k) + "\"";
  const double share = share_of(kind, k, rules);
  const std::string above = "amount > " + amount_of_share(share, true);
  const std::string begins = own + " and amount < " + amount_of_share(share, false);
  if (kind == "list") {
    out << "list of_" << name << " : string = [";
    for (std::uint64_t i = 0; i < kListed; ++i) {
      out << (i == 0 ? "\"" : ", \"") << merchant(mixed(kListed * k + i)) << '"';
    }
    out << "]\n";
  }
  out << "rule " << name << " \"Rule\" {\n";
  if (kind == "merchant") {
    out << "  when payment where " << own << " and " << above;
  } else if (kind == "list") {
    out << "  when payment where merchant in of_" << name << " and " << above;
  } else if (kind == "threshold") {
    out << "  when payment where country = \"C" << k % kCountries << "\" and " << above;
  } else if (kind == "range") {
    out << "  when payment where " << above;
  } else if (kind == "count") {
    out << "  by card\n  when payment where " << begins << " and count(payment where " << begins
        << ") over last 10m >= 1";
  } else if (kind == "sequence") {
    out << "  by card\n  when payment where " << begins << " then payment where amount > "
        << amount_of_share(0.1, true) << "\n  within 1m";
  } else if (kind == "strict") {
    out << "  by card\n  when payment where " << begins << " then next payment where amount > "
        << amount_of_share(0.5, true) << "\n  within 1m";
  } else if (kind == "absence") {
    out << "  by card\n  when payment where " << begins << " then no payment where amount > "
        << amount_of_share(0.5, true) << " for 10s";
  } else {
    bench::die("unknown kind " + kind);
  }
  out << "\n  alert \"x\"\n}\n";
}

std::shared_ptr<const cep::Plan> plan_of(const std::string& kind, std::uint64_t rules) {
  std::map<std::string, std::string> files;
  files["a.tocsin"] =
      "event payment { ts: time, id: int id, card: string, merchant: string, country: string,"
      " amount: decimal(2) }\n";
  for (std::uint64_t begin = 0; begin < rules; begin += kRulesOfFile) {
    std::ostringstream text;
    const std::uint64_t end = std::min(begin + kRulesOfFile, rules);
    for (std::uint64_t k = begin; k < end; ++k) write_rule(kind, k, rules, text);
    files["b" + std::to_string(begin) + ".tocsin"] = text.str();
  }
  std::vector<std::string> names;
  for (const auto& [name, text] : files) names.push_back(name);
  const rules::Loaded loaded = rules::load(
      names, [&](const std::string& name) -> Result<std::string> { return files.at(name); });
  if (!loaded.rules) bench::die(rules::render(loaded.sources, loaded.diagnostics.front()));
  return loaded.rules->plan;
}

std::vector<cep::Batch> make_slices(const cep::Plan& plan, std::size_t events) {
  std::vector<cep::Batch> slices;
  for (std::size_t i = 0; i < events; ++i) {
    if (i % kRowsOfSlice == 0) slices.emplace_back(plan);
    const std::uint64_t random = mixed(i);
    const auto amount = static_cast<std::int64_t>(kAmounts * fraction(mixed(random)));
    const std::string card = "c" + std::to_string(random % kCards);
    const std::string shop = merchant(random >> 20);
    const std::string country = "C" + std::to_string((random >> 8) % kCountries);
    const cep::EventTime ts{static_cast<std::int64_t>(i) * 1'000};
    cep::Batch& slice = slices.back();
    slice.append(
        plan, cep::EventTypeIndex(0), ts, ts, {i + 1, 0},
        {cep::Value::time(ts), cep::Value::integer(static_cast<std::int64_t>(i)),
         cep::Value::string(slice.texts.store(card)), cep::Value::string(slice.texts.store(shop)),
         cep::Value::string(slice.texts.store(country)), cep::Value::decimal(amount, 2)});
  }
  return slices;
}

// So many rules, and what was measured of them.
struct Pack {
  std::uint64_t rules = 0;
  std::unique_ptr<cep::Program> program;
  double load_seconds = 0;
  double compile_seconds = 0;
  double program_bytes = 0;  // plan and program
  double engine_bytes = 0;   // of a fresh one
  double ns = 1e300;         // an event, in the best run
  std::size_t alerts = 0;
};

Pack make_pack(const std::string& kind, std::uint64_t rules) {
  Pack pack;
  pack.rules = rules;
  malloc_trim(0);
  const double bytes = allocated_bytes();
  const double begin = cpu_seconds();
  const std::shared_ptr<const cep::Plan> plan = plan_of(kind, rules);
  const double loaded = cpu_seconds();
  auto program = cep::compile(plan);
  if (!program) bench::die(program.error().message);
  pack.load_seconds = loaded - begin;
  pack.compile_seconds = cpu_seconds() - loaded;
  pack.program = std::make_unique<cep::Program>(*std::move(program));
  pack.program_bytes = allocated_bytes() - bytes;
  return pack;
}

// A fresh engine goes through all slices.
void run(Pack& pack, const std::vector<cep::Batch>& slices) {
  const double bytes = allocated_bytes();
  cep::Engine engine(*pack.program, 1);
  std::vector<cep::Alert> alerts;
  double seconds = 0;
  pack.alerts = 0;
  for (const cep::Batch& slice : slices) {
    const double start = cpu_seconds();
    engine.advance(slice, slice.rows.back().engine_time, alerts);
    seconds += cpu_seconds() - start;
    pack.alerts += alerts.size();
    alerts.clear();
    if (&slice != &slices.front()) continue;
    seconds = 0;  // the first one makes what all need
    pack.engine_bytes = allocated_bytes() - bytes;
  }
  const auto events = static_cast<double>((slices.size() - 1) * kRowsOfSlice);
  pack.ns = std::min(pack.ns, seconds * 1e9 / events);
}

// What a further rule takes beyond those of the first pack, in bytes.
double bytes_a_rule(const Pack& pack, const Pack& first, double Pack::*bytes) {
  if (pack.rules <= first.rules) return 0;
  return (pack.*bytes - first.*bytes) / static_cast<double>(pack.rules - first.rules);
}

void measure(const std::string& kind, const std::vector<std::uint64_t>& sizes, std::size_t events,
             int runs) {
  std::vector<Pack> packs;
  for (const std::uint64_t rules : sizes) packs.push_back(make_pack(kind, rules));
  const std::vector<cep::Batch> slices = make_slices(packs.front().program->plan(), events);
  for (int i = 0; i < runs; ++i) {
    for (Pack& pack : packs) run(pack, slices);
  }
  const Pack& first = packs.front();
  for (const Pack& pack : packs) {
    std::printf("%-10s %8llu %12.1f %8.2f %8zu %14.0f %14.0f %8.2f %10.2f\n", kind.c_str(),
                static_cast<unsigned long long>(pack.rules), pack.ns, pack.ns / first.ns,
                pack.alerts, bytes_a_rule(pack, first, &Pack::engine_bytes),
                bytes_a_rule(pack, first, &Pack::program_bytes), pack.load_seconds,
                pack.compile_seconds);
    std::fflush(stdout);
  }
}

std::vector<std::uint64_t> numbers_of(const std::string& text) {
  std::vector<std::uint64_t> numbers;
  std::istringstream in(text);
  for (std::string number; std::getline(in, number, ',');) {
    numbers.push_back(std::max<std::uint64_t>(1, std::strtoull(number.c_str(), nullptr, 10)));
  }
  return numbers;
}
}  // namespace

int main(int argc, char** argv) {
  std::size_t events = 400'000;
  int runs = 5;
  std::vector<std::uint64_t> sizes = {50, 1'000, 10'000, 100'000};
  std::vector<std::string> kinds;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--events" && i + 1 < argc) {
      events = std::strtoull(argv[++i], nullptr, 10) / kRowsOfSlice * kRowsOfSlice;
    } else if (argument == "--rules" && i + 1 < argc) {
      sizes = numbers_of(argv[++i]);
    } else if (argument == "--runs" && i + 1 < argc) {
      runs = std::atoi(argv[++i]);
    } else {
      kinds.push_back(argument);
    }
  }
  if (sizes.empty()) bench::die("--rules names no number");
  if (kinds.empty()) {
    kinds = {"merchant", "list", "threshold", "range", "count", "sequence", "strict", "absence"};
  }
  std::printf("%-10s %8s %12s %8s %8s %14s %14s %8s %10s\n", "kind", "rules", "ns an event",
              "ratio", "alerts", "bytes a rule", "program's", "load, s", "compile, s");
  for (const std::string& kind : kinds) {
    measure(kind, sizes, std::max(events, 2 * kRowsOfSlice), std::max(runs, 1));
  }
  return 0;
}
