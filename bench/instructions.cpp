/// Gives the engine a short stream that is the same in every run, so that instructions can be
/// counted (bench/instructions.py). Only what tocsin_counted() does is meant: rules are loaded,
/// events made and windows filled before.
///
///   bench_instructions payments RULES.tocsin   the payments workload's rules, 1,000 accounts
///   bench_instructions thousand                1,000 rules that each concern few events
///   bench_instructions hot_key                 one key with 10,000 events in the window
///   bench_instructions alerts                  an alert of three events at each event, as a line
///
/// Prints the number of events counted, and of their alerts.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/many_keys.h"
#include "bench/measure.h"
#include "bench/numbers.h"
#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::bench {
/// What becomes of alerts: they are counted and, with `format`, written as lines.
struct Alerts {
  std::optional<cep::AlertFormat> format;
  std::vector<cep::Alert> raised;
  std::size_t count = 0;
  std::size_t bytes = 0;
};
}  // namespace tocsin::bench

/// What is counted, found by its name.
extern "C" [[gnu::noinline, gnu::noclone]] void tocsin_counted(
    tocsin::cep::Engine& engine, const std::vector<tocsin::cep::Batch>& slices, std::size_t first,
    tocsin::bench::Alerts& alerts) {
  for (std::size_t i = first; i < slices.size(); ++i) {
    engine.advance(slices[i], slices[i].rows.back().engine_time, alerts.raised);
    alerts.count += alerts.raised.size();
    if (alerts.format) {
      for (const tocsin::cep::Alert& alert : alerts.raised) {
        alerts.bytes += alerts.format->line(alert).size();
      }
    }
    alerts.raised.clear();
  }
}

namespace {
using namespace tocsin;

constexpr std::size_t kRowsOfSlice = 2'000;

// Events of a plan, in slices.
class Stream {
 public:
  explicit Stream(const cep::Plan& plan) : plan_(plan) {}
  void add(const char* type, std::int64_t time_us, std::vector<cep::Value> fields) {
    if (count_ % kRowsOfSlice == 0) slices_.emplace_back(plan_);
    std::size_t index = 0;
    while (plan_.event_types[index].name != type) ++index;
    const cep::EventTime ts{time_us};
    fields.insert(fields.begin(), cep::Value::time(ts));
    slices_.back().append(plan_, cep::EventTypeIndex(index), ts, ts, {++count_, 0}, fields);
  }
  const std::vector<cep::Batch>& slices() const { return slices_; }

