// The memory that an explanation names, against what the engine holds on a workload.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "cep/data/batch.h"
#include "cep/diagnose/rule_profile.h"
#include "cep/engine/engine.h"
#include "cep/plan/event_type.h"
#include "rules/context/rules.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
constexpr const char* kSchema = R"(
event payment { ts: time, id: string id, card: string, merchant: string, amount: decimal(2), memo: string? }
event transfer { ts: time, id: string id, card: string, amount: decimal(2) }
)";
struct Shape {
  const char* name;
  const char* text;
};
constexpr Shape kShapes[] = {
    {"then", R"(rule r "r" { by card when payment as a then transfer as b where amount > a.amount
      within 1d alert "{a.merchant}" })"},
    {"no skip", R"(rule r "r" { by card when payment as a then transfer as b where amount > a.amount
      within 1d after match no skip alert "{a.merchant}" })"},
    {"loop", R"(rule r "r" { by card when 3+ payment as a then transfer as b
      within 1d alert "{count(a)} {sum(a.amount)}" })"},
    {"absence",
     R"(rule r "r" { by card when payment as a then no transfer for 1d alert "{a.amount}" })"},
    {"next",
     R"(rule r "r" { by card when payment as a then next payment as b where merchant = a.merchant
      then next transfer within 1d alert "{a.amount}" })"},
    {"without", R"(rule r "r" { by card when payment as a then transfer as b where amount > a.amount
      without transfer where amount < 0 within 1d alert "{a.memo}" })"},
    {"each", R"(rule r "r" { by card when 2 each payment as a where amount > 0 then transfer as b
      within 1d after match no skip alert "{a.first.amount}" })"},
    {"session", R"(rule r "r" { by card when session of payment gap 1d as s where count(s) > 99
      alert "{count(s)}" })"},
    {"once",
     R"(rule r "r" { by card when payment where amount > 0 once per 1d alert "{amount}" })"},
    {"count", R"(feature f = count(payment) by card over last 1d
      rule r "r" { by card when payment where f > 99 alert "{f}" })"},
    {"sum over minutes", R"(feature f = sum(amount of payment) by card over last 1h
      rule r "r" { by card when payment where f < 0 alert "{f}" })"},
    {"distinct", R"(feature f = distinct(merchant of payment) by card over last 1d
      rule r "r" { by card when payment where f > 99 alert "{f}" })"},
    {"max", R"(feature f = max(amount of payment) by card over last 1d
      rule r "r" { by card when payment where f < 0 alert "{f}" })"},
    {"ever", R"(feature f = avg(amount of payment) by card over ever
      rule r "r" { by card when payment where f < 0 alert "{f}" })"},
    {"panes", R"(feature f = stddev(amount of payment) by card over last 1d every 1h
      rule r "r" { by card when payment where f < 0 alert "{f}" })"},
};

struct Measured {
  double bytes = 0;                   // in all
  double matches = 0;                 // partial ones, in all
  std::vector<std::size_t> payments;  // of each card
};
// What an engine holds after that many payments of cards drawn by chance, all within one day.
Measured measure(const cep::Program& program, std::size_t cards, std::size_t payments) {
  const cep::Plan& plan = program.plan();
  cep::Engine engine(program, 1);
  const std::uint64_t before = engine.stats().state_bytes;
  std::vector<cep::Alert> alerts;
  Random random(7);
  Measured out;
  out.payments.resize(cards);
  constexpr std::size_t kRowsOfSlice = 4096;
  cep::Batch batch(plan);
  cep::EventTime now{1'000'000'000'000};
  for (std::size_t number = 0; number < payments; ++number) {
    now = now + cep::Duration{1'000};
    const std::size_t card = random.below(cards);
    ++out.payments[card];
    const std::string id = fmt::format("payment-{:09}", number);
    const std::string name = fmt::format("card-{:07}", card);
    const std::string shop = fmt::format("merchant-{:05}", random.below(50'000));
    batch.append(plan, cep::EventTypeIndex(0), now, now, {0, static_cast<std::uint32_t>(number)},
                 {cep::Value::time(now), cep::Value::string(id), cep::Value::string(name),
                  cep::Value::string(shop),
                  cep::Value::decimal(100 + static_cast<std::int64_t>(random.below(10'000)), 2)});
    if (batch.rows.size() < kRowsOfSlice && number + 1 < payments) continue;
    engine.advance(batch, now, alerts);
    batch = cep::Batch(plan);
  }
  out.bytes = static_cast<double>(engine.stats().state_bytes - before);
  out.matches = static_cast<double>(engine.stats().runs);
  return out;
}

// The same, as the explanation says.
double estimate(const cep::RuleMemory& memory, const Measured& measured) {
  double payments = 0;
  for (const std::size_t count : measured.payments) payments += static_cast<double>(count);
  const double matches_of_payment = measured.matches / payments;
  double bytes = 0;
  for (const std::size_t count : measured.payments) {
    if (count == 0) continue;
    const double matches = matches_of_payment * static_cast<double>(count);
    bytes += static_cast<double>(memory.bytes(static_cast<std::size_t>(std::lround(matches)),
                                              measured.matches > 0 ? count : 0));
    for (const cep::FeatureMemory& feature : memory.features) {
      bytes += static_cast<double>(feature.bytes_first + (count - 1) * feature.bytes_more);
    }
  }
  return bytes;
}
}  // namespace

TEST_CASE("explain: the memory that it names is right within a factor of two" *
          doctest::skip(is_quick())) {
  constexpr std::size_t kCards = 16'000;
  const bool quick = seeds_of("RULES", 2000).size() < 1000;
  for (const Shape& shape : kShapes) {
    if (quick && (&shape - kShapes) % 4 != 0) continue;
    const std::string text = std::string(kSchema) + shape.text;
    const rules::Loaded loaded =
        rules::load({"a.tocsin"}, [&](const std::string&) -> Result<std::string> { return text; });
    REQUIRE_MESSAGE(loaded.rules.has_value(), shape.name);
    const Result<cep::Program> program = cep::compile(loaded.rules->plan);
    REQUIRE(program);
    const cep::RuleMemory memory = cep::describe_profile(*program, cep::RuleIndex(0)).memory;
    for (const std::size_t payments : {1, 6}) {
      const Measured real = measure(*program, kCards, payments * kCards);
      const double estimated = estimate(memory, real);
      INFO(shape.name, ", payments of a card: ", payments,
           ", bytes of a card: ", real.bytes / kCards, ", estimated: ", estimated / kCards,
           ", matches: ", real.matches / kCards);
      CHECK(estimated <= 2 * real.bytes);
      CHECK(real.bytes <= 2 * estimated);
    }
  }
}
}  // namespace tocsin::tests