 private:
  const cep::Plan& plan_;
  std::vector<cep::Batch> slices_;
  std::uint64_t count_ = 0;
};

// The events of bench/workload/make_rules.py, four a second.
void add_payments(Stream& stream, std::size_t events) {
  static constexpr const char* kCountries[] = {"DE", "FR", "SE", "US", "JP", "GB", "NO", "AQ"};
  static constexpr const char* kChannels[] = {"pos", "ecom", "atm"};
  bench::Numbers numbers;
  for (std::size_t i = 0; i < events; ++i) {
    const auto time = static_cast<std::int64_t>(i) * 250'000;
    const cep::Value id = cep::Value::integer(static_cast<std::int64_t>(i));
    const std::uint64_t card = numbers.below(1'500);
    const std::string account_name = "a" + std::to_string(card % 1'000);
    const std::string card_name = "c" + std::to_string(card);
    const cep::Value account = cep::Value::string(account_name);
    const std::uint64_t kind = numbers.below(100);
    const std::uint64_t size = numbers.below(100);
    const std::uint64_t cents = size < 4    ? numbers.below(200)
                                : size < 96 ? 2'000 + numbers.below(3'000)
                                            : 10'000 + numbers.below(200'000);
    const cep::Value amount = cep::Value::decimal(static_cast<std::int64_t>(cents), 2);
    const std::uint64_t channel = numbers.below(3);
    const char* const country = kCountries[numbers.below(20) == 0 ? numbers.below(8) : card % 7];
    if (kind < 80) {
      stream.add("payment", time,
                 {id, account, cep::Value::string(card_name), cep::Value::string(country), amount,
                  cep::Value::enumerated(static_cast<std::int64_t>(channel), kChannels[channel])});
    } else if (kind < 92) {
      stream.add("login", time, {id, account, cep::Value::boolean(size < 60)});
    } else if (kind < 94) {
      stream.add("password_change", time, {id, account});
    } else if (kind < 97) {
      stream.add("transfer", time, {id, account, amount});
    } else {
      stream.add("otp_ok", time, {id, account});
    }
  }
}

constexpr const char* kPurchase =
    "event purchase { ts: time, id: int id, card: string, merchant: string, amount: decimal(2) }\n";

// Five forms of rules, each of one merchant or fifty.
std::string thousand_rules() {
  std::string text = kPurchase;
  bench::Numbers numbers;
  for (int k = 0; k < 1'000; ++k) {
    const std::string number = std::to_string(k);
    const std::string own = "merchant = \"m" + std::to_string(numbers.below(2'000)) + "\"";
    std::string body;
    switch (k % 5) {
      case 0:
        body = "when purchase where " + own + " and amount > 9000";
        break;
      case 1:
        text += "list l" + number + " : string = [\"none\"";
        for (int i = 0; i < 50; ++i) text += ", \"m" + std::to_string(40 * i + k % 40) + "\"";
        text += "]\n";
        body = "when purchase where merchant in l" + number + " and amount > 9900";
        break;
      case 2:
        body = "by card when purchase where " + own +
               " and amount < 200 then purchase where amount > 9000 within 1m";
        break;
      case 3:
        body = "by card when purchase where " + own +
               " and amount < 200 then next purchase where amount > 5000 within 1m";
        break;
      default:
        body = "by card when purchase where " + own +
               " and amount < 100 then no purchase where amount > 5000 for 10s";
        break;
    }
    text += "rule r" + number + " \"Rule\" { " + body + " alert \"x\" }\n";
  }
  return text;
}

// A purchase a second of one card, or eight of `cards` cards.
void add_purchases(Stream& stream, std::size_t events, std::uint64_t cards) {
  bench::Numbers numbers;
  for (std::size_t i = 0; i < events; ++i) {
    const std::string card = "c" + std::to_string(numbers.below(cards));
    const std::string merchant = "m" + std::to_string(numbers.below(2'000));
    const std::int64_t gap_us = cards == 1 ? 1'000'000 : 125'000;
    stream.add("purchase", static_cast<std::int64_t>(i) * gap_us,
               {cep::Value::integer(static_cast<std::int64_t>(i)), cep::Value::string(card),
                cep::Value::string(merchant),
                cep::Value::decimal(static_cast<std::int64_t>(numbers.below(1'000'000)), 2)});
  }
}

// Constructs whose cost must not grow with a key's events.
std::string hot_key_rules() {
  static constexpr const char* kBodies[] = {
      "when purchase where amount > 9990",
      "when 3+ purchase where amount < 9000 then purchase where amount > 9999 within 10000s",
      "when purchase where amount < 1000 then purchase where amount > 3000 then purchase where "
      "amount > 9999 within 10000s",
      "when 3+ purchase where amount < 9000 then purchase where amount > 9999 within 10000s after "
      "match skip past last",
      "when purchase where count(purchase) over last 10000s > 1000 and amount > 9999",
      "when purchase where sum(amount of purchase) over last 10000s > 1000 and amount > 9999"};
  std::string text = kPurchase;
  for (std::size_t i = 0; i < std::size(kBodies); ++i) {
    text += "rule r" + std::to_string(i) + " \"Rule\" { by card " + kBodies[i] + " alert \"x\" }\n";
  }
  return text;
}

// Alerts as rules of packs raise them: key, tags, message, score and fields.
std::string alerts_rules() {
  return std::string(kPurchase) +
         "rule three \"Three purchases in a row\" { severity high tags card, velocity by card "
         "when purchase as a then next purchase as b then next purchase as c within 1h "
         "alert \"Card {card}: {c.amount} at {c.merchant}, {a.amount} before\" "
         "{ score: 70, total: a.amount + b.amount + c.amount, gap: c.ts - a.ts } }\n";
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) bench::die("cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}
}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  std::size_t warm = 20'000;
  std::size_t counted = 20'000;
  std::string text;
  if (name == "payments" && argc == 3) {
    text = read_file(argv[2]);
  } else if (name == "thousand" && argc == 2) {
    text = thousand_rules();
  } else if (name == "hot_key" && argc == 2) {
    text = hot_key_rules();
    warm = 12'000;
    counted = 8'000;
  } else if (name == "alerts" && argc == 2) {
    text = alerts_rules();
  } else {
    bench::die("usage: bench_instructions payments RULES.tocsin | thousand | hot_key | alerts");
  }
  const std::shared_ptr<const cep::Plan> plan = bench::text_plan(text);
  const auto program = cep::compile(plan);
  if (!program) bench::die(program.error().message);
  Stream stream(*plan);
  if (name == "payments") {
    add_payments(stream, warm + counted);
  } else {
    add_purchases(stream, warm + counted, name == "hot_key" ? 1 : 1'000);
  }
  cep::Engine engine(*program, 1);
  bench::Alerts alerts;
  if (name == "alerts") alerts.format.emplace(*plan);
  const std::vector<cep::Batch>& slices = stream.slices();
  const std::size_t first = warm / kRowsOfSlice;
  for (std::size_t i = 0; i < first; ++i) {
    engine.advance(slices[i], slices[i].rows.back().engine_time, alerts.raised);
  }
  // Later ones find all ready: the first alert makes OpenSSL read its configuration.
  if (alerts.raised.empty()) bench::die("no alert before what is counted");
  if (alerts.format) alerts.format->line(alerts.raised.front());
  alerts.raised.clear();
  tocsin_counted(engine, slices, first, alerts);
  std::printf("%zu events, %zu alerts\n", counted, alerts.count);
  return 0;
}
